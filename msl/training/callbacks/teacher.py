"""The teacher of self-training, beside the network."""

from typing import Any

from msl.training.loop import Callback, State
from msl.training.teacher import Teacher


class FollowStudent(Callback):
    """Lets the teacher follow the network after every step; a checkpoint includes the teacher."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher

    def on_step(self, state: State) -> None:
        """Move the teacher."""
        self._teacher.follow(state.model)

    def state_dict(self) -> dict[str, Any]:
        """The teacher."""
        return self._teacher.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore it."""
        self._teacher.load_state_dict(state)
