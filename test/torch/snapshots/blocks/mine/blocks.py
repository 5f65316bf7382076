"""The blocks of Mine."""

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LayerT = TypeVar("LayerT", bound=nn.Module)


def zeroed(layer: LayerT) -> LayerT:
    """The layer with parameters of zeros, so that a fresh block hands its input on unchanged."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def upsample(x: Tensor, factor: int) -> Tensor:
    """Repeats each element along every axis of space. x: [batch, channels, ...space]. Result: so many times as wide."""
    if not torch.compiler.is_compiling():
        return F.interpolate(x, scale_factor=factor, mode="nearest")
    # Of F.interpolate, torch.compile 2.13 reads the gradient before it is summed up (bfloat16 on CPUs).
    for axis in range(2, x.dim()):
        x = x.repeat_interleave(factor, axis)
    return x


def half(x: Tensor) -> Tensor:
    return x * 0.5


class Plain(nn.Module):
    """Several plain convolutions, each shifted by the time."""

    def __init__(self, channels: int, out: int, depth: int, rate: float = 0.1, emb_features: int = 32) -> None:
        super().__init__()
        self.depth = depth
        self.rate = rate
        self.widen = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)
        self.norms = nn.ModuleList(nn.GroupNorm(4, out) for _ in range(depth))
        self.times = nn.ModuleList(nn.Linear(emb_features, out) for _ in range(depth))
        self.convs = nn.ModuleList(nn.Conv2d(out, out, 3, padding=1) for _ in range(depth))
        self.last = zeroed(nn.Conv2d(out, out, 1))

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        """x: [batch, channels, height, width], emb: [batch, 32]. Result: [batch, channels, height, width]."""
        h = self.widen(x)
        start = h
        for i in range(self.depth):
            h = self.norms[i](h) + self.times[i](emb)[:, :, None, None]
            h = self.convs[i](F.dropout(F.silu(h), self.rate, self.training))
        return start + half(h) + self.last(h)


class Squeeze(nn.Module):
    """Squeeze and excitation (Hu et al. 2018). x: [batch, channels, height, width]. Result: as x."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.down = nn.Linear(channels, channels // reduction)
        self.up = nn.Linear(channels // reduction, channels)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        pooled = x.reshape(batch, channels, height * width).mean(dim=2)
        scale = torch.sigmoid(self.up(F.silu(self.down(pooled))))
        return x * scale[:, :, None, None]


class Ladder(nn.Module):
    """Widths that differ from turn to turn are written out."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.rung = nn.ModuleList([nn.Conv2d(channels, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)])
        self.back = nn.Conv2d(16, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x: [batch, 16, 8, 8]. Result: [batch, 16, 8, 8]."""
        h = x
        h = F.relu(self.rung[0](h))
        h = F.relu(self.rung[1](h))
        return x + self.back(h)
