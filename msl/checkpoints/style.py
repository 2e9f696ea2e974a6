"""The style network in a checkpoint."""

from pathlib import Path
from typing import Any

from msl.checkpoints.checkpoint import Saved, read
from msl.errors import CheckpointError
from msl.style import VGG, Decoder, Encoder, StyleTransfer, load_decoder, load_encoder
from msl.weights import check_fit, load_file


def about_style(transfer: StyleTransfer) -> dict[str, Any]:
    """What a checkpoint says of the network in it."""
    return {"vgg": {"depths": list(transfer.encoder.vgg.depths), "channels": list(transfer.encoder.vgg.channels)}}


def load_transfer(decoder: Path, encoder: str, size: int | None = None) -> StyleTransfer:
    """A style network from a checkpoint of ours, which brings its encoder along, or from a decoder's weights.

    Args:
        decoder: a checkpoint of train_style, or a file such as the port's ``decoder.pth``.
        encoder: as of `load_encoder`, for a decoder's bare weights.
        size: of the images in it, as of `StyleTransfer`.

    Raises:
        CheckpointError: the file is missing, damaged or does not fit.
    """
    if decoder.is_file() and "format" in load_file(decoder):
        return transfer_in(read(decoder), decoder, size)
    seeing = load_encoder(encoder)
    return StyleTransfer(seeing, load_decoder(decoder, seeing.vgg), size)


def transfer_in(saved: Saved, path: Path, size: int | None = None) -> StyleTransfer:
    """The style network in a checkpoint.

    Raises:
        CheckpointError: it holds none, or one that does not fit.
    """
    if "vgg" not in saved:
        raise CheckpointError(f"{path} is of stage {saved.get('stage')} and holds no style network: train_style's do")
    shape = VGG(tuple(saved["vgg"]["depths"]), tuple(saved["vgg"]["channels"]))
    transfer = StyleTransfer(Encoder(shape), Decoder(shape), size)
    transfer.load_state_dict(check_fit(saved["weights"], transfer.state_dict(), str(path)))
    return transfer
