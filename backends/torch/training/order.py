"""Which examples a batch has: a matter of its number alone, whatever reads it.

A run has a number of lanes. In every epoch the shards are shuffled and dealt to the lanes, and the examples of each
shard are shuffled too. A batch takes equally many examples of every lane, and the lanes are dealt to the ranks: so a
batch has the same examples on any number of ranks, and what comes after n batches follows from n.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

import torch

from .settings import Mistake, Phase, seed_of


class Order:
    """Which example a lane gives at each of its positions."""

    def __init__(self, sizes: Sequence[int], lanes: int, *seed: int | str) -> None:
        self.sizes = sizes
        self.lanes = lanes
        self.seed = seed
        self.starts = [0]
        """The position of each lane at which each epoch begins."""
        self.latest: tuple[int, list[list[int]]] = (-1, [])

    def dealt(self, epoch: int) -> list[list[int]]:
        """The shards of each lane in an epoch."""
        if self.latest[0] != epoch:
            order = permutation(len(self.sizes), *self.seed, epoch)
            self.latest = (epoch, [order[lane :: self.lanes] for lane in range(self.lanes)])
        return self.latest[1]

    def length(self, epoch: int) -> int:
        """How many examples every lane gives in an epoch: as many as the smallest lane has."""
        return min(sum(self.sizes[shard] for shard in lane) for lane in self.dealt(epoch))

    def at(self, lane: int, position: int) -> tuple[int, int]:
        """The shard and the number in it of the example at a position of a lane."""
        while self.starts[-1] <= position:
            self.starts.append(self.starts[-1] + self.length(len(self.starts) - 1))
        epoch = bisect_right(self.starts, position) - 1
        shards = self.dealt(epoch)[lane]
        ends = list(accumulate(self.sizes[shard] for shard in shards))
        place = position - self.starts[epoch]
        number = bisect_right(ends, place)
        shard = shards[number]
        return shard, permutation(self.sizes[shard], *self.seed, epoch, shard)[place - ends[number]]


@lru_cache(maxsize=256)
def permutation(count: int, *seed: int | str) -> list[int]:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed_of("order", *seed))).tolist()


def lanes_for(phases: Sequence[Phase], sizes: Sequence[int], world: int) -> int:
    """A number of lanes that every batch, and every resolution's share of it, can be divided by, and that ranks share.

    The more there are, the more shards a batch comes from, and the more ranks the run can go on with; but few examples
    may be left over at the end of an epoch.
    """

    def common(batch: int | None) -> int:
        rows = [count for phase in phases for count in phase.rows(batch or phase.batch or world)]
        return math.gcd(*rows, *(batch or phase.batch or world for phase in phases))

    whole = common(None)
    if whole % world != 0:
        least = max(phase.batch or 1 for phase in phases)
        batch = next((count for count in range(least, least + 100_000) if common(count) % world == 0), None)
        raise Mistake(
            f"batches of {', '.join(str(phase.batch) for phase in phases)} images cannot be divided over {world} "
            f"processes, each with its share of every resolution; use --batch {batch}"
        )
    choices = [n for n in range(world, min(whole, len(sizes), 16 * world) + 1, world) if whole % n == 0]
    used = {n: n * Order(sizes, n).length(0) / sum(sizes) for n in choices}
    good = [n for n in choices if used[n] >= 0.9] or sorted(choices, key=lambda n: used[n])
    if not good or used[good[-1]] < 0.5:
        raise Mistake(
            f"{len(sizes)} shards cannot be dealt evenly to {world} processes; export the data with a smaller --shard-size"
        )
    return good[-1]
