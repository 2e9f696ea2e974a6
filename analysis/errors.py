"""What analysis refuses."""

import difflib
from collections.abc import Iterable


class AnalysisError(Exception):
    """Something asked for is not in the run store, or the store cannot be read; the message says the way out."""


def unknown(kind: str, name: str, there_are: Iterable[str]) -> AnalysisError:
    """The error for a name that is not there, with the nearest ones that are."""
    names = sorted(there_are)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:10]
    listed = f"nearest: {', '.join(near)}" if near else "there are none"
    return AnalysisError(f"no {kind} {name!r} in this store; {listed}")
