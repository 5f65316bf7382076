"""The diffusion process of Mine: noise schedules, and the training loss (Gu et al. 2024, eq. 2 and 3)."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

STEPS = 1000
"""Steps of the process, from 1 to this; 0 is the clean image."""


def gammas() -> Tensor:
    """gamma = alpha^2 at steps 0 to STEPS before any shift, in float64.

    beta rises linearly (Ho et al. 2020).
    """
    betas = torch.linspace(0.0001, 0.02, STEPS, dtype=torch.float64)
    log_gamma = torch.log(1 - betas).cumsum(0)
    return torch.cat((torch.ones(1, dtype=torch.float64), log_gamma.exp()))


@cache
def schedules() -> tuple[Tensor, ...]:
    """gamma at steps 0 to STEPS for the resolutions 8; float64, with the digits of float32."""
    base = gammas().float().double()
    return (base,)


@cache
def signal_and_noise(device: torch.device) -> list[tuple[Tensor, Tensor]]:
    """alpha and sigma at each step of each resolution, highest first, in float32."""
    return [(gamma.sqrt().float().to(device), (1 - gamma).sqrt().float().to(device)) for gamma in schedules()]


def resolutions(images: Tensor) -> list[Tensor]:
    """The images at each resolution, highest first: averages in space, one frame of each group in time."""
    return [images]


def draw(images: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, list[Tensor]]:
    """Steps for a batch, uniform, and noise for each resolution. times: [batch], from 0 to STEPS - 1."""
    batch, device = images.shape[0], images.device
    times = torch.randint(STEPS, (batch,), generator=generator, device=device)
    noise = [torch.randn(clean.shape, generator=generator, device=device) for clean in resolutions(images)]
    return times, noise


class Noised(NamedTuple):
    """Images of one resolution with their noise; alpha and sigma per example."""

    clean: Tensor
    eps: Tensor
    alpha: Tensor
    sigma: Tensor
    noisy: Tensor


class Losses(NamedTuple):
    """What a batch costs."""

    total: Tensor
    """The sum over resolutions, weighted. [batch]"""
    by_resolution: list[Tensor]
    """Mean squares, highest resolution first, not weighted. [rows] each"""


def losses(
    model: Callable[..., list[Tensor]],
    images: Tensor,
    times: Tensor,
    noise: Sequence[Tensor],
    *given: Tensor,
    **more: object,
) -> Losses:
    """The loss of a batch, from draws of noise.

    images: of the highest resolution, from -1 to 1. times: [batch], whole numbers from 0 to STEPS - 1.
    noise: standard normal, one for each resolution. given, more: what the model is given beside images and times.
    """
    pairs = list(zip(resolutions(images), noise, signal_and_noise(images.device)))
    levels = []
    for clean, eps, (alpha, sigma) in pairs:
        shape = (-1, *[1] * (clean.ndim - 1))
        alpha, sigma = (table[times + 1].view(shape) for table in (alpha, sigma))
        levels.append(Noised(clean, eps, alpha, sigma, alpha * clean + sigma * eps))
    predictions = model([level.noisy for level in levels], times.float(), *given, **more)
    total = torch.zeros(len(times), device=images.device)
    by_resolution = []
    for prediction, level in zip(predictions, levels):
        eps = level.eps
        prediction = prediction.float()
        target = eps
        loss = (prediction - target).square().flatten(1).mean(dim=1)
        by_resolution.append(loss)
        total = total + loss
    return Losses(total, by_resolution)
