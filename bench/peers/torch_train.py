"""One training step of a nested UNet in plain PyTorch: loss, backward, clipping, AdamW, exponential moving average.

What the bench of training compares with: the network of `torch_nested_unet.py` in train mode, and around it what a
researcher would write: `loss.backward()`, `clip_grad_norm_`, `torch.optim.AdamW` with its defaults, and the average by
`torch._foreach_lerp_`.

    python3 bench/peers/torch_train.py --config JSON --inputs SAFETENSORS --threads 2 [--no-optimiser | --forward]

JSON has `reference_config` and `sizes`. The inputs are `images` (of the highest resolution), `times`, for each side
`noise_SIDE`, `alpha_SIDE`, `sigma_SIDE` and `scale_SIDE`, and `text` and `text_mask` where the network has a condition.
The process prints `ready` once it is warm; then every line `run` on standard input is answered by one line of JSON: the
seconds of one step, its loss, the norm of the gradient, and the most memory that the process has held so far, in bytes.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from torch_nested_unet import build, rule_tensor


def load(config: str):
    """The network and the sides of its images, with weights by the rule."""
    case = json.loads(Path(config).read_text())
    with torch.device("meta"):
        model = build(case["reference_config"])
    model.to_empty(device="cpu")
    for name, tensor in model.state_dict().items():
        tensor.copy_(torch.from_numpy(rule_tensor(name, tuple(tensor.shape))))
    return model.train(), case["sizes"]


def loss_of(model, sides: list, given: dict):
    """The squared error of v = alpha noise - sigma image, summed over resolutions."""
    noisy, targets = [], []
    image = given["images"]
    for side in sides:
        if side != image.shape[-1]:
            image = F.avg_pool2d(image, image.shape[-1] // side)
        alpha, sigma = (given[f"{name}_{side}"][:, None, None, None] for name in ("alpha", "sigma"))
        clean, noise = image / given[f"scale_{side}"], given[f"noise_{side}"]
        noisy.append(alpha * clean + sigma * noise)
        targets.append(alpha * noise - sigma * clean)
    predictions = model(noisy, given["times"], given.get("text"), given.get("text_mask"))
    return sum(F.mse_loss(prediction, target) for prediction, target in zip(predictions, targets))


class Forward:
    """The predictions alone, of the noise as images."""

    def __init__(self, model, sides: list, given: dict):
        self.model, self.sides, self.given = model.eval(), sides, given

    @torch.inference_mode()
    def step(self) -> dict:
        start = time.perf_counter()
        images = [self.given[f"noise_{side}"] for side in self.sides]
        predictions = self.model(images, self.given["times"], self.given.get("text"), self.given.get("text_mask"))
        loss = sum(prediction.square().mean() for prediction in predictions).item()
        return {"seconds": time.perf_counter() - start, "loss": loss, "memory": peak_memory()}


class Trainer:
    def __init__(self, model, sides: list, given: dict, optimise: bool):
        self.model, self.sides, self.given, self.optimise = model, sides, given, optimise
        self.parameters = list(model.parameters())
        if optimise:
            self.optimiser = torch.optim.AdamW(self.parameters, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.01)
            self.average = [parameter.detach().clone() for parameter in self.parameters]

    def step(self) -> dict:
        start = time.perf_counter()
        for parameter in self.parameters:
            parameter.grad = None
        loss = loss_of(self.model, self.sides, self.given)
        loss.backward()
        if self.optimise:
            norm = torch.nn.utils.clip_grad_norm_(self.parameters, 2.0)
            self.optimiser.step()
            torch._foreach_lerp_(self.average, [parameter.detach() for parameter in self.parameters], 1e-4)
        seconds = time.perf_counter() - start
        if not self.optimise:
            norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in self.parameters])
        return {"seconds": seconds, "loss": loss.item(), "norm": norm.item(), "memory": peak_memory()}


def peak_memory() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="Time training steps in PyTorch eager mode.")
    parser.add_argument("--config", required=True, metavar="JSON")
    parser.add_argument("--inputs", required=True, metavar="SAFETENSORS")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-optimiser", action="store_true", help="loss and gradients only")
    parser.add_argument("--forward", action="store_true", help="the predictions only")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    model, sides = load(args.config)
    given = load_file(args.inputs)
    trainer = Forward(model, sides, given) if args.forward else Trainer(model, sides, given, not args.no_optimiser)
    trainer.step()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() != "run":
            break
        print(json.dumps(trainer.step()), flush=True)


if __name__ == "__main__":
    main()
