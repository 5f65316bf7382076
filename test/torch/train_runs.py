"""Runs of a package's trainer, one after the other in one process or under torchrun, which spares starting PyTorch.

Arguments: folder, package, and a JSON list of options of each run.
"""

import importlib
import json
import sys
from pathlib import Path

import torch.distributed as dist

if __name__ == "__main__":
    folder, name, runs = sys.argv[1:]
    sys.path.insert(0, folder)
    plan, run = (importlib.import_module(f"{name}.{module}") for module in ("plan", "run"))
    standard = {"workers": 0, "sample_every": 0, "log_every": 1, "save_every": 1000, "device": "cpu"}
    for given in json.loads(runs):
        options = run.Options(**{**standard, **given, "out": Path(given["out"])})
        assert run.Run(name, plan.SETTINGS, plan.PHASES, options).train()
        dist.destroy_process_group()
