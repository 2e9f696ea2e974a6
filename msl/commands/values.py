"""What a setting takes: its type, its choices, its bounds, and how a value is typed."""

import types
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from msl.config import Size
from msl.config.registry import Registry

_METAVARS = {bool: "BOOLEAN", int: "INTEGER", float: "FLOAT"}
_SIZE = get_args(Size)[0]


class Value(NamedTuple):
    """What a setting takes."""

    kind: Any  # the type of a value that is not None
    rules: tuple[Any, ...]  # bounds, patterns, registries
    optional: bool  # whether it may be None

    @property
    def choices(self) -> list[str] | None:
        """All that can be typed, where only certain values make sense."""
        registry = next((rule for rule in self.rules if isinstance(rule, Registry)), None)
        if registry is not None:
            return registry.choices
        return [str(choice) for choice in get_args(self.kind)] if get_origin(self.kind) is Literal else None

    @property
    def parts(self) -> "tuple[Value, ...]":
        """What each of several values takes, with commas between; empty where it takes one value."""
        kinds = get_args(self.kind) if get_origin(self.kind) is tuple else ()
        return tuple(value_of(kind) for kind in kinds if kind is not Ellipsis)

    @property
    def metavar(self) -> str:
        """What stands for it in a help text."""
        if self.choices:
            return f"[{'|'.join(self.choices)}]"
        if self.kind == _SIZE:
            return "WIDTH,HEIGHT"
        words = ["NAME" if part.kind is str else "NUMBER" for part in self.parts]
        if Ellipsis in get_args(self.kind):
            words = [*words, *words, "…"]
        return ",".join(words) or _METAVARS.get(self.kind, "TEXT")


def value_of(annotation: Any, rules: Iterable[Any] = ()) -> Value:
    """What a type takes: `int`, `Pixels | None`, …; with the rules that hold besides."""
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    kind = next(option for option in options if option is not types.NoneType)
    inner = getattr(kind, "__metadata__", ())
    return Value(kind.__origin__ if inner else kind, (*_flat(rules), *_flat(inner)), types.NoneType in options)


def setting_value(field: FieldInfo) -> Value:
    """What a setting takes."""
    return value_of(field.annotation, field.metadata)


def spelled(value: object) -> str:
    """A value as one types it."""
    if isinstance(value, tuple):
        return ",".join(part if isinstance(part, str) else f"{part:g}" for part in value)
    return "none" if value is None else str(value)


def _flat(rules: Iterable[Any]) -> Iterator[Any]:
    """Rules, and in place of a `Field(…)` those that it holds."""
    for rule in rules:
        yield from rule.metadata if isinstance(rule, FieldInfo) else (rule,)
