"""Names of groups: of the runs that differ by seed only."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

LONGEST = 80  # characters
DOMAIN_SETTINGS = ("source", "target", "content", "style", "label_set")  # their values may be YAML files
_UNNAMED = ("seed", "checkpoint")  # settings in which the runs of a group may differ
_DIGEST_DIGITS = 8


def join_words(words: Iterable[str]) -> str:
    """The words as a name. A long name ends with a digest of all of it instead of its last words."""
    name = " ".join(words)
    if len(name) <= LONGEST:
        return name
    digest = f"~{sha256(name.encode()).hexdigest()[:_DIGEST_DIGITS]}"
    start = name[: LONGEST - len(digest)]  # one character longer than what fits before a blank
    return f"{start.rpartition(' ')[0] or start[:-1]} {digest}"


def titled(value: str, title: Callable[[str], str]) -> str:
    """The value of a setting that names domains, each with its title."""
    return ",".join(map(title, value.split(",")))


def differing(settings: Mapping[str, Any], defaults: Mapping[str, Any], title: Callable[[str], str]) -> Iterator[str]:
    """Each setting that differs from its default, with the titles of domains in place of their files."""
    for name, value in settings.items():
        if value != defaults[name] and name not in _UNNAMED:
            yield f"{name}={titled(value, title) if name in DOMAIN_SETTINGS and value else value}"
