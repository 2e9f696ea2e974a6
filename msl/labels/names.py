"""Names that nobody knows, and those that come near."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean road? `` with the known names that come nearest; nothing where none comes near."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}? " if near else ""
