"""Learning-rate schedules: pure functions of the step."""

from dataclasses import dataclass
from typing import Protocol

from msl.config import OptimizerConfig


class Decay(Protocol):
    """A learning rate over the steps."""

    def factor(self, step: int) -> float:
        """lr(step) / lr(0)."""


@dataclass(frozen=True)
class Poly:
    """lr(t) = lr(0) · (1 - t/T)^p, set before step t."""

    horizon: int  # T
    power: float  # p

    def factor(self, step: int) -> float:
        """lr(step) / lr(0); 0 at the horizon and after it."""
        remaining: float = 1 - min(step, self.horizon) / self.horizon
        return float(remaining**self.power)


@dataclass(frozen=True)
class Warmup:
    """A schedule with smaller first steps: lr(t) = after(t) · (r + (1 - r) · t/W) for t < W, then after(t)."""

    after: Decay
    iters: int  # W
    ratio: float  # r

    def factor(self, step: int) -> float:
        """lr(step) / lr(0) of the schedule without warm-up."""
        warmup_factor = 1.0 if step >= self.iters else self.ratio + (1 - self.ratio) * step / self.iters
        return warmup_factor * self.after.factor(step)


@dataclass(frozen=True)
class Inverse:
    """lr(t) = lr(0) / (1 + d·t)."""

    decay: float  # d

    def factor(self, step: int) -> float:
        """lr(step) / lr(0)."""
        return 1 / (1 + self.decay * step)


def lr_schedule(config: OptimizerConfig, horizon: int) -> Decay:
    """The polynomial schedule over `horizon` steps, with a warm-up if the settings have one."""
    return Warmup(Poly(horizon, config.poly_power), config.warmup_iters, config.warmup_ratio)
