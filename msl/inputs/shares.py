"""How much of a domain's labels is of each class."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msl.inputs.checks import Checked
from msl.labels import IGNORE

_BAR_WIDTH = 30  # characters of the largest share


@dataclass(frozen=True)
class ClassShare:
    """A class in the labels of a domain."""

    name: str  # of the class, or "ignored"
    pixels: int
    percent: float  # of all pixels


def shares_of(checked: Checked) -> list[ClassShare]:
    """Every class of the domain's label set, in its order, and what is ignored; empty if labels were not checked."""
    pixels, classes = checked.report.pixels, checked.domain.label_set.classes
    total = sum(pixels.values())
    counts = [(name, pixels.get(train_id, 0)) for train_id, name in [*enumerate(classes), (IGNORE, "ignored")]]
    return [ClassShare(name, count, 100 * count / total) for name, count in counts] if total else []


def class_table(shares: Sequence[ClassShare]) -> list[str]:
    """A line for each class: its name, its share, and a bar of that length."""
    if not shares:
        return []
    width = max(len(share.name) for share in shares)
    largest = max(share.percent for share in shares)
    return [
        f"{share.name:{width}}  {share.percent:6.2f} %  {'█' * round(_BAR_WIDTH * share.percent / largest)}".rstrip()
        for share in shares
    ]


def write_classes(checks: Iterable[Checked], path: Path) -> Path:
    """Write every class of every domain as a row of a CSV file."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("role", "domain", "split", "class", "pixels", "percent"))
        for checked in checks:
            split = (checked.role, checked.domain.name, checked.domain.split)
            writer.writerows((*split, share.name, share.pixels, f"{share.percent:.4f}") for share in shares_of(checked))
    return path
