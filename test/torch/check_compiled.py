"""Gradients in bfloat16 by torch.compile against eager ones; prints a line of JSON. Arguments: folder, package."""

import importlib
import json
import sys

import torch

folder, name = sys.argv[1:]
sys.path.insert(0, folder)
(phase,) = importlib.import_module(f"{name}.plan").PHASES
stand_ins = importlib.import_module(f"{name}.training").stand_ins
torch.manual_seed(0)
model = phase.model().to(memory_format=torch.channels_last)
for parameter in model.parameters():
    # Fresh weights begin with zeros: nothing would be seen of what lies behind them.
    torch.nn.init.normal_(parameter, std=0.05) if parameter.ndim > 1 else None
images, given, _ = stand_ins(phase.inputs)
images, given = torch.randn_like(images), [torch.randn_like(x) for x in given]
times, noise = phase.diffusion.draw(images)


def gradients(network):
    with torch.autocast("cpu", torch.bfloat16):
        loss = phase.diffusion.losses(network, images, times, noise, *given).total.mean()
    return torch.autograd.grad(loss, list(model.parameters()))


eager, compiled = gradients(model), gradients(torch.compile(model, fullgraph=True))
similar = [
    torch.nn.functional.cosine_similarity(x.flatten(), y.flatten(), dim=0).item() for x, y in zip(eager, compiled)
]
least = min(range(len(similar)), key=similar.__getitem__)
print(json.dumps({"least": similar[least], "name": [key for key, _ in model.named_parameters()][least]}))
