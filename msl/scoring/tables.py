"""An evaluation as two CSV tables, which any program reads."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from msl import schema
from msl.labels import LabelSet
from msl.scoring.scores import Result


def write_tables(results: Mapping[str, Result], label_set: LabelSet, folder: Path) -> list[Path]:
    """``per_class.csv`` and ``confusion.csv`` of each result (best, last, …) and domain.

    Scores are in percent, counts in pixels, confusion rows are ground truth.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / schema.PER_CLASS_FILE, folder / schema.CONFUSION_FILE]
    headers = [
        ["checkpoint", "step", "domain", "class", "IoU", "accuracy", "pixels"],
        ["checkpoint", "step", "domain", "class", *label_set.classes],
    ]
    for path, header, rows in zip(paths, headers, (_per_class, _confusion), strict=True):
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            for checkpoint, result in results.items():
                writer.writerows([checkpoint, result.step, *row] for row in rows(result, label_set))
    return paths


def _per_class(result: Result, label_set: LabelSet) -> Iterator[list[object]]:
    for role, scores in result.scores.items():
        matrix = scores.full
        pixels = matrix.counts.sum(dim=1).tolist()
        columns = (label_set.classes, matrix.iou().tolist(), matrix.class_accuracy().tolist(), pixels)
        for name, iou, accuracy, count in zip(*columns, strict=True):
            yield [role, name, f"{iou:.4f}", f"{accuracy:.4f}", count]


def _confusion(result: Result, label_set: LabelSet) -> Iterator[list[object]]:
    for role, scores in result.scores.items():
        for name, row in zip(label_set.classes, scores.full.counts.tolist(), strict=True):
            yield [role, name, *row]
