"""Reads what `mdmc data export` wrote."""

import io
import json
import os
import signal
import tarfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .order import Order
from .settings import Damage, Inputs, Labels, Mistake, Settings, Text, seed_of


class Batch(NamedTuple):
    """The rows of a rank, of a batch of all ranks."""

    images: Tensor
    """0 to 255. [rows, channels, side, side], [rows, channels, frames, side, side]"""
    given: tuple[Tensor, ...]
    """The condition as the network takes it: text and text_mask, label, or nothing."""
    micros: dict[str, Tensor]
    seeds: list[int]
    """Of what is drawn for each row."""


class Shards:
    """The folder of a data set."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            about: dict[str, Any] = json.loads((self.folder / "dataset.json").read_text())
        except (OSError, ValueError) as error:
            raise Mistake(f"{folder} is not a folder that `mdmc data export` wrote whole: {error}") from None
        if about.get("format") != 1:
            raise Mistake(f"{folder} has format {about.get('format')}, and this package reads format 1")
        self.about = about
        self.files = [self.folder / shard["file"] for shard in about["shards"]]
        self.sizes: list[int] = [shard["examples"] for shard in about["shards"]]
        prompts = about.get("prompts")
        self.prompts = load_file(self.folder / prompts) if prompts else {}

    def refuse_unfit(self, inputs: Inputs, settings: Settings) -> None:
        """Raises a Mistake where a network that takes such inputs cannot be trained on the data set."""
        about = self.about
        if about["side"] < inputs.side:
            raise Mistake(f"the images have {about['side']} pixels, and {inputs.side} are needed; export them again")
        if about["frames"] != inputs.frames:
            raise Mistake(f"the examples have {about['frames']} frames, and {inputs.frames} are needed; export others")
        condition = inputs.condition
        if isinstance(condition, Text):
            if about["text"] is None or about["text"][1] != condition.width:
                found = "no text" if about["text"] is None else f"text of {about['text'][1]} features"
                raise Mistake(f"the data set has {found}, and {condition.width} features are needed; export it again")
            if settings.condition_dropout > 0 and "empty" not in self.prompts:
                raise Mistake("the data set lacks the empty prompt, which dropped conditions need; export it again")
        if isinstance(condition, Labels) and (about["labels"] or 0) > condition.classes:
            raise Mistake(f"the data set has {about['labels']} classes, and the model {condition.classes}")

    def example(self, shard: int, index: int) -> dict[str, bytes]:
        """The files of an example by what follows its key: `png`, `txt`, ..."""
        path = str(self.files[shard])
        found = members(path)
        if len(found) != self.sizes[shard]:
            raise Damage(f"{path} has {len(found)} examples, and {self.sizes[shard]} are listed; export it again")
        file = opened(path, os.getpid())
        result = {}
        for ending, (offset, size) in found[index].items():
            file.seek(offset)
            result[ending] = file.read(size)
        return result


@lru_cache(maxsize=64)
def members(path: str) -> list[dict[str, tuple[int, int]]]:
    """Where the files of each example lie in a tar: offset and size by what follows the key."""
    examples: dict[str, dict[str, tuple[int, int]]] = {}
    with tarfile.open(path) as tar:
        for member in tar:
            key, _, ending = member.name.partition(".")
            examples.setdefault(key, {})[ending] = (member.offset_data, member.size)
    return list(examples.values())


@lru_cache(maxsize=64)
def opened(path: str, process: int) -> BinaryIO:
    """A file to read from. process: the one that reads, since those that share a file would move its position."""
    return open(path, "rb")


class Batches(Dataset[Batch]):
    """The rows of one rank, by the number of the batch. one_length: texts as long in every batch as the longest of all."""

    def __init__(
        self,
        shards: Shards,
        order: Order,
        inputs: Inputs,
        settings: Settings,
        batch: int,
        rank: int,
        world: int,
        one_length: bool = False,
    ) -> None:
        self.shards = shards
        self.order = order
        self.inputs = inputs
        self.settings = settings
        self.each = batch // order.lanes
        self.own = range(rank, order.lanes, world)
        self.one_length = one_length

    def __getitem__(self, number: int) -> Batch:
        # Rows of one position stand together: the first rows of all ranks are the first of the whole batch.
        places = [(lane, number * self.each + i) for i in range(self.each) for lane in self.own]
        images, conditions, micros = [], [], []
        for lane, position in places:
            files = self.shards.example(*self.order.at(lane, position))
            generator = torch.Generator().manual_seed(seed_of("example", *self.order.seed, lane, position))
            flipped, dropped = torch.rand(2, generator=generator).tolist()
            image = self.image(files)
            images.append(image.flip(-1) if self.settings.flip and flipped < 0.5 else image)
            conditions.append(self.condition(files, dropped < self.settings.condition_dropout))
            micros.append({**self.inputs.micros, **json.loads(files.get("json", b"{}"))})
        return Batch(
            torch.stack(images),
            self.given(conditions),
            {key: torch.tensor([float(row[key]) for row in micros]) for key in self.inputs.micros},
            [seed_of("draws", *self.order.seed, lane, position) for lane, position in places],
        )

    def image(self, files: dict[str, bytes]) -> Tensor:
        """[channels, side, side], or [channels, frames, side, side]."""
        side, channels = self.inputs.side, self.inputs.channels
        frames = []
        for ending in sorted(ending for ending in files if ending.endswith("png")):
            picture = Image.open(io.BytesIO(files[ending])).convert("L" if channels == 1 else "RGB")
            if picture.size != (side, side):
                picture = picture.resize((side, side), Image.Resampling.LANCZOS)
            frames.append(torch.from_numpy(np.array(picture).reshape(side, side, channels)).permute(2, 0, 1))
        return frames[0] if self.inputs.frames == 1 else torch.stack(frames, dim=1)

    def condition(self, files: dict[str, bytes], dropped: bool) -> Tensor | None:
        """Text as [tokens, width], or a label."""
        condition = self.inputs.condition
        if isinstance(condition, Text):
            if dropped:
                return self.shards.prompts["empty"].float()
            return torch.from_numpy(np.load(io.BytesIO(files["text.npy"]))).float()
        if isinstance(condition, Labels):
            return torch.tensor(-1 if dropped or "cls" not in files else int(files["cls"]))
        return None

    def given(self, conditions: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
        rows = [row for row in conditions if row is not None]
        if isinstance(self.inputs.condition, Text):
            # What is not masked must not depend on which rows a rank has.
            shorter = self.inputs.condition.masked and not self.one_length
            return padded(rows, 0 if shorter else self.shards.about["text"][0])
        return (torch.stack(rows),) if rows else ()

    def load(self, first: int, last: int, workers: int, pin: bool) -> Iterator[Batch]:
        """Batches from one number up to another. A worker makes whole batches; they come in order."""
        loader = DataLoader(
            self,
            batch_size=None,
            sampler=range(first, last),
            num_workers=workers,
            pin_memory=pin,
            prefetch_factor=4 if workers > 0 else None,
            worker_init_fn=leave_signals,
        )
        return iter(loader)


def leave_signals(worker: int) -> None:
    """What asks a run to stop often reaches all its processes; those that read have to go on until it has saved."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)


def padded(texts: Sequence[Tensor], tokens: int = 0) -> tuple[Tensor, Tensor]:
    """Texts and their mask, as long as the longest of them and as `tokens`.

    texts: [tokens, width] each. Result: [rows, tokens, width] and [rows, tokens], 1 for a real token.
    """
    tokens = max(tokens, *(len(text) for text in texts))
    mask = torch.tensor([[1.0] * len(text) + [0.0] * (tokens - len(text)) for text in texts])
    return torch.stack([F.pad(text, (0, 0, 0, tokens - len(text))) for text in texts]), mask
