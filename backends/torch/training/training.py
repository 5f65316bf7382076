"""The step of training: gradients of some batches, parameters changed by them, and the moving average after those."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from .settings import Inputs, Phase, Settings, Text, learning_rate

if TYPE_CHECKING:
    from .data import Batch


class Drawn(NamedTuple):
    """A batch with all that is drawn for it, as the losses take it."""

    images: Tensor
    """From -1 to 1."""
    times: Tensor
    noise: list[Tensor]
    given: tuple[Tensor, ...]
    micros: dict[str, Tensor]


def draw(batch: "Batch", phase: Phase, rows: Sequence[int], device: torch.device) -> Drawn:
    """Steps of diffusion and noise: of each row by its own seed. rows: of each resolution that has only the first."""

    def there(tensor: Tensor) -> Tensor:
        return tensor.to(device, non_blocking=True)

    images = there(batch.images).float() / 127.5 - 1
    generator = torch.Generator(device)
    each = [phase.diffusion.draw(image, generator.manual_seed(s)) for image, s in zip(images.split(1), batch.seeds)]
    noise = [torch.cat([row[r] for _, row in each[:count]]) for r, count in enumerate(rows)]
    return Drawn(
        images,
        torch.cat([times for times, _ in each]),
        noise,
        tuple(there(tensor) for tensor in batch.given),
        {key: there(value) for key, value in batch.micros.items()},
    )


def trained_names(phase: Phase) -> set[str]:
    """The parameters that the loss depends on and that the phase does not freeze; found without any numbers."""
    with torch.device("meta"):
        model = phase.model()
        images, given, micros = stand_ins(phase.inputs)
    times, noise = phase.diffusion.draw(images)
    more = {"micros": micros} if micros else {}
    phase.diffusion.losses(model, images, times, noise, *given, **more).total.sum().backward()
    names = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    return {name for name in names if phase.frozen is None or not name.startswith(phase.frozen)}


def stand_ins(inputs: Inputs) -> tuple[Tensor, tuple[Tensor, ...], dict[str, Tensor]]:
    """Images, conditions and micro-conditions of one row, of which only the shapes count."""
    frames = () if inputs.frames == 1 else (inputs.frames,)
    images = torch.zeros(1, inputs.channels, *frames, inputs.side, inputs.side)
    micros = {key: torch.zeros(1) for key in inputs.micros}
    if inputs.condition is None:
        return images, (), micros
    if isinstance(inputs.condition, Text):
        return images, (torch.zeros(1, 2, inputs.condition.width), torch.ones(1, 2)), micros
    return images, (torch.zeros(1, dtype=torch.long),), micros


class Trainer:
    """A phase at work.

    model: with `requires_grad` where it is trained. average: the same network, which follows it; None: none does.
    network: what computes predictions, the model or the model in DistributedDataParallel. steps: of the whole phase.
    """

    def __init__(
        self,
        phase: Phase,
        settings: Settings,
        steps: int,
        model: nn.Module,
        average: nn.Module | None,
        network: Callable[..., list[Tensor]],
        autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self.phase = phase
        self.settings = settings
        self.steps = steps
        self.model = model
        self.average = average
        self.network = network
        self.autocast = autocast
        self.trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
        self.optimizer: Any = kind(
            self.trained,
            lr=phase.rate,
            betas=settings.betas,
            eps=settings.epsilon,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.taken = 0
        """Steps of the phase, skipped ones too: they decide the learning rate."""

    @property
    def rate(self) -> float:
        return learning_rate(self.taken, self.steps, self.phase.rate, self.settings)

    def step(self, batches: Iterable[Drawn], parts: int) -> tuple[Tensor, Tensor, Tensor]:
        """Makes a step with the gradient of the mean loss of so many batches, of this rank and of all others.

        Result: mean losses, in all and at each resolution, the norm of the gradient, and whether the step was skipped
        (1) since the loss or the norm is not finite; the same on all ranks, and left on the device.
        """
        means = torch.stack([self.backward(batch, part, parts) for part, batch in enumerate(batches)]).sum(dim=0)
        if dist.is_initialized():
            dist.all_reduce(means)
            means = means / dist.get_world_size()
        norm, skipped = self.update(means[0])
        return means, norm, skipped

    def backward(self, batch: Drawn, part: int = 0, parts: int = 1) -> Tensor:
        """Adds the gradients of a batch, one of several of a step. Result: its share of the mean losses."""
        alone = isinstance(self.network, DistributedDataParallel) and part < parts - 1
        with self.network.no_sync() if alone else nullcontext():  # pyright: ignore[reportFunctionMemberAccess]
            with self.autocast():
                more = {"micros": batch.micros} if batch.micros else {}
                losses = self.phase.diffusion.losses(
                    self.network, batch.images, batch.times, batch.noise, *batch.given, **more
                )
            loss = losses.total.mean() / parts
            loss.backward()
        return torch.stack([loss.detach(), *(each.detach().mean() / parts for each in losses.by_resolution)])

    @torch.no_grad()
    def update(self, loss: Tensor) -> tuple[Tensor, Tensor]:
        """Limits the norm of the gradients, and changes the parameters by them and the average after those.

        Nothing waits for the device: the optimizer is told there whether the step counts, and changes nothing, not
        even its own count of steps, if it does not. Result: the norm before it is limited, and 1 if it does not count.
        """
        norm = nn.utils.clip_grad_norm_(self.trained, self.settings.clip or float("inf"))
        if isinstance(norm, DTensor):
            norm = norm.full_tensor()
        skipped = 1 - (norm.isfinite() & loss.isfinite()).float()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        self.optimizer.grad_scale, self.optimizer.found_inf = None, skipped
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average is not None:
            follow(self.average, self.model, (1 - self.settings.average) * (1 - skipped))
        self.taken += 1
        return norm, skipped


def follow(average: nn.Module, model: nn.Module, gain: Tensor) -> None:
    """average += gain (model - average), where the model is trained. gain: one number."""
    for there, here in zip(average.parameters(), model.parameters()):
        if here.requires_grad:
            local(there).lerp_(local(here), gain)


def local(parameter: Tensor) -> Tensor:
    """What this rank holds of a parameter."""
    return parameter.to_local() if isinstance(parameter, DTensor) else parameter
