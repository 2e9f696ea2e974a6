"""Pictures of what a network predicts: image | label | prediction, above a legend of the classes' colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from msl import schema
from msl.data import Resized
from msl.labels import Colour, LabelSet
from msl.models import SegmentationNetwork
from msl.scoring.evaluation import Scored, eval_mode
from msl.scoring.legend import GAP, INK, PAPER, TEXT, coloured, colours_of, legend_picture
from msl.scoring.prediction import predict, views

_CELL = 420  # width of one picture in pixels
_HEADER = 26


@dataclass(frozen=True)
class Panel:
    """A picture, and the position of everything in it."""

    picture: Image.Image
    layout: schema.PanelLayout

    def save(self, folder: Path, role: str, step: int) -> list[Path]:
        """Write the picture as PNG and its layout as JSON beside it; both files."""
        folder.mkdir(parents=True, exist_ok=True)
        picture, layout = (folder / f"{schema.panel_stem(role, step)}{ending}" for ending in (".png", ".json"))
        self.picture.save(picture)
        layout.write_text(self.layout.to_json())
        return [picture, layout]


@torch.no_grad()
def panel(model: SegmentationNetwork, scored: Scored, count: int) -> Panel:
    """A panel of `count` images, spread evenly over the domain."""
    resized = Resized(scored.size, scored.scales)
    indices = np.linspace(0, len(scored) - 1, min(count, len(scored))).round().astype(int)
    rows = []
    with eval_mode(model):
        for index in indices.tolist():
            sample = scored.domain[index]
            prediction = predict(views(model, resized(sample.image), scored.flip), sample.label.shape)[0].cpu()
            rows.append((sample.name, sample.image, sample.label, prediction))
    return draw_panel(rows, scored.domain.label_set)


def draw_panel(rows: Sequence[tuple[str, Tensor, Tensor, Tensor]], label_set: LabelSet) -> Panel:
    """Rows of (name, image (3, H, W), label (H, W), prediction (H, W)) below each other, and a legend."""
    present_ids: set[int] = set()
    strips = []
    for name, image, label, prediction in rows:
        present_ids |= set(np.unique([label.numpy(), prediction.numpy()]).tolist())
        picture = Image.fromarray(image.permute(1, 2, 0).numpy())
        strips.append(_strip(name, [picture, coloured(label, label_set), coloured(prediction, label_set)]))
    colours = colours_of(label_set, present_ids)
    legend = legend_picture(colours, 3 * _CELL + 4 * GAP)
    *tops, bottom = accumulate((strip.height for strip in strips), initial=0)
    picture = Image.new("RGB", (legend.width, bottom + legend.height), PAPER)
    for part, top in zip((*strips, legend), (*tops, bottom), strict=True):
        picture.paste(part, (0, top))
    return Panel(picture, _layout([row[0] for row in rows], strips, tops, colours))


def _layout(
    names: Sequence[str], strips: Sequence[Image.Image], tops: Sequence[int], colours: Mapping[str, Colour]
) -> schema.PanelLayout:
    rows = [
        schema.PanelRow(name, top + _HEADER, strip.height - _HEADER)
        for name, strip, top in zip(names, strips, tops, strict=True)
    ]
    columns = [
        schema.PanelColumn(kind, GAP + column * (_CELL + GAP), _CELL) for column, kind in enumerate(schema.PANEL_KINDS)
    ]
    return schema.PanelLayout(tuple(rows), tuple(columns), colours)


def _strip(name: str, pictures: Sequence[Image.Image]) -> Image.Image:
    height = round(_CELL * pictures[0].height / pictures[0].width)
    strip = Image.new("RGB", (3 * _CELL + 4 * GAP, height + _HEADER), PAPER)
    draw = ImageDraw.Draw(strip)
    for column, (picture, title) in enumerate(zip(pictures, (name, "label", "prediction"), strict=True)):
        left = GAP + column * (_CELL + GAP)
        draw.text((left, _HEADER - 4), title, INK, TEXT, anchor="ls")
        smooth = Image.Resampling.BILINEAR if column == 0 else Image.Resampling.NEAREST
        strip.paste(picture.resize((_CELL, height), smooth), (left, _HEADER))
    return strip
