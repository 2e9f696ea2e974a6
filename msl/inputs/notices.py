"""What is told once, however often a command looks at the same data."""

import logging
from functools import cache

log = logging.getLogger("msl")


@cache
def tell_once(message: str, about: str) -> None:
    """Warn, unless the same has been said of the same thing; `about` tells things of one name apart."""
    log.warning("%s", message)
