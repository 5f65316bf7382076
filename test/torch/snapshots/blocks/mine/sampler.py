"""Sampling from Mine: DPM-Solver++ (2M), 6 steps, fixed threshold, log-snr spacing."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from .diffusion import STEPS, schedules
from .model import Condition, Mine

SHAPES = ((3, 8, 8),)
"""Of one image at each resolution, highest first."""


def timesteps(steps: int = 6) -> list[int]:
    """Steps of the schedule from noisy to clean, evenly spaced in log-SNR, with 1 and 0 at the end (Lu et al. 2022).

    The shift of a resolution adds a constant to its log-SNR, so the lowest one stands for all. No step is taken
    twice.
    """
    gamma = schedules()[-1]
    log_snr = (gamma / (1 - gamma)).log().tolist()
    noisy, clean = log_snr[STEPS], log_snr[1]
    places = []
    place = STEPS
    for k in range(steps):
        wanted = noisy + (clean - noisy) * k / max(1, steps - 1)
        while place > 1 and abs(log_snr[place - 1] - wanted) <= abs(log_snr[place] - wanted):
            place -= 1
        highest = (places[-1] if places else STEPS + 1) - 1
        places.append(max(steps - k, min(place, highest)))
    return [*places, 0]


class Step(NamedTuple):
    """A step from one noise level to the next, at each resolution: gamma = alpha^2 before and after it."""

    time: int
    """What the network sees."""
    gammas: list[float]
    next_gammas: list[float]
    previous_gammas: list[float] | None
    """Of the step before; None in the first one."""


@cache
def plan(steps: int = 6) -> list[Step]:
    """The steps from noise to image."""
    tables = [gamma.tolist() for gamma in schedules()]
    places = timesteps(steps)
    at = [[gamma[place] for gamma in tables] for place in places]
    return [Step(places[k] - 1, at[k], at[k + 1], at[k - 1] if k > 0 else None) for k in range(steps)]


def clean(x: Tensor, prediction: Tensor, gamma: float) -> Tensor:
    """The clean image x0 from a noisy one and the prediction of the noise."""
    alpha, sigma = math.sqrt(gamma), math.sqrt(1 - gamma)
    return (1 / alpha) * x - (sigma / alpha) * prediction


def limited(x0: Tensor) -> Tensor:
    """x0 within what images can be."""
    return x0.clamp(-1, 1)


def advance(x: Tensor, x0: Tensor, previous: Tensor, gamma: float, after: float, before: float | None) -> Tensor:
    """DPM-Solver++ (2M): second order in the half log-SNR (Lu et al. 2022, algorithm 2).

    The first step has no clean image before it, and the last ends at infinite SNR: both are of first order.
    """
    scale = math.sqrt(1 - after) / math.sqrt(1 - gamma)
    whole = math.sqrt(after) - scale * math.sqrt(gamma)
    if before is None or after == 1:
        return scale * x + whole * x0
    half_log_snr = [0.5 * (math.log(g) - math.log1p(-g)) for g in (before, gamma, after)]
    ratio = (half_log_snr[1] - half_log_snr[0]) / (half_log_snr[2] - half_log_snr[1])
    return scale * x + whole * (1 + 1 / (2 * ratio)) * x0 - whole / (2 * ratio) * previous


def take(
    step: Step,
    images: Sequence[Tensor],
    predictions: Sequence[Tensor],
    previous: Sequence[Tensor],
) -> tuple[list[Tensor], list[Tensor]]:
    """The next images and the clean images that they aim at, highest resolution first. previous: the clean images of
    the step before.
    """
    following, aims = [], []
    for r, (x, prediction) in enumerate(zip(images, predictions)):
        gamma, after = step.gammas[r], step.next_gammas[r]
        x0 = clean(x, prediction.float(), gamma)
        x0 = limited(x0)
        aims.append(x0)
        before = None if step.previous_gammas is None else step.previous_gammas[r]
        following.append(advance(x, x0, previous[r], gamma, after, before))
    return following, aims


def predict(
    model: Mine,
    images: Sequence[Tensor],
    times: Tensor,
    condition: Condition,
    guidance: float,
) -> list[Tensor]:
    """Predictions, extrapolated from unconditional to conditional ones (Ho & Salimans 2022, eq. 6, with w counted from
    1).

    condition: of twice as many rows where guidance is not 1, unconditional ones first.
    """
    if guidance == 1:
        return model.predictions(images, times, condition)
    both = model.predictions([torch.cat((x, x)) for x in images], times.repeat(2), condition)
    halves = [prediction.chunk(2) for prediction in both]
    return [without + guidance * (within - without) for without, within in halves]


@torch.no_grad()
def sample(
    model: Mine,
    batch: int,
    condition: Condition,
    unconditional: Condition | None = None,
    *,
    steps: int = 6,
    guidance: float = 1,
    generator: torch.Generator | None = None,
    on_step: Callable[[int, list[Tensor]], None] | None = None,
) -> list[Tensor]:
    """Images from noise, one batch for each resolution, highest first, from -1 to 1.

    condition: of `model.condition`, worked out once. unconditional: the same of the empty prompt (the label -1), of
    as many rows;
    needed where guidance is not 1: unconditional + guidance (conditional - unconditional) (Ho & Salimans 2022).
    on_step: called after each step with its number and the clean images that it aims at.
    """
    device = next(model.parameters()).device

    def draw() -> list[Tensor]:
        return [torch.randn((batch, *shape), generator=generator, device=device) for shape in SHAPES]

    images = draw()
    aims = images
    if guidance != 1:
        if unconditional is None:
            raise ValueError("guidance needs the unconditional condition")
        condition = Condition(*(torch.cat(pair) for pair in zip(unconditional, condition)))
    for k, step in enumerate(plan(steps)):
        times = torch.full((batch,), float(step.time), device=device)
        predictions = predict(model, images, times, condition, guidance)
        images, aims = take(step, images, predictions, aims)
        if on_step is not None:
            on_step(k, aims)
    return [x.clamp(-1, 1) for x in images]
