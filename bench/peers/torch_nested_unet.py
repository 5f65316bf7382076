"""The UNet and NestedUNet of Matryoshka diffusion models for images, in plain PyTorch.

The network which the benchmarks compare with: eager mode, float32, one nn.Module per piece, as a researcher would
write it. Independent of the compiler. Parameters have the names, shapes and order of published checkpoints, and come
from outside (here from the rule of the conformance cases): nothing is initialised.

A case is a directory with `case.json` (the field `reference_config` describes the network) and, where there is
something to run, `tensors.safetensors` with the inputs `in.*` and the recorded outputs `out.pred_SIDE`.

    python3 bench/peers/torch_nested_unet.py --case DIR --check
    python3 bench/peers/torch_nested_unet.py --case DIR --threads 2 --repeats 10 --json
    python3 bench/peers/torch_nested_unet.py --case DIR --threads 2 --serve

With `--serve` the process prints `ready` once it is warm; after that every line `run` on standard input is answered by
one line, the seconds one forward took, and the end of the input (or `quit`) ends it. So a benchmark can take turns
between this process and its own.
"""

import argparse
import json
import math
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

HEADS = 8


# ---------------------------------------------------------------------------------------------------- building blocks


def embed_scalar(values: Tensor, width: int) -> Tensor:
    """Sines and cosines of each value at width / 2 frequencies from 1 down to (nearly) 1 / 10000."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half, device=values.device) * (-math.log(10000) / half))
    angles = values.float()[:, None] * frequencies[None, :]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Optional[Tensor] = None) -> Tensor:
    """Softmax attention over tensors of [batch, heads, channels, positions]; mask is 1 at the keys to see."""
    scale = q.shape[2] ** -0.25
    scores = torch.einsum("bhct,bhcs->bhts", q * scale, k * scale)
    if mask is not None:
        scores = scores.masked_fill(mask[:, None, None, :] == 0, float("-inf"))
    return torch.einsum("bhts,bhcs->bhct", scores.softmax(dim=-1), v)


class ResidualBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, emb_channels: int, groups: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.time_layer = nn.Linear(emb_channels, 2 * out_channels)
        self.norm2 = nn.GroupNorm(groups, out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        if in_channels != out_channels:
            self.conv3 = nn.Conv2d(in_channels, out_channels, 1)
        else:
            self.conv3 = nn.Identity()

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.time_layer(F.silu(emb))[:, :, None, None].chunk(2, dim=1)
        h = F.silu(self.norm2(h) * (1 + scale) + shift)
        return self.conv3(x) + self.conv2(h)


class AttentionBlock(nn.Module):
    """Self-attention over the positions of an image, cross-attention to a condition, a feed-forward network."""

    def __init__(self, channels: int, cond_channels: int, groups: int, ffn: bool):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        if cond_channels > 0:
            self.norm_cond = nn.LayerNorm(cond_channels)
            self.kv_cond = nn.Linear(cond_channels, 2 * channels)
        self.proj_out = nn.Conv2d(channels, channels, 1)
        self.ffn = None
        if ffn:
            self.ffn = nn.Sequential(
                nn.GroupNorm(groups, channels),
                nn.Conv2d(channels, 4 * channels, 1),
                nn.GELU(),
                nn.Conv2d(4 * channels, channels, 1),
            )

    def forward(self, x: Tensor, tokens: Optional[Tensor], mask: Optional[Tensor]) -> Tensor:
        batch, channels, height, width = x.shape
        depth = channels // HEADS
        qkv = self.qkv(self.norm(x)).reshape(batch, 3, HEADS, depth, height * width)
        q, k, v = qkv.unbind(dim=1)
        h = attend(q, k, v)
        if tokens is not None:
            kv = self.kv_cond(self.norm_cond(tokens)).transpose(1, 2).reshape(batch, 2, HEADS, depth, -1)
            k, v = kv.unbind(dim=1)
            h = h + attend(q, k, v, mask)
        x = x + self.proj_out(h.reshape(batch, channels, height, width))
        return x if self.ffn is None else x + self.ffn(x)


class TokenAttention(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj_out = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor, mask: Optional[Tensor]) -> Tensor:
        batch, length, channels = tokens.shape
        qkv = self.qkv(self.norm(tokens)).transpose(1, 2).reshape(batch, 3, HEADS, channels // HEADS, length)
        h = attend(*qkv.unbind(dim=1), mask).reshape(batch, channels, length)
        return tokens + self.proj_out(h.transpose(1, 2))


class TokenMLP(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.main = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, 4 * channels),
            nn.GELU(),
            nn.Linear(4 * channels, channels),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens + self.main(tokens)


class TokenLayer(nn.Module):
    """One learned layer over the text features."""

    def __init__(self, channels: int):
        super().__init__()
        self.attn = TokenAttention(channels)
        self.mlp = TokenMLP(channels)

    def forward(self, tokens: Tensor, mask: Optional[Tensor]) -> Tensor:
        return self.mlp(self.attn(tokens, mask))


class Level(nn.Module):
    """The residual blocks of one resolution, each followed by its attention blocks, and the way to the next level."""

    def __init__(self, in_channels: list, out_channels: int, emb_channels: int, cond_channels: int, groups: int,
                 attention_layers: int = 0, ffn: bool = False, resample: Optional[str] = None):
        super().__init__()
        self.resnets = nn.ModuleList(ResidualBlock(c, out_channels, emb_channels, groups) for c in in_channels)
        self.attention_layers = attention_layers
        if attention_layers > 0:
            self.attn = nn.ModuleList(AttentionBlock(out_channels, cond_channels, groups, ffn)
                                      for _ in range(attention_layers * len(in_channels)))
        self.direction = resample
        if resample is not None:
            self.resample = nn.Conv2d(out_channels, out_channels, 3, padding=1, stride=2 if resample == "down" else 1)

    def block(self, index: int, x: Tensor, emb: Tensor, tokens: Optional[Tensor], mask: Optional[Tensor]) -> Tensor:
        x = self.resnets[index](x, emb)
        first = index * self.attention_layers
        for layer in range(first, first + self.attention_layers):
            x = self.attn[layer](x, tokens, mask)
        return x

    def next_level(self, x: Tensor) -> Tensor:
        if self.direction == "up":
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        return x if self.direction is None else self.resample(x)


# --------------------------------------------------------------------------------------------------------- the models


class Condition(NamedTuple):
    tokens: Tensor
    mask: Optional[Tensor]  # for the cross-attention
    emb: Tensor  # joins the time embedding of every nested part


class UNet(nn.Module):
    def __init__(self, config: dict, feature_dim: Optional[int] = None):
        super().__init__()
        if config["temporal_mode"]:
            raise ValueError("video models are not supported")
        channels = config["resolution_channels"]
        counts = config["num_resnets_per_resolution"]
        groups = config["resnet_config"]["num_groups_norm"]
        ffn = config["resnet_config"]["use_attention_ffn"]
        attention = [config["num_attention_layers"][i] if i in config["attention_levels"] else 0
                     for i in range(len(channels))]

        feature_dim = config["conditioning_feature_dim"] if feature_dim is None else feature_dim
        project = feature_dim > 0 and config["conditioning_feature_proj_dim"] > 0
        cond_dim = config["conditioning_feature_proj_dim"] if project else feature_dim
        conditioned = cond_dim > 0 and not config["skip_cond_emb"]
        self.feature_dim = feature_dim
        self.masked = bool(config["masked_cross_attention"])

        emb_dim = config["temporal_dim"] or 4 * channels[0]
        self.time_dim = emb_dim // 4
        self.temb_layer1 = nn.Linear(self.time_dim, emb_dim)
        self.temb_layer2 = nn.Linear(emb_dim, emb_dim)
        if conditioned:
            self.cond_emb = nn.Linear(cond_dim, emb_dim, bias=False)
        micro = config["micro_conditioning"]
        self.micro_defaults = {k: float(v) for k, v in (pair.split(":") for pair in micro.split(","))} if micro else {}
        self.cond_layers = nn.ModuleDict({
            key: nn.ModuleList([nn.Linear(self.time_dim, emb_dim), nn.Linear(emb_dim, emb_dim)])
            for key in self.micro_defaults
        })

        self.conv_in = nn.Conv2d(3, channels[0], 3, padding=1)
        self.norm_out = nn.GroupNorm(groups, channels[0])
        self.conv_out = nn.Conv2d(channels[0], 3, 3, padding=1)

        def level(in_channels, out_channels, attention_layers, resample):
            return Level(in_channels, out_channels, emb_dim, cond_dim if conditioned else 0, groups,
                         attention_layers, ffn, resample)

        last = len(channels) - 1
        self.down_blocks = nn.ModuleList()
        kept = [channels[0]]  # channels of what the way down leaves for the way up
        current = channels[0]
        for i, width in enumerate(channels):
            inputs = [current] + [width] * (counts[i] - 1)
            self.down_blocks.append(level(inputs, width, attention[i], "down" if i < last else None))
            kept += [width] * (counts[i] + (i < last))
            current = width
        self.mid_blocks = nn.ModuleList()
        if not config["skip_mid_blocks"]:
            self.mid_blocks.append(level([current], current, 1, None))
            self.mid_blocks.append(level([current], current, 0, None))
        self.up_blocks = nn.ModuleList()
        for i in range(last, -1, -1):
            inputs = []
            for _ in range(counts[i] + 1):
                inputs.append(current + kept.pop())
                current = channels[i]
            self.up_blocks.append(level(inputs, current, attention[i], "up" if i > 0 else None))

        if conditioned:
            if project:
                self.lm_proj = nn.Linear(feature_dim, cond_dim)
            self.lm_head = nn.ModuleList(TokenLayer(cond_dim) for _ in range(config["num_lm_head_layers"]))

    def condition(self, features: Tensor, mask: Optional[Tensor]) -> Condition:
        """Text features as what the network needs of them. The innermost model does this for the whole nest."""
        tokens = self.lm_proj(features) if hasattr(self, "lm_proj") else features
        seen = mask if self.masked else None
        for layer in self.lm_head:
            tokens = layer(tokens, seen)
        if mask is None or (not self.masked and len(self.lm_head) > 0):
            pooled = tokens.mean(dim=1)
        else:
            weights = mask[:, :, None].to(tokens.dtype)
            pooled = (tokens * weights).sum(dim=1) / weights.sum(dim=1)
        return Condition(tokens, seen, self.cond_emb(pooled))

    def embedding(self, times: Tensor, condition: Optional[Condition], micro: dict) -> Tensor:
        emb = self.temb_layer2(F.silu(self.temb_layer1(embed_scalar(times, self.time_dim))))
        for key, default in self.micro_defaults.items():
            value = micro.get(key, torch.full_like(times, default))
            value = (value / default).clamp(max=1) * default if key == "scale" else 1000 * value
            first, second = self.cond_layers[key]
            emb = emb + second(F.silu(first(embed_scalar(value, self.time_dim))))
        return emb if condition is None else emb + condition.emb

    def bottleneck(self, x, emb, tokens, mask, inside):
        for level in self.mid_blocks:
            x = level.block(0, x, emb, tokens, mask)
        return x if inside is None else inside(x)

    def features(self, x: Tensor, emb: Tensor, condition: Optional[Condition], inside=None) -> Tensor:
        """From after the first convolution to before the last normalisation; `inside` is applied at the bottom."""
        tokens, mask = (condition.tokens, condition.mask) if condition is not None else (None, None)
        kept = [x]
        for level in self.down_blocks:
            for i in range(len(level.resnets)):
                x = level.block(i, x, emb, tokens, mask)
                kept.append(x)
            if level.direction is not None:
                x = level.next_level(x)
                kept.append(x)
        x = self.bottleneck(x, emb, tokens, mask, inside)
        for level in self.up_blocks:
            for i in range(len(level.resnets)):
                x = level.block(i, torch.cat([x, kept.pop()], dim=1), emb, tokens, mask)
            x = level.next_level(x)
        return x

    def output(self, features: Tensor) -> Tensor:
        return self.conv_out(F.silu(self.norm_out(features)))

    def denoise(self, images: list, times: Tensor, condition: Optional[Condition], micro: dict,
                handed: Optional[Tensor] = None):
        """Predictions, one per image, and the last features for a part around this one, which handed some inward."""
        (image,) = images
        x = self.conv_in(image)
        if handed is not None:
            x = x + handed
        x = self.features(x, self.embedding(times, condition, micro), condition)
        return [self.output(x)], x

    def forward(self, images: list, times: Tensor, features: Optional[Tensor] = None,
                mask: Optional[Tensor] = None, micro: Optional[dict] = None) -> list:
        """One prediction per image, outermost first. `features` and `mask` are the text, `micro` micro-conditioning."""
        condition = None if features is None else self.condition(features, mask)
        return self.denoise(images, times, condition, micro or {})[0]


class NestedUNet(UNet):
    """A UNet around another one: the whole inner model is its bottleneck."""

    def __init__(self, config: dict, feature_dim: Optional[int] = None):
        super().__init__(config, feature_dim)
        if config["skip_inner_unet_input"] or config["interp_conditioning"]:
            raise ValueError("skip_inner_unet_input and interp_conditioning are not supported")
        self.normalise = not config["skip_normalization"]
        self.inner_unet = build(config["inner_config"], self.feature_dim)
        bottom, inner = config["resolution_channels"][-1], config["inner_config"]["resolution_channels"][0]
        self.in_adapter = nn.Conv2d(bottom, inner, 3, padding=1)
        self.out_adapter = nn.Conv2d(inner, bottom, 3, padding=1)

    def condition(self, features: Tensor, mask: Optional[Tensor]) -> Condition:
        return self.inner_unet.condition(features, mask)

    def denoise(self, images, times, condition, micro, handed=None):
        image, *smaller = images
        if self.normalise:
            image = image / image.std(dim=(1, 2, 3), keepdim=True)
        x = self.conv_in(image)
        if handed is not None:
            x = x + handed
        predictions = []

        def inside(h):
            inner, features = self.inner_unet.denoise(smaller, times, condition, micro, self.in_adapter(h))
            predictions.extend(inner)
            return h + self.out_adapter(features)

        # An outer part has no attention, so the condition reaches it through the embedding alone.
        x = self.features(x, self.embedding(times, condition, micro), None, inside)
        return [self.output(x)] + predictions, x


def build(config: dict, feature_dim: Optional[int] = None) -> UNet:
    return (NestedUNet if "inner_config" in config else UNet)(config, feature_dim)


# -------------------------------------------------------------------------------------------------- conformance cases


def rule_unit(name: str, count: int) -> np.ndarray:
    """`count` numbers of [-1, 1) in float64 that depend on the name alone: a hash of the name and of the index."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    result = np.empty(count, np.float64)
    step = 1 << 18  # pieces which stay in the cache
    for start in range(0, count, step):
        h = np.arange(start, min(start + step, count), dtype=np.uint32)
        h *= np.uint32(0x9E3779B1)
        h ^= np.uint32(seed)
        h ^= h >> 16
        h *= np.uint32(0x85EBCA6B)
        h ^= h >> 13
        h *= np.uint32(0xC2B2AE35)
        h ^= h >> 16
        h >>= 8
        result[start:start + len(h)] = h
    result *= 2.0 ** -23
    result -= 1
    return result


def rule_tensor(name: str, shape: tuple) -> np.ndarray:
    """The parameter which the rule for weights gives, in float32."""
    values = rule_unit(name, math.prod(shape))
    if len(shape) >= 2:
        values *= math.sqrt(3 / math.prod(shape[1:]))
    elif name.endswith(".weight"):
        values = 1 + 0.2 * values
    else:
        values *= 0.1
    return values.astype(np.float32).reshape(shape)


def load_case(directory) -> tuple:
    """The model of a case with its weights, the keyword arguments of its forward, the recorded outputs."""
    directory = Path(directory)
    case = json.loads((directory / "case.json").read_text())
    with torch.device("meta"):
        model = build(case["reference_config"])
    model.to_empty(device="cpu")
    state = model.state_dict()
    expected = case["parameters"]
    if isinstance(expected, dict):
        expected = {name: tuple(shape) for name, shape in expected.items()}
        if list(expected.items()) != [(name, tuple(tensor.shape)) for name, tensor in state.items()]:
            raise ValueError(f"{directory}: the parameters are not those of the case")
    elif list(expected) != list(state):
        raise ValueError(f"{directory}: the parameters are not those of the case")
    for name, tensor in state.items():
        tensor.copy_(torch.from_numpy(rule_tensor(name, tuple(tensor.shape))))

    tensors = load_file(directory / "tensors.safetensors")
    inputs = {
        "images": [tensors[f"in.x_{side}"] for side in case["sizes"]],
        "times": tensors["in.times"],
        "features": tensors.get("in.lm_outputs"),
        "mask": tensors.get("in.lm_mask"),
        "micro": {key[len("in.micro_"):]: value for key, value in tensors.items() if key.startswith("in.micro_")},
    }
    return model.eval(), inputs, [tensors[f"out.pred_{side}"] for side in case["sizes"]]


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return ((actual - expected).abs().max() / expected.abs().max()).item()


def first_row(inputs: dict) -> dict:
    """The inputs at batch 1."""
    return {
        "images": [image[:1] for image in inputs["images"]],
        "times": inputs["times"][:1],
        "features": None if inputs["features"] is None else inputs["features"][:1],
        "mask": None if inputs["mask"] is None else inputs["mask"][:1],
        "micro": {key: value[:1] for key, value in inputs["micro"].items()},
    }


@torch.inference_mode()
def timed_forward(model: UNet, inputs: dict) -> float:
    start = time.perf_counter()
    model(**inputs)
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description="Time a conformance case's network in PyTorch eager mode, at batch 1.")
    parser.add_argument("--case", required=True, metavar="DIR")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--check", action="store_true", help="compare with the recorded outputs instead of timing")
    parser.add_argument("--tolerance", type=float, default=1e-5, help="largest relative error --check accepts")
    parser.add_argument("--serve", action="store_true", help="answer lines `run` with the seconds of one forward")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    model, inputs, expected = load_case(args.case)
    if args.check:
        with torch.inference_mode():
            errors = [relative_error(a, e) for a, e in zip(model(**inputs), expected)]
        passed = max(errors) <= args.tolerance
        shown = ", ".join(f"{error:.2e}" for error in errors)
        print(json.dumps({"errors": errors, "passed": passed}) if args.json
              else f"largest relative errors {shown}: {'ok' if passed else 'too large'}")
        return 0 if passed else 1

    inputs = first_row(inputs)
    for _ in range(args.warmup):
        timed_forward(model, inputs)
    if args.serve:
        print("ready", flush=True)
        for line in sys.stdin:
            command = line.strip()
            if command == "quit":
                break
            answer = timed_forward(model, inputs) if command == "run" else f"error: unknown command {command!r}"
            print(answer, flush=True)
        return 0
    seconds = [timed_forward(model, inputs) for _ in range(args.repeats)]
    result = {
        "torch": torch.__version__,
        "threads": args.threads,
        "repeats": args.repeats,
        "median_seconds": statistics.median(seconds),
        "min_seconds": min(seconds),
    }
    print(json.dumps(result) if args.json
          else f"median {result['median_seconds']:.4f} s, fastest {result['min_seconds']:.4f} s of {args.repeats}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
