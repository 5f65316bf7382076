"""The command line of train.py."""

import argparse
import importlib.util
import os
import sys
from pathlib import Path


def arguments(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "train.py",
        description=f"Trains {name} on a folder that `mdmc data export` wrote.",
        epilog="Several GPUs: torchrun --nproc-per-node 8 train.py DATA --out RUN. Several nodes: README.md.",
    )
    add = parser.add_argument
    add("data", nargs="?", help="the folder of the data set")
    add("--out", type=Path, help="the folder of the run")
    add("--resume", action="store_true", help="go on with the run in --out; begin it where there is none")
    add("--export", type=Path, metavar="RUN", help="only write the newest weights of a run beside its checkpoints")
    add("--strategy", choices=("ddp", "fsdp"), default="ddp", help="a model on each device, or one over all of them")
    add("--device", choices=("cuda", "cpu"), help="default: cuda where there is a GPU")
    add("--precision", choices=("bf16", "fp32"), help="default: as the model says on GPUs, else fp32")
    add("--steps", type=positive, help="steps of each phase, instead of what the model says")
    add("--batch", type=positive, help="images of a batch of all processes, instead of what the model says")
    add("--accumulate", type=positive, help="batches for one step, instead of what the model says")
    add("--seed", type=int, help="of everything that is drawn, instead of the model's")
    add("--weights", help="weights to begin with, of the model or of one nested in it")
    add("--compile", action="store_true", help="torch.compile the network")
    add(
        "--recompute", type=int, nargs="+", default=(), metavar="SIDE", help="levels that compute twice, to save memory"
    )
    add("--workers", type=int, default=4, help="processes that read data, for each rank (default: 4)")
    add("--log-every", type=positive, default=10, metavar="STEPS", help="default: 10")
    add("--save-every", type=positive, default=500, metavar="STEPS", help="default: 500")
    add("--sample-every", type=int, metavar="STEPS", help="0: no pictures; default: as --save-every")
    add("--sample-steps", type=positive, default=50, help="steps of the solver for pictures (default: 50)")
    add("--keep", type=positive, default=2, help="checkpoints to keep (default: 2)")
    return parser


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def main(name: str) -> None:
    """Exits with 0 where the run is done or was asked to stop, 1 where something is wrong, 2 where the usage is."""
    parser = arguments(name)
    given = vars(parser.parse_args())
    missing = [module for module in ("numpy", "PIL", "tensorboard") if importlib.util.find_spec(module) is None]
    if missing:
        sys.exit(f"training needs {' and '.join(missing)}: python -m pip install '.[train]'")
    from . import checkpoint
    from .plan import PHASES, SETTINGS
    from .run import Options, Run
    from .settings import Mistake

    first = os.environ.get("RANK", "0") == "0"
    try:
        if (run := given.pop("export")) is not None:
            print(*checkpoint.publish(run), sep="\n")
            return
        if given["data"] is None or given["out"] is None:
            parser.error("DATA and --out are needed")
        options = Options(**given)
        done = Run(SETTINGS, PHASES, options).train()
    except Mistake as mistake:
        # Nearly all are the same on every process.
        sys.exit(f"error: {mistake}" if first or mistake.local else 1)
    if first:
        print(f"done: {options.out}" if done else f"stopped; go on with --resume: {options.out}")
