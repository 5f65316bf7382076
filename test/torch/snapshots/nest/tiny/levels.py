"""The levels of Tiny: which blocks follow each other, on the way down and up."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .blocks import upsample


class Level(nn.Module):
    """One level on one way: residual blocks, each followed by its share of the other blocks.

    side: of the maps, in pixels. recompute: whether what is computed inside is not kept for the gradients, but
    computed a second time.
    """

    def __init__(self, side: int, resnets: Sequence[nn.Module], attn: Sequence[nn.Module] = ()) -> None:
        super().__init__()
        self.side = side
        self.recompute = False
        self.resnets = nn.ModuleList(resnets)
        self.attn = nn.ModuleList(attn)

    def block(self, j: int, x: Tensor, emb: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """The j-th residual block and what follows it. x: [batch, channels, side, side]."""
        x = self.resnets[j](x, emb)
        count = len(self.attn) // len(self.resnets)
        for k in range(j * count, (j + 1) * count):
            x = self.attn[k](x, condition, mask)
        return x


class DownLevel(Level):
    """A level on the way down."""

    def forward(self, x: Tensor, emb: Tensor, condition: Tensor, mask: Tensor) -> list[Tensor]:
        """Every map that the way up meets again; the last one is what the way down goes on with."""
        if self.recompute and torch.is_grad_enabled():
            return checkpoint(self.maps, x, emb, condition, mask, use_reentrant=False)
        return self.maps(x, emb, condition, mask)

    def maps(self, x: Tensor, emb: Tensor, condition: Tensor, mask: Tensor) -> list[Tensor]:
        kept = []
        for j in range(len(self.resnets)):
            x = self.block(j, x, emb, condition, mask)
            kept.append(x)
        resized = self.resize(x)
        return kept if resized is None else [*kept, resized]

    def resize(self, x: Tensor) -> Tensor | None:
        """To the size of the next level; the last level has none."""
        return None


class UpLevel(Level):
    """A level on the way up."""

    def forward(self, x: Tensor, kept: list[Tensor], emb: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """kept: the maps of this level that the way down kept; the last one is met first."""
        if self.recompute and torch.is_grad_enabled():
            return checkpoint(self.joined, x, kept, emb, condition, mask, use_reentrant=False)
        return self.joined(x, kept, emb, condition, mask)

    def joined(self, x: Tensor, kept: list[Tensor], emb: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        for j in range(len(self.resnets)):
            x = self.block(j, torch.cat((x, kept[-1 - j]), dim=1), emb, condition, mask)
        return self.resize(x)

    def resize(self, x: Tensor) -> Tensor:
        """To the size of the level above; the last level has none."""
        return x


class MiddleLevel(Level):
    """One of the two parts of the middle."""

    def forward(self, x: Tensor, emb: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        return self.block(0, x, emb, condition, mask)


class DownsampleLevel(DownLevel):
    """Half the side. x: [batch, channels, height, width]."""

    def __init__(self, channels: int, **level: Any) -> None:
        super().__init__(**level)
        self.resample = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def resize(self, x: Tensor) -> Tensor:
        return self.resample(x)


class UpsampleTwiceLevel(UpLevel):
    """Twice the side."""

    def __init__(self, channels: int, **level: Any) -> None:
        super().__init__(**level)
        self.resample = nn.Conv2d(channels, channels, 3, padding=1)

    def resize(self, x: Tensor) -> Tensor:
        return self.resample(upsample(x, 2))
