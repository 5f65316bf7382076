/** Functions that generated blocks and models call, as Python; a package has those that it uses. */
export const blockSupport: Readonly<Record<string, string>> = {
  zeroed: `LayerT = TypeVar("LayerT", bound=nn.Module)


def zeroed(layer: LayerT) -> LayerT:
    """The layer with parameters of zeros, so that a fresh block hands its input on unchanged."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer`,
  attend: `def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Scaled dot-product attention to the keys that the mask shows.

    q: [batch, heads, queries, features], k and v: [batch, heads, keys, features], mask: [batch, keys], 0 where a key
    is hidden. Result: as q. Where every key is hidden, all count alike.
    """
    bias = torch.where(mask == 0, torch.finfo(q.dtype).min, 0.0)[:, None, None, :]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))`,
  upsample: `def upsample(x: Tensor, factor: int) -> Tensor:
    """Repeats each element along every axis of space. x: [batch, channels, ...space]. Result: so many times as wide."""
    if not torch.compiler.is_compiling():
        return F.interpolate(x, scale_factor=factor, mode="nearest")
    # Of F.interpolate, torch.compile 2.13 reads the gradient before it is summed up (bfloat16 on CPUs).
    for axis in range(2, x.dim()):
        x = x.repeat_interleave(factor, axis)
    return x`,
  per_frame: `def per_frame(x: Tensor, like: Tensor) -> Tensor:
    """Repeats each example's row for each of its frames.

    x: [batch, ...], like: [batch * frames, ...]. Result: [batch * frames, ...].
    """
    frames = like.shape[0] // x.shape[0]
    return x if frames == 1 else x.repeat_interleave(frames, dim=0)`,
}

export const modelSupport = {
  sinusoids: `def sinusoids(t: Tensor, width: int) -> Tensor:
    """Sines and cosines of t at width / 2 frequencies from 1 down to nearly 1 / 10000, in float32.

    t: [batch]. Result: [batch, width], sines first (Vaswani et al. 2017, section 3.5).
    """
    half = width // 2
    frequencies = torch.tensor([math.exp(-math.log(10000) * i / half) for i in range(half)], device=t.device)
    angles = t.float()[:, None] * frequencies
    return torch.cat((angles.sin(), angles.cos()), dim=1)`,
  real_tokens: `def mean_of_real(tokens: Tensor, mask: Tensor) -> Tensor:
    """The mean of the tokens that the mask counts. tokens: [batch, tokens, features], mask: [batch, tokens]."""
    mask = mask.float()
    total = (tokens.float() * mask[:, :, None]).sum(dim=1)
    return total / mask.sum(dim=1, keepdim=True).clamp(min=1e-6)`,
  frames: `def frames_into_batch(video: Tensor) -> Tensor:
    """[batch, channels, frames, side, side] to [batch * frames, channels, side, side]."""
    return video.transpose(1, 2).flatten(0, 1)


def frames_out_of_batch(x: Tensor, frames: int) -> Tensor:
    """The inverse of frames_into_batch."""
    return x.unflatten(0, (-1, frames)).transpose(1, 2)`,
  grid: `def onto_grid(x: Tensor, frames: int) -> Tensor:
    """Lays the frames of each example row by row on one square image.

    x: [batch * frames, channels, side, side]. Result: [batch, channels, g side, g side] with g = sqrt(frames).
    """
    g = math.isqrt(frames)
    rows, channels, height, width = x.shape
    tiles = x.reshape(rows // frames, g, g, channels, height, width).permute(0, 3, 1, 4, 2, 5)
    return tiles.reshape(rows // frames, channels, g * height, g * width)


def off_grid(x: Tensor, frames: int) -> Tensor:
    """The inverse of onto_grid."""
    g = math.isqrt(frames)
    batch, channels, height, width = x.shape
    tiles = x.reshape(batch, channels, g, height // g, g, width // g).permute(0, 2, 4, 1, 3, 5)
    return tiles.reshape(batch * frames, channels, height // g, width // g)`,
} as const
