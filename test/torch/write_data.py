"""Writes a folder as `mdmc data export` does, with pictures that are functions of their numbers.

Arguments: folder, side, frames, examples of each shard joined by commas, `text`, `label` or `none`, and the number of an
example whose text is not a number, or -1.
"""

import io
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

folder, side, frames, sizes, condition, damaged = sys.argv[1:]
folder, side, frames, damaged = Path(folder), int(side), int(frames), int(damaged)
sizes = [int(size) for size in sizes.split(",")]
width, classes = 12, 3
random = np.random.default_rng(0)


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def png():
    low = random.integers(0, 256, (2, 2, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(low).resize((side, side), Image.Resampling.BICUBIC).save(file, "png")
    return file.getvalue()


def files(number):
    names = ["png"] if frames == 1 else [f"{frame:02d}.png" for frame in range(frames)]
    result = {name: png() for name in names}
    result["txt"] = b"a picture"
    result["json"] = json.dumps({"scale": float(random.integers(4, 20))}).encode()
    if condition == "text":
        tokens = int(random.integers(1, 5))
        text = random.standard_normal((tokens, width)).astype(np.float16)
        result["text.npy"] = saved(text * np.nan if number == damaged else text)
    if condition == "label":
        result["cls"] = str(random.integers(0, classes)).encode()
    return result


folder.mkdir(parents=True)
shards = []
number = 0
for shard, count in enumerate(sizes):
    name = f"{shard:06d}.tar"
    with tarfile.open(folder / name, "w") as tar:
        for _ in range(count):
            for ending, data in files(number).items():
                member = tarfile.TarInfo(f"{number:09d}.{ending}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
            number += 1
    shards.append({"file": name, "examples": count, "bytes": (folder / name).stat().st_size})
text = {"empty": 1, "prompts.0": 3, "prompts.1": 2} if condition == "text" else {}
if text:
    save_file(
        {name: random.standard_normal((tokens, width)).astype(np.float32) for name, tokens in text.items()},
        folder / "prompts.safetensors",
    )
about = {
    "format": 1,
    "name": "test",
    "examples": number,
    "side": side,
    "frames": frames,
    "channels": 3,
    "encoder": "hash" if text else None,
    "text": [4, width] if text else None,
    "micros": ["scale"],
    "labels": classes if condition == "label" else None,
    "shards": shards,
    "prompts": "prompts.safetensors" if text else None,
    "prompt_texts": ["a picture", "another"] if text else [],
}
(folder / "dataset.json").write_text(json.dumps(about))
