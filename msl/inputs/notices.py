"""Warnings that are logged once, even if a command checks the same data several times."""

import logging
from functools import cache

log = logging.getLogger("msl")


@cache
def tell_once(message: str, about: str) -> None:
    """Warn once for each pair of message and `about`; `about` separates things that have the same name."""
    log.warning("%s", message)
