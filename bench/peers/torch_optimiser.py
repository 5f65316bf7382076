"""One step of the optimiser in plain PyTorch: clip_grad_norm_, AdamW, exponential moving average.

What the bench of the optimiser compares with. The first line of standard input is a list of shapes. The process prints
`ready` once it is warm; then every line `run` is answered by one line of JSON, the seconds of one step and the norm.
"""

import argparse
import json
import sys
import time

import torch


def numbers(shape: list, scale: float) -> torch.Tensor:
    """Numbers in [-scale / 2, scale / 2) that depend on the index alone."""
    hashed = (torch.arange(torch.Size(shape).numel()) * 0x9E3779B1) % 2**32
    return ((hashed.double() / 2**32 - 0.5) * scale).float().reshape(shape)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--way", choices=["foreach", "fused", "loop"], default="foreach")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    parameters = [torch.nn.Parameter(numbers(shape, 0.1)) for shape in json.loads(sys.stdin.readline())]
    for parameter in parameters:
        parameter.grad = numbers(parameter.shape, 0.01)
    gradients = [parameter.grad.clone() for parameter in parameters]
    averages = [parameter.detach().clone() for parameter in parameters]
    ways = {"foreach": args.way == "foreach", "fused": args.way == "fused"}
    optimiser = torch.optim.AdamW(parameters, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.01, **ways)

    def step() -> dict:
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad.copy_(gradient)
        start = time.perf_counter()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 2.0)
        optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, [parameter.detach() for parameter in parameters], 1e-4)
        return {"seconds": time.perf_counter() - start, "norm": norm.item()}

    for _ in range(3):
        step()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        print(json.dumps(step()), flush=True)


if __name__ == "__main__":
    main()
