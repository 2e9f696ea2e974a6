"""The random numbers of the processes of a training: dropout differs from one to another."""

from hashlib import blake2b

import torch

from msl.numerics import ranks
from msl.training.loop import Callback, State


class OwnRandomness(Callback):
    """Seeds a process before every step, from (seed, step, rank): so no checkpoint needs to hold its random state.

    The first process does not need it: it goes on as a training of one process does.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_start(self, state: State) -> None:
        """Seed the first step."""
        self.on_step(state)

    def on_step(self, state: State) -> None:
        """Seed the next step."""
        text = f"{self._seed},{state.step},{ranks.rank()}"
        torch.manual_seed(int.from_bytes(blake2b(text.encode(), digest_size=7).digest(), "little"))
