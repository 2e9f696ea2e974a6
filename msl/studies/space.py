"""A search space, as it is typed: ``lambda_target=0.1:10:log target_mode=maxsquare|IW_maxsquare max_iters=100``."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msl.errors import ConfigError

_HOW = "Pass NAME=LOW:HIGH, NAME=LOW:HIGH:log, NAME=VALUE|VALUE, or NAME=VALUE"


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float
    is_log: bool = False
    is_whole: bool = False  # only whole numbers

    @property
    def samples(self) -> tuple[str, ...]:
        """The lowest and the highest value as they are typed."""
        number = int if self.is_whole else float
        return str(number(self.low)), str(number(self.high))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Values as they are typed."""

    values: tuple[str, ...]

    @property
    def samples(self) -> tuple[str, ...]:
        """Every value."""
        return self.values


Dimension = Range | Choice


@dataclass(frozen=True, kw_only=True)
class Space:
    """What varies, and what does not."""

    dimensions: Mapping[str, Dimension]  # by setting
    constants: Mapping[str, str]

    @classmethod
    def of(cls, text: str) -> "Space":
        """The space that was typed.

        Raises:
            ConfigError: a part cannot be read, a setting occurs twice, or nothing varies.
        """
        pairs = [_pair(part) for part in text.split()]
        _refuse_repetitions(pairs)
        constants = {name: values for name, values in pairs if not {":", "|"} & set(values)}
        dimensions = {name: _dimension(name, values) for name, values in pairs if name not in constants}
        if not dimensions:
            raise ConfigError(f"space = {text!r}: no setting varies. {_HOW}.")
        return cls(dimensions=dimensions, constants=constants)


def _pair(part: str) -> tuple[str, str]:
    name, sign, values = part.partition("=")
    if not (name and sign and values):
        raise ConfigError(f"space: {part!r} is no setting with values. {_HOW}.")
    return name.replace("-", "_"), values


def _refuse_repetitions(pairs: Sequence[tuple[str, str]]) -> None:
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            shown = " and ".join(f"{name}={values}" for other, values in pairs if other == name)
            raise ConfigError(f"space: {name} is given {count} times, as {shown}: give it once.")


def _dimension(name: str, values: str) -> Dimension:
    if "|" in values:
        return Choice(values=tuple(values.split("|")))
    low, _, rest = values.partition(":")
    high, _, scale = rest.partition(":")
    try:
        dimension = Range(low=float(low), high=float(high), is_log=scale == "log", is_whole=_are_whole(low, high))
    except ValueError:
        raise ConfigError(f"space: {name}={values}: {low!r} or {high!r} is no number. {_HOW}.") from None
    if scale not in ("", "log") or dimension.low >= dimension.high or (dimension.is_log and dimension.low <= 0):
        raise ConfigError(f"space: {name}={values}: LOW is less than HIGH, and with log above 0. {_HOW}.")
    return dimension


def _are_whole(*numbers: str) -> bool:
    return all(number.strip("+-").isdigit() for number in numbers)
