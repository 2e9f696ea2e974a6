"""Learning-rate schedules: pure functions of the step."""

from dataclasses import dataclass
from typing import Protocol


class Decay(Protocol):
    """How a learning rate falls."""

    def factor(self, step: int) -> float:
        """lr(step) / lr(0)."""


@dataclass(frozen=True)
class Poly:
    """lr(t) = lr(0) · (1 - t/T)^p, set before step t."""

    horizon: int  # T
    power: float  # p

    def factor(self, step: int) -> float:
        """lr(step) / lr(0); 0 from the horizon on."""
        left: float = 1 - min(step, self.horizon) / self.horizon
        return float(left**self.power)


@dataclass(frozen=True)
class Inverse:
    """lr(t) = lr(0) / (1 + d·t)."""

    decay: float  # d

    def factor(self, step: int) -> float:
        """lr(step) / lr(0)."""
        return 1 / (1 + self.decay * step)
