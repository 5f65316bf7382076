"""Mine, a Matryoshka diffusion model (Gu et al. 2024)."""

from .diffusion import draw, losses
from .model import Condition, Mine, load, save
from .sampler import sample

__all__ = ["Condition", "Mine", "draw", "load", "losses", "sample", "save"]
