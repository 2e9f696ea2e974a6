"""A contact sheet: images of a domain with their labels over them, above a legend of the classes' colours."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from msl.data import Domain, Sample
from msl.labels import LabelSet
from msl.scoring.legend import GAP, INK, PAPER, TEXT, coloured, colours_of, legend_picture

_COLUMNS = 4
_WIDTH, _MOST_HEIGHT = 420, 420  # of a cell's picture, in pixels
_NAME_HEIGHT = 24
_OPACITY = 0.6  # of the classes' colours; below them the image is grey, for its colours would mix with theirs


def contact_sheet(domain: Domain, count: int) -> Image.Image:
    """A sheet of `count` samples, spread evenly over the domain; unlabelled ones are shown as they are.

    Raises:
        DataError: a sample cannot be read.
    """
    indices = np.linspace(0, len(domain) - 1, min(count, len(domain))).round().astype(int).tolist()
    samples = [domain[index] for index in indices]
    return draw_sheet(samples, domain.label_set if domain.labelled else None)


def draw_sheet(samples: Sequence[Sample], label_set: LabelSet | None) -> Image.Image:
    """The sheet of these samples; without a label set, labels are not shown."""
    columns = min(_COLUMNS, len(samples))
    width = columns * (_WIDTH + GAP) + GAP
    firsts = range(0, len(samples), columns)
    rows = [_row(samples[first : first + columns], label_set, width) for first in firsts]
    if label_set is not None:
        present_ids = {int(i) for sample in samples for i in np.unique(sample.label.numpy())}
        rows.append(legend_picture(colours_of(label_set, present_ids), width))
    return _stacked(rows, width)


def _row(samples: Sequence[Sample], label_set: LabelSet | None, width: int) -> Image.Image:
    pictures = [_scaled(overlaid(sample, label_set)) for sample in samples]
    row = Image.new("RGB", (width, _NAME_HEIGHT + max(picture.height for picture in pictures) + GAP), PAPER)
    draw = ImageDraw.Draw(row)
    for column, (sample, picture) in enumerate(zip(samples, pictures, strict=True)):
        left = GAP + column * (_WIDTH + GAP)
        draw.text((left, _NAME_HEIGHT - 5), _fitting(sample.name), INK, TEXT, anchor="ls")
        row.paste(picture, (left, _NAME_HEIGHT))
    return row


def overlaid(sample: Sample, label_set: LabelSet | None) -> Image.Image:
    """The image in its size, in grey with the colours of its label over it; ignored pixels are darker."""
    image = Image.fromarray(sample.image.permute(1, 2, 0).numpy())
    if label_set is None:
        return image
    return Image.blend(image.convert("L").convert("RGB"), coloured(sample.label, label_set), _OPACITY)


def _scaled(picture: Image.Image) -> Image.Image:
    scale = min(_WIDTH / picture.width, _MOST_HEIGHT / picture.height)
    size = max(1, round(scale * picture.width)), max(1, round(scale * picture.height))
    return picture.resize(size, Image.Resampling.BILINEAR)


def _fitting(name: str) -> str:
    """The name, without its beginning if it is too long for a cell."""
    while TEXT.getlength(name) > _WIDTH:
        name = "…" + name[2:]
    return name


def _stacked(rows: Sequence[Image.Image], width: int) -> Image.Image:
    sheet = Image.new("RGB", (width, sum(row.height for row in rows)), PAPER)
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet
