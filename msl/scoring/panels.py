"""Pictures of what a network sees: image | label | prediction, with the classes' colours explained."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from msl.data import Resized
from msl.labels import IGNORE, LabelSet
from msl.models import SegmentationNetwork
from msl.scoring.evaluation import Scored, eval_mode
from msl.scoring.prediction import predict, views

_CELL = 420  # width of one picture in pixels
_GAP = 6
_HEADER = 26
_SWATCH = 14
_TEXT = ImageFont.load_default(13)
_INK, _PAPER = (40, 40, 40), (255, 255, 255)


@torch.no_grad()
def panel(model: SegmentationNetwork, scored: Scored, count: int) -> Image.Image:
    """A sheet with `count` images, spread evenly over the domain."""
    resized = Resized(scored.size, scored.scales)
    chosen = np.linspace(0, len(scored) - 1, min(count, len(scored))).round().astype(int)
    rows = []
    with eval_mode(model):
        for index in chosen.tolist():
            sample = scored.domain[index]
            prediction = predict(views(model, resized(sample.image), scored.flip), sample.label.shape)[0].cpu()
            rows.append((sample.name, sample.image, sample.label, prediction))
    return sheet(rows, scored.domain.label_set)


def sheet(rows: Sequence[tuple[str, Tensor, Tensor, Tensor]], label_set: LabelSet) -> Image.Image:
    """Rows of (name, image (3, H, W), label (H, W), prediction (H, W)) below each other, and a legend."""
    present = set()
    strips = []
    for name, image, label, prediction in rows:
        present |= set(np.unique([label.numpy(), prediction.numpy()]).tolist())
        picture = Image.fromarray(image.permute(1, 2, 0).numpy())
        strips.append(_strip(name, [picture, coloured(label, label_set), coloured(prediction, label_set)]))
    legend = _legend(label_set, present, 3 * _CELL + 4 * _GAP)
    out = Image.new("RGB", (legend.width, sum(part.height for part in (*strips, legend))), _PAPER)
    top = 0
    for part in (*strips, legend):
        out.paste(part, (0, top))
        top += part.height
    return out


def coloured(label: Tensor, label_set: LabelSet) -> Image.Image:
    """A map of train ids (H, W) in its classes' colours; what is no class is black."""
    image = Image.fromarray(label.byte().numpy())
    image.putpalette(bytes(chain(*label_set.palette)).ljust(3 * 256, b"\0"))
    return image.convert("RGB")


def _strip(name: str, pictures: Sequence[Image.Image]) -> Image.Image:
    height = round(_CELL * pictures[0].height / pictures[0].width)
    strip = Image.new("RGB", (3 * _CELL + 4 * _GAP, height + _HEADER), _PAPER)
    draw = ImageDraw.Draw(strip)
    for column, (picture, title) in enumerate(zip(pictures, (name, "label", "prediction"), strict=True)):
        left = _GAP + column * (_CELL + _GAP)
        draw.text((left, _HEADER - 4), title, _INK, _TEXT, anchor="ls")
        smooth = Image.Resampling.BILINEAR if column == 0 else Image.Resampling.NEAREST
        strip.paste(picture.resize((_CELL, height), smooth), (left, _HEADER))
    return strip


def _legend(label_set: LabelSet, present: set[int], width: int) -> Image.Image:
    entries = [(name, label_set.palette[i]) for i, name in enumerate(label_set.classes) if i in present]
    if IGNORE in present:
        entries.append(("ignored", (0, 0, 0)))
    places, x, y = [], _GAP, _GAP
    for name, colour in entries:
        wide = int(_SWATCH + _GAP + _TEXT.getlength(name) + 3 * _GAP)
        if x + wide > width:
            x, y = _GAP, y + _SWATCH + _GAP
        places.append((x, y, name, colour))
        x += wide
    legend = Image.new("RGB", (width, y + _SWATCH + 2 * _GAP), _PAPER)
    draw = ImageDraw.Draw(legend)
    for left, top, name, colour in places:
        draw.rectangle((left, top, left + _SWATCH, top + _SWATCH), colour)
        draw.text((left + _SWATCH + _GAP, top + _SWATCH // 2 + 1), name, _INK, _TEXT, anchor="lm")
    return legend
