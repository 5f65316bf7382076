"""What the reader of a package with texts promises; prints one line of JSON. Arguments: folder, package, data set."""

import importlib
import json
import sys
from dataclasses import replace

import torch

folder, name, data = sys.argv[1:]
sys.path.insert(0, folder)
reader, orders, plan, checkpoint, settings = (
    importlib.import_module(f"{name}.{module}") for module in ("data", "order", "plan", "checkpoint", "settings")
)
result = {}

# Sizes of the data set: 9, 10, 9, 11.
shards = reader.Shards(data)
order = orders.Order(shards.sizes, 2, 5)
lanes = [[order.at(lane, position) for position in range(order.length(0))] for lane in range(2)]
result["epoch"] = [len(lane) for lane in lanes]
result["distinct"] = len({place for lane in lanes for place in lane}) == sum(result["epoch"])
again = [order.at(0, position) for position in range(order.length(0), order.length(0) + order.length(1))]
result["shuffled"] = again != lanes[0][: len(again)]
result["alike"] = orders.Order(shards.sizes, 2, 5).at(1, 30) == order.at(1, 30)


def seeds(number, rank, world):
    order = orders.Order(shards.sizes, 4, 5)
    phase = plan.PHASES[-1]
    return reader.Batches(shards, order, phase.inputs, plan.SETTINGS, 8, rank, world)[number].seeds


whole = seeds(3, 0, 1)
for world in (2, 4):
    parts = [seeds(3, rank, world) for rank in range(world)]
    first = {seed for part in parts for seed in part[: len(part) // 2]}
    result[f"rows of {world}"] = sorted(seed for part in parts for seed in part) == sorted(whole) and first == set(
        whole[:4]
    )

batch = reader.Batches(shards, order, plan.PHASES[-1].inputs, plan.SETTINGS, 8, 0, 1)[0]
text, mask = batch.given
result["batch"] = [list(batch.images.shape), str(batch.images.dtype), list(text.shape[::2]), mask.sum().item() > 8]
result["padding"] = bool((text[mask == 0] == 0).all())
longer = reader.Batches(shards, order, plan.PHASES[-1].inputs, plan.SETTINGS, 8, 0, 1, one_length=True)
lengths = {longer[number].given[1].shape[1] for number in range(4)}
same = torch.equal(longer[0].given[0][:, : text.shape[1]], text)
result["one length"] = bool(same and lengths == {shards.about["text"][0]} and longer[0].given[1].sum() == mask.sum())
small = reader.Batches(shards, order, plan.PHASES[0].inputs, plan.SETTINGS, 8, 0, 1)[0]
result["smaller"] = list(small.images.shape)


def mistake(act):
    try:
        return f"gave {act()}"
    except settings.Mistake as error:
        return str(error)


inputs = plan.PHASES[-1].inputs
listed_wrong = reader.Shards(data)
listed_wrong.sizes = [8, *shards.sizes[1:]]
model = plan.PHASES[-1].model()
checkpoint.save_file({"other": torch.zeros(1)}, f"{folder}/other.safetensors")
thirds = [replace(plan.PHASES[-1], shares=(2 / 3, 1.0), batch=32)]
result["lanes"] = orders.lanes_for(plan.PHASES, [10] * 8, 2)
result["refusals"] = [
    mistake(lambda: orders.lanes_for(plan.PHASES, [10] * 8, 3)),
    mistake(lambda: orders.lanes_for(thirds, [10] * 8, 2)),
    mistake(lambda: orders.lanes_for(plan.PHASES, [100, 1], 2)),
    mistake(lambda: reader.Shards(f"{folder}/nowhere")),
    mistake(lambda: listed_wrong.example(0, 0)),
    mistake(lambda: shards.refuse_unfit(replace(inputs, side=64), plan.SETTINGS)),
    mistake(lambda: shards.refuse_unfit(replace(inputs, frames=4), plan.SETTINGS)),
    mistake(lambda: shards.refuse_unfit(replace(inputs, condition=settings.Text(99, True)), plan.SETTINGS)),
    mistake(lambda: checkpoint.placed(model, f"{folder}/other.safetensors", 0)),
]
print(json.dumps(result))
