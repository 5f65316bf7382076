"""What a generated package with text promises beside its numbers; prints one line of JSON. Arguments: folder, package."""

import importlib
import json
import sys

import torch

folder, name = sys.argv[1:]
sys.path.insert(0, folder)
package = importlib.import_module(name)
torch.manual_seed(0)
torch.set_num_threads(1)
model = package.load(f"{folder}/weights.safetensors")
for parameter in model.parameters():
    # Fresh weights begin with zeros: nothing would be seen of what lies behind them.
    torch.nn.init.normal_(parameter, std=0.05) if parameter.ndim > 1 else None
batch, tokens = 2, 5
images = [torch.randn(batch, *shape) for shape in importlib.import_module(f"{name}.sampler").SHAPES]
text, mask = torch.randn(batch, tokens, model.inner_unet.lm_proj.in_features), torch.ones(batch, tokens)
mask[0, 3:] = 0
given = (images, torch.tensor([3.0, 700.0]), text, mask)
result = {}


def difference(a, b):
    return max(((x - y).abs().max() / y.abs().max()).item() for x, y in zip(a, b))


with torch.no_grad():
    expected = model(*given)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    result["compiled"] = difference(compiled(*given), expected)
    with torch.autocast("cpu", torch.bfloat16):
        result["bfloat16"] = difference([x.float() for x in model(*given)], expected)
    plain = model.to(memory_format=torch.contiguous_format)
    result["layout"] = difference(plain(*given), expected)
    hidden = torch.zeros_like(mask)
    result["finite"] = all(x.isfinite().all().item() for x in model(*given[:3], hidden))


def gradients():
    times, noise = torch.tensor([10, 900]), [torch.ones_like(image) for image in images]
    losses = package.losses(model, images[0], times, noise, text, mask).total
    return torch.autograd.grad(losses.mean(), list(model.parameters()))


kept = gradients()
for level in model.modules():
    if hasattr(level, "recompute"):
        level.recompute = True
result["recomputed"] = difference(gradients(), kept)
condition = model.condition(text, mask)
generator = torch.Generator().manual_seed(1)
pictures = package.sample(model, batch, condition, condition, steps=3, generator=generator)
result["pictures"] = [list(picture.shape) for picture in pictures]
package.save(model, f"{folder}/saved.safetensors")
again = package.load(f"{folder}/saved.safetensors")
result["saved"] = all(torch.equal(a, b) for a, b in zip(again.state_dict().values(), model.state_dict().values()))
print(json.dumps(result))
