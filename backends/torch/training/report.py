"""What a run tells: metrics.jsonl, TensorBoard, and pictures of samples."""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.utils.tensorboard.writer import SummaryWriter

from .settings import Phase


class Counters:
    """Sums over the steps since the last line of metrics, and totals of the run; those of steps stay on the device."""

    def __init__(self, phase: Phase, device: torch.device, saved: dict[str, Any] | None) -> None:
        saved = saved or {}
        self.names = ["loss", *(f"loss/{name}" for name in phase.resolutions), "gradient_norm"]
        sums: list[float] = saved.get("sums", [])
        # Another phase has other resolutions; it begins at a line of metrics of its own.
        sums = sums if len(sums) == len(self.names) + 1 else [0.0] * (len(self.names) + 1)
        self.sums = torch.tensor(sums, device=device)
        """In the order of the names, and the number of steps that counted."""
        self.skipped = torch.tensor(saved.get("skipped", [0.0, 0.0]), device=device)
        """Steps that were skipped: in the whole run, and the last ones in a row."""
        self.images, self.seconds, self.waiting = saved.get("host", [0, 0.0, 0.0])
        self.since = saved.get("since", [0, 0.0])
        """Images and seconds since the last line."""

    def count(self, means: Tensor, norm: Tensor, skipped: Tensor, images: int, seconds: float, waiting: float) -> None:
        values = torch.cat((means, torch.stack((norm, torch.ones_like(norm)))))
        self.sums += torch.where(skipped == 0, values, 0.0)
        self.skipped = torch.stack((self.skipped[0] + skipped, (self.skipped[1] + 1) * skipped))
        self.images += images
        self.seconds += seconds
        self.waiting += waiting
        self.since = [self.since[0] + images, self.since[1] + seconds]

    def row(self, rate: float) -> dict[str, float]:
        """A line of metrics for the steps since the last one."""
        *sums, steps = self.sums.tolist()
        images, seconds = self.since
        self.sums.zero_()
        self.since = [0, 0.0]
        return {
            **({name: value / steps for name, value in zip(self.names, sums)} if steps > 0 else {}),
            "learning_rate": rate,
            "images_per_second": images / max(seconds, 1e-9),
            "images": self.images,
            "skipped": int(self.skipped[0]),
            "seconds": self.seconds,
            "waiting_seconds": self.waiting,
        }

    @property
    def state(self) -> dict[str, Any]:
        host = [self.images, self.seconds, self.waiting]
        return {"sums": self.sums.tolist(), "skipped": self.skipped.tolist(), "host": host, "since": self.since}


class Report:
    """The files of a run; those of one that goes on lose what came after its step."""

    def __init__(self, run: Path, step: int) -> None:
        self.metrics = run / "metrics.jsonl"
        if self.metrics.exists():
            *lines, _ = self.metrics.read_text().split("\n")
            kept = [line for line in lines if json.loads(line)["step"] <= step]
            self.metrics.write_text("".join(f"{line}\n" for line in kept))
        self.samples = run / "samples"
        self.board = SummaryWriter(str(run), purge_step=step + 1)

    def row(self, step: int, values: dict[str, float]) -> None:
        self.line(step, {name: value if math.isfinite(value) else None for name, value in values.items()})
        for name, value in values.items():
            self.board.add_scalar(name, value, step)
        shown = [
            f"{name} {values[name]:.4g}" for name in ("loss", "gradient_norm", "images_per_second") if name in values
        ]
        print(f"step {step}  {'  '.join(shown)}", flush=True)

    def note(self, step: int, text: str) -> None:
        self.line(step, {"note": text})
        print(f"step {step}  {text}", flush=True)

    def line(self, step: int, values: dict[str, Any]) -> None:
        with self.metrics.open("a") as file:
            file.write(json.dumps({"step": step, "time": time.time(), **values}) + "\n")

    def pictures(self, step: int, images: Tensor, captions: Sequence[str]) -> None:
        """images: from -1 to 1. [pictures, channels, side, side]; of videos, the frames stand in a row."""
        columns = 1 if images.ndim == 5 else math.ceil(math.sqrt(len(images)))
        if images.ndim == 5:
            images = images.movedim(2, 3).flatten(3)
        picture = grid(((images + 1) * 127.5).round().byte().cpu(), columns)
        self.samples.mkdir(exist_ok=True)
        Image.fromarray(picture.permute(1, 2, 0).squeeze(2).numpy()).save(self.samples / f"step-{step:08d}.png")
        self.board.add_image("samples", picture, step)
        if any(captions):
            self.board.add_text("captions", "\n\n".join(captions), step)

    def close(self) -> None:
        self.board.close()


def grid(images: Tensor, columns: int) -> Tensor:
    """[pictures, channels, height, width] to [channels, rows * height, columns * width], black where there is none."""
    count, channels, height, width = images.shape
    rows = math.ceil(count / columns)
    cells = images.new_zeros(rows * columns, channels, height, width)
    cells[:count] = images
    return (
        cells.view(rows, columns, channels, height, width).permute(2, 0, 3, 1, 4).reshape(channels, rows * height, -1)
    )
