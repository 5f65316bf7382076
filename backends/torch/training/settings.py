"""What a training is set to: the section `train` of the model, which plan.py has, and the learning rate by step."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Literal, NamedTuple

from torch import nn


class Mistake(Exception):
    """What the user can put right; shown without a traceback. local: whether other ranks may not know of it."""

    def __init__(self, text: str, local: bool = False) -> None:
        super().__init__(text)
        self.local = local


class Text(NamedTuple):
    """A condition of text."""

    width: int
    """Features of a token."""
    masked: bool
    """Whether the network ignores padding."""


class Labels(NamedTuple):
    """A condition of classes; -1 is none of them."""

    classes: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """What all phases have in common."""

    optimizer: Literal["adamw", "adam"]
    betas: tuple[float, float]
    epsilon: float
    weight_decay: float
    warmup: int
    decay: Literal["constant", "cosine"]
    clip: float
    """The largest norm of the gradient; 0: not limited."""
    average: float
    """Decay of the moving average of the weights; 0: there is none."""
    accumulate: int
    """Batches for one step."""
    precision: Literal["float32", "bfloat16", "float16"]
    condition_dropout: float
    """Share of the examples that are trained without their condition."""
    flip: bool
    seed: int


@dataclass(frozen=True)
class Inputs:
    """What a network is given: images of the highest resolution, from -1 to 1, and their conditions."""

    side: int
    frames: int
    channels: int
    condition: Text | Labels | None
    micros: Mapping[str, float]
    """Micro-conditions and their defaults."""


@dataclass(frozen=True)
class Phase:
    """A part of the nest, for some steps."""

    name: str
    model: Callable[[], nn.Module]
    diffusion: ModuleType
    sampler: ModuleType
    inputs: Inputs
    resolutions: tuple[str, ...]
    """Their names, highest first."""
    shares: tuple[float, ...]
    """Which share of a batch each resolution sees, highest first."""
    rate: float
    """The learning rate at its highest."""
    steps: int | None
    batch: int | None
    """Images of a batch, on all ranks together; None where the model does not say."""
    frozen: str | None = None
    """Parameters whose names begin so stay as they are."""
    start: str | None = None
    """A checkpoint to begin with, of this part or of one nested in it."""
    pretrained: tuple[tuple[int, str], ...] = ()
    """Checkpoints that nested parts begin with, and the depth of each part."""

    def rows(self, batch: int) -> list[int]:
        """How many images of a batch each resolution sees, highest first."""
        return [max(1, int(share * batch)) for share in self.shares]


def learning_rate(step: int, steps: int, rate: float, settings: Settings) -> float:
    """The learning rate at a step of a phase, from 0 on.

    It rises linearly over `warmup` steps, of which the first two are alike, and stays, or falls along half a cosine to
    0 at the end of the phase (Loshchilov & Hutter 2017, eq. 5, without restarts).
    """
    if step < settings.warmup:
        return rate * max(1, step) / settings.warmup
    if settings.decay == "constant":
        return rate
    progress = min(1.0, (step - settings.warmup) / max(1, steps - settings.warmup))
    return rate * (1 + math.cos(math.pi * progress)) / 2


def seed_of(*place: int | str) -> int:
    """A seed for what is drawn at a place of the run, such as its seed, a phase, a purpose, a lane and a position."""
    text = ":".join(str(part) for part in place)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1
