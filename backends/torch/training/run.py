"""A run: phase after phase, from its beginning or from its newest checkpoint on."""

import copy
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from . import checkpoint
from .data import Batch, Batches, Shards
from .order import Order, lanes_for
from .parallel import Processes
from .report import Counters, Report
from .samples import Samples
from .settings import Mistake, Phase, Settings, seed_of
from .training import Trainer, draw, trained_names

MOST_SKIPPED = 20
"""Steps in a row that are not finite, after which a run gives up."""


@dataclass(frozen=True)
class Options:
    """What the command line says; None: as the model, or the run that goes on, has it."""

    data: str
    out: Path
    resume: bool = False
    strategy: str = "ddp"
    device: str | None = None
    precision: str | None = None
    steps: int | None = None
    batch: int | None = None
    accumulate: int | None = None
    seed: int | None = None
    weights: str | None = None
    compile: bool = False
    recompute: Sequence[int] = ()
    workers: int = 4
    log_every: int = 10
    save_every: int = 500
    sample_every: int | None = None
    sample_steps: int = 50
    keep: int = 2


class Run:
    """Everything that the phases of a run share."""

    def __init__(self, settings: Settings, phases: Sequence[Phase], options: Options) -> None:
        self.options = options
        self.processes = Processes(options.device)
        self.shards = Shards(options.data)
        self.newest: Path | None = self.processes.agreed((checkpoint.finished(options.out) or [None])[-1])
        self.begun = self.begin([phase.name for phase in phases])
        chosen = {
            key: value for key, value in self.begun.items() if key in ("accumulate", "seed") and value is not None
        }
        self.settings = replace(settings, **chosen)
        changed = {key: self.begun[key] for key in ("steps", "batch") if self.begun[key] is not None}
        self.phases = [replace(phase, **changed) for phase in phases]
        for phase in self.phases:
            if phase.steps is None or phase.batch is None:
                raise Mistake("the model has no section `train` with a phase: give --steps and --batch")
            self.shards.refuse_unfit(phase.inputs, self.settings)
        world = self.processes.world
        self.lanes: int = self.begun.get("lanes") or lanes_for(self.phases, self.shards.sizes, world)
        if self.lanes % world != 0:
            raise Mistake(
                f"a run with {self.lanes} lanes goes on with a number of processes that divides it, not {world}"
            )
        self.bfloat16 = self.precision() == "bf16"
        if self.newest is None and self.processes.rank == 0:
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / "run.json").write_text(json.dumps({**self.begun, "lanes": self.lanes}, indent=2))

    def begin(self, phases: list[str]) -> dict[str, Any]:
        """What the run was, or is now, begun with."""
        options = self.options
        given = {key: getattr(options, key) for key in ("steps", "batch", "accumulate", "seed", "weights")}
        examples = {"phases": phases, "examples": sum(self.shards.sizes), "shards": len(self.shards.sizes)}
        if self.newest is None:
            return {**examples, **given}
        if not options.resume:
            raise Mistake(f"{options.out} has a run already: go on with it by --resume, or give another --out")
        begun = json.loads((options.out / "run.json").read_text())
        for key, value in {**examples, **given}.items():
            if value is not None and value != begun[key]:
                raise Mistake(f"a run goes on as it was begun: {key} was {begun[key]}, and is {value} now")
        return begun

    def precision(self) -> str:
        """bf16 or fp32: as asked, else as the model says where the device is a GPU."""
        wanted = self.settings.precision
        if self.options.precision is not None:
            return self.options.precision
        if wanted == "float32" or self.processes.device.type == "cpu":
            return "fp32"
        if wanted == "float16":
            raise Mistake("the model asks for float16, which is not trained in here; choose --precision bf16 or fp32")
        return "bf16"

    def train(self) -> bool:
        """Takes the steps that are left. Result: whether the run is done, rather than stopped."""
        done = 0 if self.newest is None else checkpoint.state_of(self.newest)["step"]
        report = Report(self.options.out, done) if self.processes.rank == 0 else None
        first = 0
        for number, phase in enumerate(self.phases):
            end = first + (phase.steps or 0)
            if done < end:
                done = PhaseRun(self, number, phase, first, done, report).take(done, end)
            if done < end:
                break
            first = end
        if report:
            report.close()
            if done == first:
                checkpoint.publish(self.options.out)
        return done == first

    def levels(self, model: nn.Module) -> None:
        """Lets levels of some sides compute twice what they would keep."""
        levels: list[Any] = [part for part in model.modules() if hasattr(part, "recompute")]
        for side in self.options.recompute:
            chosen = [level for level in levels if level.side == side]
            if not chosen:
                raise Mistake(f"--recompute {side}: the model has no level of this side")
            for level in chosen:
                level.recompute = True


class PhaseRun:
    """A phase of a run. first: the step of the run that it begins at. done: steps of the run that are taken."""

    def __init__(self, run: Run, number: int, phase: Phase, first: int, done: int, report: Report | None) -> None:
        options, processes, settings = run.options, run.processes, run.settings
        assert phase.steps is not None and phase.batch is not None
        self.run = run
        self.phase = phase
        self.number = number
        self.report = report
        self.batch = phase.batch
        self.first = first
        self.waited = 0.0
        within = run.newest is not None and done > first
        names = trained_names(phase)
        torch.manual_seed(seed_of("weights", settings.seed, number))
        model = phase.model()
        if not within:
            checkpoint.begin(model, phase, run.newest, run.begun["weights"])
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name in names)
        run.levels(model)
        average = copy.deepcopy(model).eval().requires_grad_(False) if settings.average > 0 else None
        network = processes.lay_out(model, average, options.strategy, run.bfloat16, options.compile)
        self.trainer = Trainer(
            phase, settings, phase.steps, model, average, network, lambda: processes.autocast(run.bfloat16)
        )
        saved = None if run.newest is None else checkpoint.state_of(run.newest)["counters"]
        self.counters = Counters(phase, processes.device, saved)
        if within and run.newest is not None:
            checkpoint.restore(run.newest, self.trainer)
        self.samples = Samples(phase, run.shards, settings.seed, options.sample_steps, processes.device)

    def take(self, done: int, end: int) -> int:
        """Takes the steps up to another one of the run. Result: how many are taken, less where it was asked to stop."""
        run, trainer, options = self.run, self.trainer, self.run.options
        processes, settings = run.processes, run.settings
        order = Order(run.shards.sizes, run.lanes, settings.seed, self.number)
        # A compiled network is compiled for one shape.
        own = (self.batch, processes.rank, processes.world, options.compile)
        parts = settings.accumulate
        batches = Batches(run.shards, order, self.phase.inputs, settings, *own).load(
            (done - self.first) * parts,
            (end - self.first) * parts,
            options.workers,
            processes.device.type == "cuda",
        )
        rows = [count // processes.world for count in self.phase.rows(self.batch)]
        sample_every = options.save_every if options.sample_every is None else options.sample_every
        trainer.model.train()
        started = time.perf_counter()
        while done < end:
            # Dropout inside the network: other masks on every rank, and the same ones whenever the step is taken.
            torch.manual_seed(seed_of("dropout", settings.seed, self.number, done, processes.rank))
            rate = trainer.rate
            result = trainer.step(
                (draw(self.next(batches), self.phase, rows, processes.device) for _ in range(parts)), parts
            )
            done += 1
            now = time.perf_counter()
            self.counters.count(*result, self.batch * parts, now - started, self.waited)
            self.waited = 0.0
            started = now
            stopping = processes.stopping()
            last = done == end or stopping
            if done % options.log_every == 0 or last:
                self.log(done, rate)
            if sample_every > 0 and (done % sample_every == 0 or done == end):
                self.sample(done)
            if done % options.save_every == 0 or last:
                state = {"phase": self.number, "counters": self.counters.state}
                run.newest = checkpoint.save(options.out, done, trainer, state, options.keep)
            if stopping:
                break
        return done

    def next(self, batches: Iterator[Batch]) -> Batch:
        before = time.perf_counter()
        batch = next(batches)
        self.waited += time.perf_counter() - before
        return batch

    def log(self, step: int, rate: float) -> None:
        skipped, in_a_row = self.counters.skipped.tolist()
        row = self.counters.row(rate)
        if self.report:
            self.report.row(step, row)
            if in_a_row > 0:
                self.report.note(step, f"{int(skipped)} steps were skipped so far: not finite")
        if in_a_row >= MOST_SKIPPED:
            raise Mistake(
                f"the last {int(in_a_row)} steps up to {step} had no finite loss and gradient, and weights that give "
                "such losses do not recover: lower the learning rate, lengthen `warmup` or set `clip 1`"
            )

    def sample(self, step: int) -> None:
        if self.samples.count == 0:
            return
        model = self.trainer.average or self.trainer.model
        model.eval()
        # Compiled for other shapes, a few pictures would take longer than they do like this.
        with torch.compiler.set_stance("force_eager"), self.run.processes.autocast(self.run.bfloat16):
            images = self.samples.draw(model)
        self.trainer.model.train()
        if self.report:
            self.report.pictures(step, images, self.samples.captions)
