"""The processes of a run: how they find each other, and how the model is laid over them."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from types import FrameType
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.nn.parallel import DistributedDataParallel

M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
M_ARENA_MAX = -8


class Processes:
    """This process among all: those of torchrun, of Slurm (train.slurm), or this one alone."""

    def __init__(self, device: str | None = None) -> None:
        kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
        number = int(os.environ.get("LOCAL_RANK", "0"))
        self.device = torch.device(kind, number) if kind == "cuda" else torch.device(kind)
        if kind == "cuda":
            torch.cuda.set_device(self.device)
            torch.backends.cudnn.benchmark = True
        else:
            suit_processors()
        # What is small and for the host goes through gloo, so that nothing waits for the device.
        backend = "cpu:gloo,cuda:nccl" if kind == "cuda" else "gloo"
        alone = {} if "RANK" in os.environ else {"store": dist.HashStore(), "rank": 0, "world_size": 1}
        if not dist.is_initialized():
            dist.init_process_group(backend, **alone)
        self.rank = dist.get_rank()
        self.world = dist.get_world_size()
        self.stopped = False
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self.stop)

    def stop(self, number: int, frame: FrameType | None) -> None:
        self.stopped = True

    def stopping(self) -> bool:
        """Whether any process has been asked to stop; all must ask together."""
        flag = torch.tensor(int(self.stopped))
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag)

    def close(self) -> None:
        dist.destroy_process_group()

    def agreed(self, value: Any) -> Any:
        """The first process's value, everywhere."""
        values = [value]
        dist.broadcast_object_list(values, device=torch.device("cpu"))
        return values[0]

    def lay_out(
        self, model: nn.Module, average: nn.Module | None, strategy: str, bfloat16: bool, compiled: bool
    ) -> Callable[..., list[Tensor]]:
        """Puts the model and its average onto the devices. Result: what computes predictions from now on."""
        model.to(self.device)
        if average is not None:
            average.to(self.device)
        if compiled:
            torch.compiler.reset()  # of the phase before
        if strategy == "fsdp":
            policy = MixedPrecisionPolicy()
            if bfloat16 and self.device.type == "cuda":
                # Weights are sent in bfloat16; norms of processors would refuse them. Inputs stay float32, since times of
                # 1000 steps do not fit into bfloat16: autocast converts what it can.
                policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)
            self.shard(model, policy, compiled)
            if average is not None:
                self.shard(average, MixedPrecisionPolicy(), compiled=False)
            return model
        for one in (model, average):
            if one is not None:
                one.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        if compiled:
            model.compile()
        if self.world == 1:
            return model
        devices = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=devices, gradient_as_bucket_view=True)

    def shard(self, model: nn.Module, policy: MixedPrecisionPolicy, compiled: bool) -> None:
        mesh = init_device_mesh(self.device.type, (self.world,))
        parts = list(listed(model))
        if compiled:
            # Parts of one class share its code, which is compiled once for each of them.
            torch._dynamo.config.cache_size_limit = max(len(parts), torch._dynamo.config.cache_size_limit)
        for part in parts:
            if compiled:
                # For itself: between parts, FSDP gathers and frees parameters, which is not compiled.
                part.compile(fullgraph=True, dynamic=False)
            fully_shard(part, mesh=mesh, mp_policy=policy)
        fully_shard(model, mesh=mesh, mp_policy=policy)
        for name in ("condition", "predictions"):
            if hasattr(model, name):
                register_fsdp_forward_method(model, name)

    def autocast(self, bfloat16: bool) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if bfloat16 else nullcontext()


def suit_processors() -> None:
    """What makes steps on processors fast: attention as products, and memory that stays with the process.

    The gradient of PyTorch's flash attention takes up to twenty times as long there as that of the products does. And a
    step takes and frees gradients of all parameters: pages that are new to the process can cost more than the work on
    them, so what is freed is kept for the next step, as torch does on GPUs.
    """
    torch.backends.cuda.enable_flash_sdp(False)  # of processors, too
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        # From malloc.h of the GNU C library: no mapping for a large block alone, nothing given back, one heap for all.
        for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1), (M_ARENA_MAX, 1)):
            mallopt(option, value)


def listed(module: nn.Module) -> Iterator[nn.Module]:
    """What stands in the outermost lists, such as levels: one part of the model after the other."""
    for child in module.children():
        if not isinstance(child, nn.ModuleList):
            yield from listed(child)
            continue
        for part in child:
            # A single layer is too small to be worth a message of its own.
            if next(part.children(), None) is not None:
                yield part
