"""Registries: what can be chosen by name, and where each choice is implemented."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any


class Registry(Mapping[str, str]):
    """Names of one kind, each with its implementation as ``module:attribute``.

    An implementation is imported when it is used. So a registry is read quickly, components that nobody chose are never
    loaded, and a stage depends only on the code of its own choices (see `msl.tracking.closure`).
    """

    def __init__(self, kind: str, entries: Mapping[str, str], families: Mapping[str, str] | None = None) -> None:
        """Set it up.

        Args:
            kind: the kind of the names, for messages: ``backbone``.
            entries: implementations by name.
            families: implementations by spelling: that of ``timm:NAME`` is for every name with the prefix ``timm:``.
        """
        self.kind, self._entries, self._spellings = kind, dict(entries), list(families or {})
        self._families = {spelling.partition(":")[0]: target for spelling, target in (families or {}).items()}

    def __getitem__(self, name: str) -> str:
        family = name.partition(":")[0] if ":" in name else None
        return self._families[family] if family in self._families else self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def choices(self) -> list[str]:
        """Everything that can be typed: ``resnet101``, …, ``timm:NAME``."""
        return [*self._entries, *self._spellings]

    def check(self, name: str) -> str:
        """The name, if it is known.

        Raises:
            ValueError: it is unknown; the message gives the nearest names and all names.
        """
        if name not in self:
            raise ValueError(unknown_name(name, self.choices))
        return name

    def module(self, name: str) -> str:
        """The module that implements a choice."""
        return self[name].partition(":")[0]

    def load(self, name: str) -> Any:
        """The implementation of a choice."""
        module, _, attribute = self[name].partition(":")
        return getattr(import_module(module), attribute)


def unknown_name(name: str, known: Iterable[str]) -> str:
    """The message for an unknown name: the nearest names, and all names."""
    names = list(known)
    return f"unknown; {nearest_names(name, names)}Choose one of {', '.join(names)}"


def nearest_names(name: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """A question with the nearest names, those that are alike by `cutoff` (0 to 1); empty if no name is near."""
    spellings = {word.lower(): word for word in known}
    nearest = difflib.get_close_matches(name.lower(), spellings, n=3, cutoff=cutoff)
    return f"did you mean {' or '.join(spellings[word] for word in nearest)}? " if nearest else ""
