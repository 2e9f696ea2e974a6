"""Learning to draw: the objective of a style decoder, its pictures, and the network in its checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from msl import schema
from msl.data import Batch
from msl.errors import CheckpointError
from msl.losses import content_loss, identity_loss, style_loss
from msl.style import VGG, Decoder, Encoder, StyleTransfer, adain, load_decoder, load_encoder, to_uint8, unit_rgb
from msl.style_config import StyleLossConfig
from msl.training.checkpoint import Saved, read
from msl.training.loop import Callback, Reporter, State
from msl.weights import check_fit, load_file

_CELL = 240  # width of one picture in pixels
_GAP = 4
_PAPER = (255, 255, 255)


@dataclass(frozen=True)
class StyleReconstruction:
    """content_weight · L_c + style_weight · L_s + identity_weight · L_id of a decoder, alpha = 1.

    Huang and Belongie, equations 11 to 13, and Park and Lee's identity loss, which their work has not: weight 0.
    """

    weights: StyleLossConfig
    transfer: StyleTransfer  # of it, the decoder learns

    def __call__(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Parts ``style/content``, ``style/style`` and, weighed, ``style/identity``; the batch brings style images."""
        assert batch.style is not None
        encoder, decoder, weights = self.transfer.encoder, self.transfer.decoder, self.weights
        content, style = unit_rgb(batch.image, "content"), unit_rgb(batch.style, "style")
        with torch.no_grad():
            features, styles = encoder(content), encoder.levels(style)
            target = adain(features, styles[-1])
        drawn = encoder.levels(decoder(target))
        parts = {
            schema.STYLE_CONTENT: weights.content_weight * content_loss(drawn[-1], target),
            schema.STYLE_STYLE: weights.style_weight * style_loss(drawn, styles),
        }
        if weights.identity_weight:
            own = identity_loss(decoder(features), content) + identity_loss(decoder(styles[-1]), style)
            parts[schema.STYLE_IDENTITY] = weights.identity_weight * own
        return parts


class Previews(Callback):
    """Now and then, a sheet of the same content images in the same styles: how far the decoder has come."""

    def __init__(
        self,
        transfer: StyleTransfer,
        contents: Sequence[Tensor],
        styles: Sequence[Tensor],
        every: int,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        self._transfer, self._contents, self._styles = transfer, contents, styles
        self._every, self._folder, self._reporter = every, folder, reporter

    def on_step(self, state: State) -> None:
        """Draw if it is time."""
        if self._contents and (state.step % self._every == 0 or state.finished):
            path = self._folder / f"style_{state.step:06d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            sheet(self._transfer, self._contents, self._styles).save(path)
            self._reporter.file(path, schema.PANEL_FOLDER)


@torch.no_grad()
def sheet(transfer: StyleTransfer, contents: Sequence[Tensor], styles: Sequence[Tensor]) -> Image.Image:
    """The style images on top, and below them each content image, as it is and in each of the styles.

    Args:
        transfer: on its device.
        contents: (3, H, W) uint8 RGB, in any sizes.
        styles: the same.
    """
    device = next(transfer.parameters()).device
    kept = [transfer.prepare([style.to(device)]) for style in styles]
    rows = [[None, *map(_picture, styles)]]
    for content in contents:
        styled = [to_uint8(transfer(content[None].to(device), style))[0].cpu() for style in kept]
        rows.append([_picture(content), *map(_picture, styled)])
    return grid(rows)


def grid(rows: Sequence[Sequence[Image.Image | None]]) -> Image.Image:
    """Pictures in rows and columns, each scaled to one width; None leaves a place empty."""
    scaled = [
        [None if p is None else p.resize((_CELL, round(_CELL * p.height / p.width))) for p in row] for row in rows
    ]
    heights = [max(p.height for p in row if p is not None) for row in scaled]
    width = max(map(len, rows)) * (_CELL + _GAP) - _GAP
    out = Image.new("RGB", (width, sum(heights) + _GAP * (len(rows) - 1)), _PAPER)
    top = 0
    for row, height in zip(scaled, heights, strict=True):
        for column, picture in enumerate(row):
            if picture is not None:
                out.paste(picture, (column * (_CELL + _GAP), top + height - picture.height))
        top += height + _GAP
    return out


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


def _picture(image: Tensor) -> Image.Image:
    return Image.fromarray(image.permute(1, 2, 0).numpy())
