"""The network of Tiny: a nest of models."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .blocks import Attention, Residual, TextLayer, zeroed
from .levels import DownLevel, DownsampleLevel, MiddleLevel, UpLevel, UpsampleTwiceLevel


def sinusoids(t: Tensor, width: int) -> Tensor:
    """Sines and cosines of t at width / 2 frequencies from 1 down to nearly 1 / 10000, in float32.

    t: [batch]. Result: [batch, width], sines first (Vaswani et al. 2017, section 3.5).
    """
    half = width // 2
    frequencies = torch.tensor([math.exp(-math.log(10000) * i / half) for i in range(half)], device=t.device)
    angles = t.float()[:, None] * frequencies
    return torch.cat((angles.sin(), angles.cos()), dim=1)


def mean_of_real(tokens: Tensor, mask: Tensor) -> Tensor:
    """The mean of the tokens that the mask counts. tokens: [batch, tokens, features], mask: [batch, tokens]."""
    mask = mask.float()
    total = (tokens.float() * mask[:, :, None]).sum(dim=1)
    return total / mask.sum(dim=1, keepdim=True).clamp(min=1e-6)


class Condition(NamedTuple):
    """A condition as the network uses it: worked out once, of use for every step of sampling."""

    embedding: Tensor
    """Joins the time embedding of every part. [batch, embedding]"""
    tokens: Tensor
    """For attention. [batch, tokens, features]"""
    mask: Tensor
    """1 for a real token. [batch, tokens]"""


class Part(nn.Module):
    """A UNet: what the models of a nest have in common."""

    temb_layer1: nn.Linear
    temb_layer2: nn.Linear
    cond_layers: nn.ModuleDict
    micro_defaults: ClassVar[Mapping[str, float]] = {}
    down_blocks: nn.ModuleList
    up_blocks: nn.ModuleList
    norm_out: nn.GroupNorm
    conv_out: nn.Conv2d

    def forward(
        self,
        images: Sequence[Tensor],
        times: Tensor,
        text: Tensor,
        text_mask: Tensor,
        micros: Mapping[str, Tensor] | None = None,
    ) -> list[Tensor]:
        """Predictions from noisy images, one for each resolution, highest first.

        images: one for each resolution. times: [batch], steps of the diffusion process counted from 0.
        text: [batch, tokens, 12]. text_mask: [batch, tokens], 1 for a real token.
        micros: scale, each [batch]; the defaults where they are not given.
        """
        condition = self.condition(text, text_mask)
        return self.predictions(images, times, condition, micros)

    def predictions(
        self,
        images: Sequence[Tensor],
        times: Tensor,
        condition: Condition,
        micros: Mapping[str, Tensor] | None = None,
    ) -> list[Tensor]:
        """As forward, with the condition worked out before."""
        defaults = {"scale": 16.0}
        filled = {key: torch.full_like(times, value, dtype=torch.float32) for key, value in defaults.items()}
        micros = {**filled, **(micros or {})}
        predictions, _ = self.denoise(images, times, condition, micros)
        return predictions

    def condition(self, text: Tensor, text_mask: Tensor) -> Condition:
        """Text as the network uses it; the innermost model has the layers."""
        raise NotImplementedError

    def denoise(
        self,
        images: Sequence[Tensor],
        times: Tensor,
        condition: Condition,
        micros: Mapping[str, Tensor],
        handed: Tensor | None = None,
    ) -> tuple[list[Tensor], Tensor]:
        """Predictions, highest resolution first, and the last features.

        handed: features of the model around this one.
        """
        raise NotImplementedError

    def embed(self, times: Tensor, micros: Mapping[str, Tensor]) -> Tensor:
        """Time and micro-conditions as one vector. times: [batch]. Result: [batch, embedding]."""
        width = self.temb_layer1.in_features
        emb = self.temb_layer2(F.silu(self.temb_layer1(sinusoids(times, width))))
        for key, default in self.micro_defaults.items():
            value = micros[key].float()
            value = (value / default).clamp(max=1) * default if key == "scale" else 1000 * value
            first, second = self.cond_layers[key].children()
            emb = emb + second(F.silu(first(sinusoids(value, width))))
        return emb

    def descend(self, x: Tensor, emb: Tensor, condition: Tensor, mask: Tensor) -> list[Tensor]:
        """Every map that the way up meets again; the last one is what the way down ends with."""
        kept = [x]
        for level in self.down_blocks:
            kept = kept + level(kept[-1], emb, condition, mask)
        return kept

    def ascend(self, x: Tensor, kept: list[Tensor], emb: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """From the bottom up; each level meets what the way down kept, last kept first."""
        for level in self.up_blocks:
            assert isinstance(level, UpLevel)
            count = len(level.resnets)
            x = level(x, kept[-count:], emb, condition, mask)
            kept = kept[:-count]
        return x

    def predict(self, x: Tensor) -> Tensor:
        """The prediction from the last features."""
        return self.conv_out(F.silu(self.norm_out(x)))


class Inner(Part):
    """8 pixels.

    images: [batch, 3, 8, 8].
    """

    micro_defaults: ClassVar[Mapping[str, float]] = {"scale": 16.0}

    def __init__(self) -> None:
        super().__init__()
        self.temb_layer1 = nn.Linear(8, 32)
        self.temb_layer2 = nn.Linear(32, 32)
        self.cond_emb = nn.Linear(16, 32, bias=False)
        self.cond_layers = nn.ModuleDict({"scale": nn.ModuleList([nn.Linear(8, 32), zeroed(nn.Linear(32, 32))])})
        self.conv_in = nn.Conv2d(3, 32, 3, padding=1)
        self.norm_out = nn.GroupNorm(4, 32)
        self.conv_out = zeroed(nn.Conv2d(32, 3, 3, padding=1))
        self.down_blocks = nn.ModuleList(
            [
                DownsampleLevel(32, side=8, resnets=[Residual(32, 32)]),
                DownLevel(side=4, resnets=[Residual(32, 32)], attn=[Attention()]),
            ]
        )
        self.mid_blocks = nn.ModuleList(
            [
                MiddleLevel(side=4, resnets=[Residual(32, 32)], attn=[Attention()]),
                MiddleLevel(side=4, resnets=[Residual(32, 32)]),
            ]
        )
        self.up_blocks = nn.ModuleList(
            [
                UpsampleTwiceLevel(
                    32,
                    side=4,
                    resnets=[Residual(64, 32), Residual(64, 32)],
                    attn=[Attention(), Attention()],
                ),
                UpLevel(side=8, resnets=[Residual(64, 32), Residual(64, 32)]),
            ]
        )
        self.lm_proj = nn.Linear(12, 16)
        self.lm_head = nn.ModuleList([TextLayer(16)])

    def condition(self, text: Tensor, text_mask: Tensor) -> Condition:
        """Text as the network uses it. text: [batch, tokens, 12], text_mask: [batch, tokens]."""
        tokens = self.lm_proj(text)
        for layer in self.lm_head:
            tokens = layer(tokens, text_mask)
        pooled = mean_of_real(tokens, text_mask)
        return Condition(self.cond_emb(pooled), tokens, text_mask)

    def denoise(
        self,
        images: Sequence[Tensor],
        times: Tensor,
        condition: Condition,
        micros: Mapping[str, Tensor],
        handed: Tensor | None = None,
    ) -> tuple[list[Tensor], Tensor]:
        emb = self.embed(times, micros) + condition.embedding
        x = self.conv_in(images[0])
        if handed is not None:
            x = x + handed
        kept = self.descend(x, emb, condition.tokens, condition.mask)
        x = kept[-1]
        for level in self.mid_blocks:
            x = level(x, emb, condition.tokens, condition.mask)
        x = self.ascend(x, kept, emb, condition.tokens, condition.mask)
        return [self.predict(x)], x


class Tiny(Part):
    """16 pixels, around Inner.

    images: [batch, 3, 16, 16], [batch, 3, 8, 8]; all but the last may hold only the first rows of the batch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.temb_layer1 = nn.Linear(8, 32)
        self.temb_layer2 = nn.Linear(32, 32)
        self.conv_in = nn.Conv2d(3, 8, 3, padding=1)
        self.norm_out = nn.GroupNorm(4, 8)
        self.conv_out = zeroed(nn.Conv2d(8, 3, 3, padding=1))
        self.down_blocks = nn.ModuleList(
            [DownsampleLevel(8, side=16, resnets=[Residual(8, 8)]), DownLevel(side=8, resnets=[Residual(8, 16)])]
        )
        self.up_blocks = nn.ModuleList(
            [
                UpsampleTwiceLevel(16, side=8, resnets=[Residual(32, 16), Residual(24, 16)]),
                UpLevel(side=16, resnets=[Residual(24, 8), Residual(16, 8)]),
            ]
        )
        self.inner_unet = Inner()
        self.in_adapter = zeroed(nn.Conv2d(16, 32, 3, padding=1))
        self.out_adapter = zeroed(nn.Conv2d(32, 16, 3, padding=1))

    def condition(self, text: Tensor, text_mask: Tensor) -> Condition:
        return self.inner_unet.condition(text, text_mask)

    def denoise(
        self,
        images: Sequence[Tensor],
        times: Tensor,
        condition: Condition,
        micros: Mapping[str, Tensor],
        handed: Tensor | None = None,
    ) -> tuple[list[Tensor], Tensor]:
        rows = images[0].shape[0]  # in a mixed batch, the first ones of all
        emb = (self.embed(times, micros) + condition.embedding)[:rows]
        x = self.conv_in(images[0])
        kept = self.descend(x, emb, condition.tokens[:rows], condition.mask[:rows])
        x = kept[-1]
        inward = self.in_adapter(x)
        if images[1].shape[0] != rows:
            inward = F.pad(inward, (0, 0, 0, 0, 0, 0, 0, images[1].shape[0] - x.shape[0]))
        predictions, features = self.inner_unet.denoise(images[1:], times, condition, micros, inward)
        x = x + self.out_adapter(features[: x.shape[0]])
        x = self.ascend(x, kept, emb, condition.tokens[:rows], condition.mask[:rows])
        return [self.predict(x), *predictions], x


def load(path: str | Path, device: str | torch.device = "cpu") -> Tiny:
    """The model with the weights of a safetensors file, which must fit exactly; channels lie last in memory."""
    with torch.device("meta"):
        model = Tiny()
    model.load_state_dict(load_file(path, device=str(device)), strict=True, assign=True)
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def save(model: nn.Module, path: str | Path) -> None:
    """Writes weights as a safetensors file, which `load` and `mdmc compile --weights` read."""
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)
