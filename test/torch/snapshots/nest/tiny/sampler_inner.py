"""Sampling from Inner: DDPM, 8 steps, guidance 2, dynamic threshold, even spacing."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from .diffusion_inner import STEPS, schedules
from .model import Condition, Inner

SHAPES = ((3, 8, 8),)
"""Of one image at each resolution, highest first."""


def timesteps(steps: int = 8) -> list[int]:
    """Steps of the schedule from noisy to clean, evenly spaced, with 0 at the end."""
    return [round(k * ((STEPS + 1) / (steps + 1))) for k in range(steps, -1, -1)]


class Step(NamedTuple):
    """A step from one noise level to the next, at each resolution: gamma = alpha^2 before and after it."""

    time: int
    """What the network sees."""
    gammas: list[float]
    next_gammas: list[float]


@cache
def plan(steps: int = 8) -> list[Step]:
    """The steps from noise to image."""
    tables = [gamma.tolist() for gamma in schedules()]
    places = timesteps(steps)
    at = [[gamma[place] for gamma in tables] for place in places]
    return [Step(places[k] - 1, at[k], at[k + 1]) for k in range(steps)]


def clean(x: Tensor, prediction: Tensor, gamma: float) -> Tensor:
    """The clean image x0 from a noisy one and the prediction of v = alpha eps - sigma x0."""
    alpha, sigma = math.sqrt(gamma), math.sqrt(1 - gamma)
    return alpha * x - sigma * prediction


def limited(x0: Tensor) -> Tensor:
    """Dynamic thresholding (Saharia et al. 2022, section 2.3): cut at the 0.995 quantile of each image, between 1 and
    100, and divided by it.
    """
    flat = x0.flatten(1)
    ordered = flat.abs().sort(dim=1).values
    place = 0.995 * (flat.shape[1] - 1)
    below = int(place)
    above = min(below + 1, flat.shape[1] - 1)
    bound = torch.lerp(ordered[:, below], ordered[:, above], place - below)[:, None]
    bound = bound.clamp(1, 100)
    return (flat.clamp(-bound, bound) / bound).view_as(x0)


def advance(x: Tensor, x0: Tensor, noise: Tensor, gamma: float, after: float) -> Tensor:
    """Ancestral sampling with the posterior's mean and variance (Ho et al. 2020, eq. 7)."""
    alpha = gamma / after
    beta = 1 - alpha
    mean = (math.sqrt(alpha) * (1 - after) * x + beta * math.sqrt(after) * x0) / (1 - gamma)
    return mean + math.sqrt(beta * (1 - after) / (1 - gamma)) * noise


def take(
    step: Step,
    images: Sequence[Tensor],
    predictions: Sequence[Tensor],
    noise: Sequence[Tensor],
) -> tuple[list[Tensor], list[Tensor]]:
    """The next images and the clean images that they aim at, highest resolution first."""
    following, aims = [], []
    for r, (x, prediction) in enumerate(zip(images, predictions)):
        gamma, after = step.gammas[r], step.next_gammas[r]
        x0 = clean(x, prediction.float(), gamma)
        x0 = limited(x0)
        aims.append(x0)
        following.append(advance(x, x0, noise[r], gamma, after))
    return following, aims


def predict(
    model: Inner,
    images: Sequence[Tensor],
    times: Tensor,
    condition: Condition,
    guidance: float,
    micros: Mapping[str, Tensor] | None = None,
) -> list[Tensor]:
    """Predictions, extrapolated from unconditional to conditional ones (Ho & Salimans 2022, eq. 6, with w counted from
    1).

    condition, micros: of twice as many rows where guidance is not 1, unconditional ones first.
    """
    if guidance == 1:
        return model.predictions(images, times, condition, micros)
    both = model.predictions([torch.cat((x, x)) for x in images], times.repeat(2), condition, micros)
    halves = [prediction.chunk(2) for prediction in both]
    return [without + guidance * (within - without) for without, within in halves]


@torch.no_grad()
def sample(
    model: Inner,
    batch: int,
    condition: Condition,
    unconditional: Condition | None = None,
    *,
    steps: int = 8,
    guidance: float = 2,
    micros: Mapping[str, Tensor] | None = None,
    generator: torch.Generator | None = None,
    on_step: Callable[[int, list[Tensor]], None] | None = None,
) -> list[Tensor]:
    """Images from noise, one batch for each resolution, highest first, from -1 to 1.

    condition: of `model.condition`, worked out once. unconditional: the same of the empty prompt, of as many rows;
    needed where guidance is not 1: unconditional + guidance (conditional - unconditional) (Ho & Salimans 2022).
    on_step: called after each step with its number and the clean images that it aims at. micros: each [batch]; the
    defaults where not given.
    """
    device = next(model.parameters()).device

    def draw() -> list[Tensor]:
        return [torch.randn((batch, *shape), generator=generator, device=device) for shape in SHAPES]

    images = draw()
    if guidance != 1:
        if unconditional is None:
            raise ValueError("guidance needs the unconditional condition")
        condition = Condition(*(torch.cat(pair) for pair in zip(unconditional, condition)))
        micros = {key: value.repeat(2) for key, value in (micros or {}).items()}
    for k, step in enumerate(plan(steps)):
        times = torch.full((batch,), float(step.time), device=device)
        predictions = predict(model, images, times, condition, guidance, micros)
        images, aims = take(step, images, predictions, draw())
        if on_step is not None:
            on_step(k, aims)
    return [x.clamp(-1, 1) for x in images]
