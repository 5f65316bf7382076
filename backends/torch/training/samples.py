"""Pictures that show how far a training has come: the same prompts and the same noise each time."""

import torch
from torch import Tensor, nn

from .data import Shards, padded
from .settings import Labels, Phase, Text, seed_of

PICTURES = 16


class Samples:
    """What is sampled during a phase. steps: of the solver."""

    def __init__(self, phase: Phase, shards: Shards, seed: int, steps: int, device: torch.device) -> None:
        self.phase = phase
        self.seed = seed
        self.steps = steps
        self.device = device
        self.captions: list[str] = []
        self.given: list[tuple[Tensor, ...]] = []
        """The conditions and the empty ones, or nothing."""
        condition = phase.inputs.condition
        self.count = PICTURES
        if isinstance(condition, Text):
            names = [f"prompts.{i}" for i in range(PICTURES) if f"prompts.{i}" in shards.prompts]
            self.count = len(names) if "empty" in shards.prompts else 0
            if self.count > 0:
                # Both have as many tokens, so that guidance can put them into one batch.
                texts = [shards.prompts[name].float() for name in names]
                texts += [shards.prompts["empty"].float()] * len(names)
                text, mask = (both.to(device).chunk(2) for both in padded(texts))
                self.given = list(zip(text, mask))
                self.captions = shards.about["prompt_texts"][: len(names)]
        elif isinstance(condition, Labels):
            self.count = min(PICTURES, condition.classes)
            label = torch.arange(self.count, device=device)
            self.given = [(label,), (torch.full_like(label, -1),)]
            self.captions = list(condition.names[: self.count]) or [str(i) for i in range(self.count)]

    def draw(self, model: nn.Module) -> Tensor:
        """Pictures of the highest resolution, from -1 to 1."""
        generator = torch.Generator(self.device).manual_seed(seed_of("samples", self.seed))
        with torch.no_grad():
            conditions = [model.condition(*given) for given in self.given]  # pyright: ignore[reportCallIssue]
            return self.phase.sampler.sample(model, self.count, *conditions, steps=self.steps, generator=generator)[0]
