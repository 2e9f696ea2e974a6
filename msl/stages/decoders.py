"""The decoder that a stage starts from, checked before a run is opened."""

from collections.abc import Mapping
from typing import Any

from msl.checkpoints import reading_for
from msl.checkpoints.style import load_transfer
from msl.inputs.places import weights_file
from msl.recipes import Request
from msl.stages.stage import Start


def check_decoder(request: Request, starts: Mapping[str, Start]) -> None:
    """Check that the decoder which the settings name is one, and that it fits its encoder.

    Raises:
        CheckpointError: it is not or does not.
    """
    if "decoder" in starts:
        settings: Any = request.settings
        encoder = weights_file(settings.network.encoder, settings.runtime.data_root)
        with reading_for(starts["decoder"].reference, starts["decoder"].path):
            load_transfer(starts["decoder"].path, encoder)
