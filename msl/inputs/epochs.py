"""The length of an epoch, before the data is read."""

import math
from collections.abc import Mapping
from typing import Any

from msl.data.facts import image_count


def epoch_length(settings: Mapping[str, Any], role: str) -> int:
    """Iterations of one pass over the images of a domain.

    Args:
        settings: of a stage that trains, by name.
        role: of the domain, source or target.

    Raises:
        MslError: the domain's data is missing.
    """
    batch_size: int = settings["batch_size"]
    return math.ceil(image_count(settings[role], settings["data_root"]) / batch_size)
