"""The blocks of Tiny."""

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


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Scaled dot-product attention to the keys that the mask shows.

    q: [batch, heads, queries, features], k and v: [batch, heads, keys, features], mask: [batch, keys], 0 where a key
    is hidden. Result: as q. Where every key is hidden, all count alike.
    """
    bias = torch.where(mask == 0, torch.finfo(q.dtype).min, 0.0)[:, None, None, :]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))


def upsample(x: Tensor, factor: int) -> Tensor:
    """Repeats each element along every axis of space. x: [batch, channels, ...space]. Result: so many times as wide."""
    if not torch.compiler.is_compiling():
        return F.interpolate(x, scale_factor=factor, mode="nearest")
    # Of F.interpolate, torch.compile 2.13 reads the gradient before it is summed up (bfloat16 on CPUs).
    for axis in range(2, x.dim()):
        x = x.repeat_interleave(factor, axis)
    return x


class SelfAttention(nn.Module):
    """Self-attention over tokens, on request with rotary positions. x: [batch, tokens, features]."""

    def __init__(self, features: int, heads: int = 8) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(features)
        self.qkv = nn.Linear(features, 3 * features)
        self.proj_out = zeroed(nn.Linear(features, features))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, tokens, features = x.shape
        split = (batch, tokens, 3 * self.heads, features // self.heads)
        q, k, v = self.qkv(self.norm(x)).reshape(split).transpose(1, 2).chunk(3, dim=1)
        h = attend(q, k, v, mask)
        h = h.transpose(1, 2).reshape(batch, tokens, features)
        return x + self.proj_out(h)


class Mlp(nn.Module):
    """Feed-forward part of a layer over tokens. x: [batch, tokens, features]."""

    def __init__(self, features: int, multiplier: int = 4) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.LayerNorm(features),
            nn.Linear(features, multiplier * features),
            nn.GELU(),
            zeroed(nn.Linear(multiplier * features, features)),
        )

    def forward(self, x: Tensor) -> Tensor:
        h = self.main(x)
        return x + h


class TextLayer(nn.Module):
    """A layer over text or over time: self-attention, then a feed-forward part. x: [batch, tokens, features]."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.attn = SelfAttention(features)
        self.mlp = Mlp(features)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.mlp(self.attn(x, mask))


class Residual(nn.Module):
    """Residual block (He et al. 2016) with scale and shift from the time embedding (Dhariwal & Nichol 2021).
    x: [batch, channels, height, width], emb: [batch, embedding]. Result: [batch, out, height, width].
    """

    def __init__(self, channels: int, out: int, groups: int = 4, emb_features: int = 32) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, channels)
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1)
        self.time_layer = nn.Linear(emb_features, 2 * out)
        self.norm2 = nn.GroupNorm(groups, out)
        self.conv2 = zeroed(nn.Conv2d(out, out, 3, padding=1))
        self.conv3 = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.time_layer(F.silu(emb)).chunk(2, dim=1)
        h = self.norm2(h) * (1 + scale)[:, :, None, None] + shift[:, :, None, None]
        h = self.conv2(F.silu(h))
        return h + self.conv3(x)


class Attention(nn.Module):
    """Attention over all positions and, where there is a condition, over its tokens (same queries, results added).
    x: [batch, channels, height, width], condition: [batch, tokens, features], mask: [batch, tokens]. Result: as x.
    """

    def __init__(self, channels: int = 32, heads: int = 2, condition_features: int = 16) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(32, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.norm_cond = nn.LayerNorm(condition_features)
        self.kv_cond = nn.Linear(condition_features, 2 * channels)
        self.proj_out = zeroed(nn.Conv2d(channels, channels, 1))
        self.ffn = nn.Sequential(
            nn.GroupNorm(32, channels),
            nn.Conv2d(channels, 4 * channels, 1),
            nn.GELU(),
            zeroed(nn.Conv2d(4 * channels, channels, 1)),
        )

    def forward(self, x: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        split = (batch, 3 * self.heads, channels // self.heads, height * width)
        q, k, v = self.qkv(self.norm(x)).reshape(split).transpose(2, 3).chunk(3, dim=1)
        h = F.scaled_dot_product_attention(q, k, v)
        h = h + self.cross_attention(q, condition, mask, channels, self.heads)
        h = h.transpose(2, 3).reshape(batch, channels, height, width)
        h = x + self.proj_out(h)
        return h + self.conv_mlp(h)

    def cross_attention(self, q: Tensor, condition: Tensor, mask: Tensor, width: int, heads: int) -> Tensor:
        """What attention takes from the condition's tokens. q: [batch, heads, positions, features]."""
        split = (condition.shape[0], condition.shape[1], 2 * heads, width // heads)
        k, v = self.kv_cond(self.norm_cond(condition)).reshape(split).transpose(1, 2).chunk(2, dim=1)
        return attend(q, k, v, mask)

    def conv_mlp(self, x: Tensor) -> Tensor:
        """The feed-forward part of an attention block, position by position."""
        return self.ffn(x)
