"""The network of Mine: one model."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .blocks import Ladder, Plain, Squeeze, zeroed
from .levels import DownLevel, DownsampleLevel, MiddleLevel, UpLevel, UpsampleTwiceLevel


def sinusoids(t: Tensor, width: int) -> Tensor:
    """Sines and cosines of t at width / 2 frequencies from 1 down to nearly 1 / 10000, in float32.

    t: [batch]. Result: [batch, width], sines first (Vaswani et al. 2017, section 3.5).
    """
    half = width // 2
    frequencies = torch.tensor([math.exp(-math.log(10000) * i / half) for i in range(half)], device=t.device)
    angles = t.float()[:, None] * frequencies
    return torch.cat((angles.sin(), angles.cos()), dim=1)


class Condition(NamedTuple):
    """A condition as the network uses it: worked out once, of use for every step of sampling."""

    embedding: Tensor
    """Joins the time embedding of every part. [batch, embedding]"""


class Part(nn.Module):
    """A UNet: what the models of a nest have in common."""

    temb_layer1: nn.Linear
    temb_layer2: nn.Linear
    down_blocks: nn.ModuleList
    up_blocks: nn.ModuleList
    norm_out: nn.GroupNorm
    conv_out: nn.Conv2d

    def forward(self, images: Sequence[Tensor], times: Tensor, label: Tensor) -> list[Tensor]:
        """Predictions from noisy images, one for each resolution, highest first.

        images: one for each resolution. times: [batch], steps of the diffusion process counted from 0.
        label: [batch], from 0 to 2; -1 stands for none.
        """
        condition = self.condition(label)
        return self.predictions(images, times, condition)

    def predictions(self, images: Sequence[Tensor], times: Tensor, condition: Condition) -> list[Tensor]:
        """As forward, with the condition worked out before."""
        predictions, _ = self.denoise(images, times, condition)
        return predictions

    def condition(self, label: Tensor) -> Condition:
        """A label as the network uses it; the innermost model has the layers."""
        raise NotImplementedError

    def denoise(
        self,
        images: Sequence[Tensor],
        times: Tensor,
        condition: Condition,
        handed: Tensor | None = None,
    ) -> tuple[list[Tensor], Tensor]:
        """Predictions, highest resolution first, and the last features.

        handed: features of the model around this one.
        """
        raise NotImplementedError

    def embed(self, times: Tensor) -> Tensor:
        """Time as one vector. times: [batch]. Result: [batch, embedding]."""
        width = self.temb_layer1.in_features
        emb = self.temb_layer2(F.silu(self.temb_layer1(sinusoids(times, width))))
        return emb

    def descend(self, x: Tensor, emb: Tensor) -> list[Tensor]:
        """Every map that the way up meets again; the last one is what the way down ends with."""
        kept = [x]
        for level in self.down_blocks:
            kept = kept + level(kept[-1], emb)
        return kept

    def ascend(self, x: Tensor, kept: list[Tensor], emb: Tensor) -> Tensor:
        """From the bottom up; each level meets what the way down kept, last kept first."""
        for level in self.up_blocks:
            assert isinstance(level, UpLevel)
            count = len(level.resnets)
            x = level(x, kept[-count:], emb)
            kept = kept[:-count]
        return x

    def predict(self, x: Tensor) -> Tensor:
        """The prediction from the last features."""
        return self.conv_out(F.silu(self.norm_out(x)))


class Mine(Part):
    """8 pixels.

    images: [batch, 3, 8, 8].
    """

    def __init__(self) -> None:
        super().__init__()
        self.temb_layer1 = nn.Linear(8, 32)
        self.temb_layer2 = nn.Linear(32, 32)
        self.cond_emb = nn.Linear(3, 32, bias=False)
        self.conv_in = nn.Conv2d(3, 16, 3, padding=1)
        self.norm_out = nn.GroupNorm(4, 16)
        self.conv_out = zeroed(nn.Conv2d(16, 3, 3, padding=1))
        self.down_blocks = nn.ModuleList(
            [
                DownsampleLevel(16, side=8, resnets=[Plain(16, 16, 2)], squeeze=[Squeeze(16, 4)], ladder=[Ladder()]),
                DownLevel(side=4, resnets=[Plain(16, 32, 3)], squeeze=[Squeeze(32, 8)]),
            ]
        )
        self.mid_blocks = nn.ModuleList(
            [MiddleLevel(side=4, resnets=[Plain(32, 32, 3)]), MiddleLevel(side=4, resnets=[Plain(32, 32, 3)])]
        )
        self.up_blocks = nn.ModuleList(
            [
                UpsampleTwiceLevel(
                    32,
                    side=4,
                    resnets=[Plain(64, 32, 3), Plain(48, 32, 3)],
                    squeeze=[Squeeze(32, 8), Squeeze(32, 8)],
                ),
                UpLevel(
                    side=8,
                    resnets=[Plain(48, 16, 2), Plain(32, 16, 2)],
                    squeeze=[Squeeze(16, 4), Squeeze(16, 4)],
                    ladder=[Ladder(), Ladder()],
                ),
            ]
        )

    def condition(self, label: Tensor) -> Condition:
        """A label as a one-hot token; nothing where it is none of the classes."""
        token = (label[:, None] == torch.arange(3, device=label.device)).float()
        return Condition(self.cond_emb(token))

    def denoise(
        self,
        images: Sequence[Tensor],
        times: Tensor,
        condition: Condition,
        handed: Tensor | None = None,
    ) -> tuple[list[Tensor], Tensor]:
        emb = self.embed(times) + condition.embedding
        x = self.conv_in(images[0])
        kept = self.descend(x, emb)
        x = kept[-1]
        for level in self.mid_blocks:
            x = level(x, emb)
        x = self.ascend(x, kept, emb)
        return [self.predict(x)], x


def load(path: str | Path, device: str | torch.device = "cpu") -> Mine:
    """The model with the weights of a safetensors file, which must fit exactly; channels lie last in memory."""
    with torch.device("meta"):
        model = Mine()
    model.load_state_dict(load_file(path, device=str(device)), strict=True, assign=True)
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def save(model: nn.Module, path: str | Path) -> None:
    """Writes weights as a safetensors file, which `load` and `mdmc compile --weights` read."""
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)
