"""What analysis refuses."""

import difflib
from collections.abc import Iterable


class AnalysisError(Exception):
    """A name is not in the run store, or the store cannot be read; the message says what to do."""


def unknown(kind: str, name: str, known: Iterable[str]) -> AnalysisError:
    """The error for an unknown name, with the nearest of the known ones."""
    names = sorted(known)
    nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:10]
    hint = f"nearest: {', '.join(nearest)}" if nearest else "it has none"
    return AnalysisError(f"no {kind} {name!r} in this store; {hint}")
