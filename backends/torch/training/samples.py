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
                text, mask = (tensor.to(device) for tensor in padded(texts))
                half = len(names)
                self.given = [(text[:half].clone(), mask[:half].clone()), (text[half:].clone(), mask[half:].clone())]
                self.captions = shards.about["prompt_texts"][:half]
        elif isinstance(condition, Labels):
            wanted: list[int] = shards.about.get("prompt_labels") or list(range(condition.classes))
            label = torch.tensor(wanted[:PICTURES], device=device)
            self.count = len(label)
            self.given = [(label,), (torch.full_like(label, -1),)]
            self.captions = [condition.names[i] if condition.names else str(i) for i in label.tolist()]

    def draw(self, model: nn.Module) -> Tensor:
        """Pictures of the highest resolution, from -1 to 1."""
        generator = torch.Generator(self.device).manual_seed(seed_of("samples", self.seed))
        with torch.no_grad():
            conditions = [model.condition(*given) for given in self.given]  # pyright: ignore[reportCallIssue]
            return self.phase.sampler.sample(model, self.count, *conditions, steps=self.steps, generator=generator)[0]
