"""Unknown names, and the known names that are similar."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean road? `` with the most similar known names; empty if none is similar."""
    similar = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(similar)}? " if similar else ""
