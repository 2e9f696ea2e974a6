"""What analysis refuses."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

_NEAR = 0.6  # likeness from which a name may be meant
_TIE = 0.1  # names less like than the best by more than this are not told
_LISTED = 10  # names in a message


class AnalysisError(Exception):
    """A name is not in the run store, or the store cannot be read; the message says what to do."""


def unknown(kind: str, name: str, known: Iterable[str]) -> AnalysisError:
    """The error for an unknown name: with the nearest of the known ones, or with the first of them if none is near."""
    names = sorted(known)
    if nearest := _nearest(name, names):
        hint = f"nearest: {', '.join(nearest)}"
    elif names:
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        hint = f"it has {', '.join(names[:_LISTED])}{more}"
    else:
        hint = "it has none"
    return AnalysisError(f"no {kind} {name!r} in this store; {hint}")


def _nearest(name: str, names: Sequence[str]) -> list[str]:
    """The names that are most like it, the best first."""
    likeness = {other: _likeness(name.lower(), other.lower()) for other in names}
    best = max([_NEAR, *likeness.values()])
    near = [other for other in names if likeness[other] >= max(_NEAR, best - _TIE)]
    return sorted(near, key=lambda other: -likeness[other])[:_LISTED]


def _likeness(name: str, other: str) -> float:
    """How like a name is to another one, or to its beginning or one of its words: groups have long names. 0 to 1."""
    parts = {other, other[: len(name)], *other.split()}
    return max((SequenceMatcher(None, name, part).ratio() for part in parts), default=0.0)
