"""Tiny, a Matryoshka diffusion model (Gu et al. 2024)."""

from .diffusion import draw, losses
from .model import Condition, Inner, Tiny, load, save
from .sampler import sample

__all__ = ["Condition", "Inner", "Tiny", "draw", "load", "losses", "sample", "save"]
