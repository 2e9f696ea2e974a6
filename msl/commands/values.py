"""The values that a setting takes: type, choices, bounds, and how a value is typed."""

import types
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from msl.config import Size
from msl.config.registry import Registry

_METAVARS = {bool: "BOOLEAN", int: "INTEGER", float: "FLOAT"}
_SIZE = get_args(Size)[0]


class Value(NamedTuple):
    """The values that a setting takes."""

    kind: Any  # the type of a value that is not None
    rules: tuple[Any, ...]  # bounds, patterns, registries
    optional: bool  # whether it may be None

    @property
    def choices(self) -> list[str] | None:
        """Everything that can be typed; None if the choice is not limited."""
        registry = next((rule for rule in self.rules if isinstance(rule, Registry)), None)
        if registry is not None:
            return registry.choices
        return [str(choice) for choice in get_args(self.kind)] if get_origin(self.kind) is Literal else None

    @property
    def parts(self) -> "tuple[Value, ...]":
        """The kinds of several values with commas between; empty for a setting of one value."""
        kinds = get_args(self.kind) if get_origin(self.kind) is tuple else ()
        return tuple(value_of(kind) for kind in kinds if kind is not Ellipsis)

    @property
    def metavar(self) -> str:
        """The word for a value in the help."""
        if self.choices:
            return f"[{'|'.join(self.choices)}]"
        if self.kind == _SIZE:
            return "WIDTH,HEIGHT"
        words = ["NAME" if part.kind is str else "NUMBER" for part in self.parts]
        if Ellipsis in get_args(self.kind):
            words = [*words, *words, "…"]
        return ",".join(words) or _METAVARS.get(self.kind, "TEXT")


def value_of(annotation: Any, rules: Iterable[Any] = ()) -> Value:
    """The values of a type, such as `int` or `Pixels | None`, with further rules."""
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    kind = next(option for option in options if option is not types.NoneType)
    inner = getattr(kind, "__metadata__", ())
    return Value(kind.__origin__ if inner else kind, (*_flat(rules), *_flat(inner)), types.NoneType in options)


def setting_value(field: FieldInfo) -> Value:
    """The values that a setting takes."""
    return value_of(field.annotation, field.metadata)


def spell(value: object) -> str:
    """A value as it is typed."""
    if isinstance(value, tuple):
        return ",".join(part if isinstance(part, str) else f"{part:g}" for part in value)
    return "none" if value is None else str(value)


def _flat(rules: Iterable[Any]) -> Iterator[Any]:
    """The rules; a `Field(…)` is replaced by its rules."""
    for rule in rules:
        yield from rule.metadata if isinstance(rule, FieldInfo) else (rule,)
