"""How long training lasts."""

from abc import ABC, abstractmethod
from typing import Self

from pydantic import Field, model_validator

from msl.config.group import Group


class TrainSchedule(Group, ABC):
    """How long training lasts, in iterations."""

    epoch_iters: int | None = Field(
        None, ge=1, le=10**9, description="Iterations in an epoch; none = one pass over the data."
    )

    @abstractmethod
    def horizon(self, epoch_iters: int) -> int:
        """Horizon T of the learning-rate schedule."""

    def stop(self, epoch_iters: int) -> int:
        """Iteration at which training stops."""
        return self.horizon(epoch_iters)


class PretrainSchedule(TrainSchedule):
    """How long pretraining lasts."""

    iter_max: int = Field(
        200_000, ge=1, le=10**9, description="Horizon T of the learning-rate schedule, in iterations."
    )
    iter_stop: int | None = Field(
        80_000, ge=1, le=10**9, description="Iteration at which training stops; none = iter_max."
    )

    @model_validator(mode="after")
    def _stops_within_the_horizon(self) -> Self:
        if self.iter_stop is not None and self.iter_stop > self.iter_max:
            raise ValueError(f"iter_stop = {self.iter_stop} is larger than iter_max = {self.iter_max}")
        return self

    def horizon(self, epoch_iters: int) -> int:
        """iter_max; it does not depend on the epoch."""
        return self.iter_max

    def stop(self, epoch_iters: int) -> int:
        """iter_stop, or the horizon."""
        return self.iter_stop or self.iter_max


class AdaptSchedule(TrainSchedule):
    """How long adaptation lasts: round_num x epoch_each_round epochs."""

    round_num: int = Field(5, ge=1, le=10**6, description="Rounds of training.")
    epoch_each_round: int = Field(2, ge=1, le=10**6, description="Epochs in a round.")

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return self.round_num * self.epoch_each_round

    def horizon(self, epoch_iters: int) -> int:
        """The iterations of all epochs."""
        return self.epochs * epoch_iters


class NoSteps(AdaptSchedule):
    """No training at all."""

    def stop(self, epoch_iters: int) -> int:
        """Before the first iteration."""
        return 0


class TargetSoloSchedule(AdaptSchedule):
    """How long adaptation lasts, and when training on the source ends."""

    round_num: int = Field(20, ge=1, le=10**6, description="Rounds of training.")
    target_solo_epoch: int = Field(
        20, ge=0, description="First epoch, counted from 0, that trains on the target alone."
    )

    @model_validator(mode="after")
    def _reaches_the_solo(self) -> Self:
        if self.target_solo_epoch >= self.epochs:
            raise ValueError(
                f"target_solo_epoch = {self.target_solo_epoch} is never reached in {self.epochs} epochs: "
                "lower it or raise round_num"
            )
        return self
