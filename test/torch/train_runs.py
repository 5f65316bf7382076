"""Runs of packages' trainers, one after the other in one process or under torchrun, which spares starting PyTorch.

Argument: a JSON list. An item has `package`, where a package lies, and the options of a run; or `noise` and `pictures`,
a file of noise and of conditions, and one to write the images that `weights` make of them.
"""

import importlib
import json
import os
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

STANDARD = {"workers": 0, "sample_every": 0, "log_every": 1, "save_every": 1000, "device": "cpu"}


def train(name, **given):
    plan, run = (importlib.import_module(f"{name}.{module}") for module in ("plan", "run"))
    options = run.Options(**{**STANDARD, **given, "out": Path(given["out"])})
    assert run.Run(plan.SETTINGS, plan.PHASES, options).train()


def sample(name, weights, noise, pictures):
    model, sampler = (importlib.import_module(f"{name}.{module}") for module in ("model", "sampler"))
    given = load_file(noise)
    drawn = iter([given[f"noise.{i}"] for i in range(sum(name.startswith("noise.") for name in given))])
    randn = sampler.torch.randn
    sampler.torch.randn = lambda *_, **__: next(drawn)
    network = model.load(weights).eval()
    conditions = [network.condition(given[f"{kind}text"], given[f"{kind}mask"]) for kind in ("", "empty_")]
    images = sampler.sample(network, 2, *conditions)
    sampler.torch.randn = randn
    save_file({str(r): image.contiguous() for r, image in enumerate(images)}, pictures)


if __name__ == "__main__":
    print(f"rank {os.environ.get('RANK', '0')} is process {os.getpid()}", flush=True)
    for item in json.loads(sys.argv[1]):
        folder = Path(item.pop("package"))
        sys.path.insert(0, str(folder))
        (plan,) = folder.glob("*/plan.py")
        (sample if "noise" in item else train)(plan.parent.name, **item)
