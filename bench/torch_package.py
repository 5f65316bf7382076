"""One forward, or one training step, of a package that mdmc compiled; bench/torch.ts takes turns with it.

    python3 bench/torch_package.py --package DIR --config JSON --inputs SAFETENSORS [--forward] [--fast]

Arguments, inputs and answers are those of `peers/torch_train.py`. The step is that of the package's own training.
"""

import argparse
import copy
import importlib
import json
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from torch_nested_unet import rule_tensor
from torch_train import peak_memory


class Package:
    def __init__(self, folder: Path, sides: list, given: dict, forward: bool, fast: bool):
        name = next(path.parent.name for path in folder.glob("*/__init__.py"))
        sys.path.insert(0, str(folder))
        training, plan, parallel = (importlib.import_module(f"{name}.{it}") for it in ("training", "plan", "parallel"))
        if not forward:
            parallel.suit_processors()
        (phase,) = plan.PHASES
        with torch.device("meta"):
            model = phase.model()
        state = {key: torch.from_numpy(rule_tensor(key, tuple(x.shape))) for key, x in model.state_dict().items()}
        model.load_state_dict(state, assign=True)
        self.model = model.to(memory_format=torch.channels_last)
        self.network = torch.compile(self.model, fullgraph=True) if fast else self.model
        self.autocast = (lambda: torch.autocast("cpu", torch.bfloat16)) if fast else nullcontext
        condition = tuple(given[key] for key in ("text", "text_mask") if key in given)
        noise = [given[f"noise_{side}"] for side in sides]
        self.drawn = training.Drawn(given["images"], given["times"].long(), noise, condition, {})
        self.answer = self.forward if forward else self.step
        if not forward:
            self.model.requires_grad_(True).train()
            average = copy.deepcopy(self.model).requires_grad_(False)
            # The rate of the peer, from the first step on.
            settings = replace(plan.SETTINGS, warmup=0)
            self.trainer = training.Trainer(
                phase, settings, phase.steps or 1000, self.model, average, self.network, self.autocast
            )

    @torch.inference_mode()
    def forward(self) -> float:
        with self.autocast():
            predictions = self.network(self.drawn.noise, self.drawn.times.float(), *self.drawn.given)
        return sum(prediction.float().square().mean() for prediction in predictions).item()

    def step(self) -> float:
        means, _, _ = self.trainer.step([self.drawn], 1)
        return means[0].item()

    def timed(self) -> dict:
        start = time.perf_counter()
        loss = self.answer()
        return {"seconds": time.perf_counter() - start, "loss": loss, "memory": peak_memory()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a compiled package.")
    parser.add_argument("--package", required=True, type=Path, metavar="DIR")
    parser.add_argument("--config", required=True, type=Path, metavar="JSON")
    parser.add_argument("--inputs", required=True, metavar="SAFETENSORS")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--forward", action="store_true", help="the predictions only")
    parser.add_argument("--fast", action="store_true", help="torch.compile and bfloat16")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    sides = json.loads(args.config.read_text())["sizes"]
    package = Package(args.package, sides, load_file(args.inputs), args.forward, args.fast)
    package.timed()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() != "run":
            break
        print(json.dumps(package.timed()), flush=True)


if __name__ == "__main__":
    main()
