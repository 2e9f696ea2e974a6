"""The processes that train one network together, as torchrun describes them to each of them."""

import os
from dataclasses import dataclass

_ALL = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class World:
    """The number of processes, and the place of this one among them."""

    rank: int = 0  # number of this process, from 0
    size: int = 1  # number of processes, on all machines
    local_rank: int = 0  # number of this process among those of its machine: its GPU

    @property
    def is_several(self) -> bool:
        """Whether there are other processes."""
        return self.size > 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that finds and records everything; the others only train with it."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """This process's part of `count` things in order; the parts differ in length by one at the most."""
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)


def world() -> World:
    """The world of this process; without torchrun, it is alone in it."""
    if any(name not in os.environ for name in _ALL):
        return World()
    rank, size, local_rank = (int(os.environ[name]) for name in _ALL[:3])
    return World(rank, size, local_rank)
