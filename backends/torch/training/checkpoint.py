"""Checkpoints: whole or not at all, and read by any number of ranks and either strategy.

A folder `checkpoints/step-00001000` has shards of torch.distributed.checkpoint, state.json, and the weights and their
average as safetensors under the published names, which `mdmc compile --weights` takes.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_model_state_dict,
    set_state_dict,
)

from .settings import Mistake, Phase
from .training import Trainer

WEIGHTS, AVERAGE = "weights.safetensors", "average.safetensors"


def finished(run: Path) -> list[Path]:
    """The checkpoints of a run that are whole, oldest first."""
    found = (run / "checkpoints").glob("step-*")
    return sorted(path for path in found if path.suffix == "" and (path / "state.json").exists())


def state_of(checkpoint: Path) -> dict[str, Any]:
    return json.loads((checkpoint / "state.json").read_text())


def save(run: Path, step: int, trainer: Trainer, state: dict[str, Any], keep: int) -> Path:
    """Writes a checkpoint beside the others, then gives it its name; all ranks together."""
    path = run / "checkpoints" / f"step-{step:08d}"
    partial = path.with_suffix(".partial")
    first = dist.get_rank() == 0
    if first:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    dist.barrier()
    dcp.save(tensors_of(trainer), checkpoint_id=partial)
    export(trainer.model, partial / WEIGHTS)
    if trainer.average is not None:
        export(trainer.average, partial / AVERAGE)
    if first:
        (partial / "state.json").write_text(json.dumps({**state, "step": step, "taken": trainer.taken}))
        flush(partial)
        shutil.rmtree(path, ignore_errors=True)
        partial.rename(path)
        for old in finished(run)[:-keep]:
            shutil.rmtree(old)
    dist.barrier()
    return path


def restore(checkpoint: Path, trainer: Trainer) -> None:
    """Puts all that a checkpoint holds into a trainer of the same phase."""
    tensors = tensors_of(trainer)
    dcp.load(tensors, checkpoint_id=checkpoint)
    set_state_dict(
        trainer.model,
        trainer.optimizer,
        model_state_dict=tensors["model"],
        optim_state_dict=tensors["optimizer"],
    )
    if trainer.average is not None:
        set_model_state_dict(trainer.average, tensors["average"])
    trainer.taken = state_of(checkpoint)["taken"]


def tensors_of(trainer: Trainer) -> dict[str, Any]:
    model, optimizer = get_state_dict(trainer.model, trainer.optimizer)
    average = {} if trainer.average is None else {"average": get_model_state_dict(trainer.average)}
    return {"model": model, "optimizer": optimizer, **average}


def export(model: nn.Module, path: Path) -> None:
    """Writes the whole of a model that may lie on several ranks; all of them together."""
    whole = StateDictOptions(full_state_dict=True, cpu_offload=True)
    tensors: dict[str, Any] = get_model_state_dict(model, options=whole)
    if dist.get_rank() == 0:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def flush(folder: Path) -> None:
    """Brings files onto the disk, before the name that says that they are there."""
    for path in folder.iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())


def publish(run: Path) -> list[Path]:
    """Copies the newest weights and their average to where a run has them at its end. Result: the copies."""
    checkpoints = finished(run)
    if not checkpoints:
        raise Mistake(f"{run} has no checkpoint yet")
    copies = []
    for name in (WEIGHTS, AVERAGE):
        if (checkpoints[-1] / name).exists():
            shutil.copyfile(checkpoints[-1] / name, run / f"{name}.partial")
            copies.append((run / f"{name}.partial").rename(run / name))
    return copies


def begin(model: nn.Module, phase: Phase, before: Path | None, weights: str | None) -> None:
    """Gives a fresh model of a phase what it begins with.

    before: the last checkpoint of the phase before, whose average counts more than its weights. weights: a file for
    the first phase. What is given for the phase itself counts most.
    """
    given = [] if phase.start is None else [(phase.start, 0)]
    if before is not None:
        files = [before / AVERAGE, before / WEIGHTS]
        given += [(str(file), 0) for file in files if file.exists()]
    else:
        given += [] if weights is None else [(weights, 0)]
        given += [(path, depth) for depth, path in phase.pretrained]
    for path, depth in reversed(given):
        model.load_state_dict(placed(model, path, depth), strict=False)


def placed(model: nn.Module, path: str, depth: int) -> dict[str, Any]:
    """A checkpoint under the names of the model that it belongs to, or that one nested in it, from a depth inwards."""
    try:
        tensors = load_file(path)
    except (OSError, ValueError) as error:
        raise Mistake(f"{path} cannot be read: {error}") from None
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    prefix = "inner_unet." * depth
    found = {name: tensor.shape for name, tensor in tensors.items()}
    while own := {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}:
        if own == found:
            return {prefix + name: tensor for name, tensor in tensors.items()}
        prefix += "inner_unet."
    different = sorted(name for name in found.keys() | shapes.keys() if found.get(name) != shapes.get(name))
    raise Mistake(f"{path} fits neither the model nor one nested in it: {different[0]} differs, for one")
