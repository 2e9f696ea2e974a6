"""The style network in a checkpoint."""

from pathlib import Path
from typing import Any

from msl.checkpoints.checkpoint import Checkpoint
from msl.checkpoints.files import is_checkpoint, read
from msl.errors import CheckpointError
from msl.style import VGG, Decoder, Encoder, StyleTransfer, load_decoder, load_encoder
from msl.weights import check_fit


def about_style(transfer: StyleTransfer) -> dict[str, Any]:
    """What a checkpoint says of the style network in it."""
    vgg = transfer.encoder.vgg
    return {"depths": list(vgg.depths), "channels": list(vgg.channels)}


def load_transfer(decoder: Path, encoder: str, size: int | None = None) -> StyleTransfer:
    """A style network from a checkpoint of ours, which holds its encoder too, or from a decoder's weights.

    Args:
        decoder: a checkpoint of train_style, or a file such as the port's ``decoder.pth``.
        encoder: as in `load_encoder`; used with a decoder's bare weights only.
        size: of the images in the network, as in `StyleTransfer`.

    Raises:
        CheckpointError: the file is missing, damaged or does not fit.
    """
    if is_checkpoint(decoder):
        return style_network(read(decoder), decoder, size)
    vgg = load_encoder(encoder)
    return StyleTransfer(vgg, load_decoder(decoder, vgg.vgg), size)


def style_network(checkpoint: Checkpoint, path: Path, size: int | None) -> StyleTransfer:
    """The style network in a checkpoint.

    Raises:
        CheckpointError: it holds none, or one that does not fit.
    """
    shape = checkpoint.about.style
    if shape is None:
        raise CheckpointError(
            f"{path} is of stage {checkpoint.about.stage} and holds no style network. Pass a checkpoint of train_style."
        )
    if lacking := {"depths", "channels"} - shape.keys():
        raise CheckpointError(
            f"{path}: the description of its style network lacks {' and '.join(sorted(lacking))}, so it cannot be "
            "rebuilt. Pass another checkpoint of the run."
        )
    vgg = VGG(tuple(shape["depths"]), tuple(shape["channels"]))
    transfer = StyleTransfer(Encoder(vgg), Decoder(vgg), size)
    transfer.load_state_dict(check_fit(checkpoint.weights, transfer.state_dict(), str(path)))
    return transfer
