"""Notices of possible mistakes in a whole domain; they are shown once, before training."""

from collections.abc import Iterator

from msl.data.palettes import contradictions, differences
from msl.data.samples import Report
from msl.labels import CAMVID_IDS, CITYSCAPES_IDS, IGNORE, LABEL_SETS, SYNTHIA_IDS, LabelSet, RawIds
from msl.labels.names import nearest

_PUBLISHED_IDS = (CAMVID_IDS, CITYSCAPES_IDS, SYNTHIA_IDS)
_LARGEST_SHARE = 0.95  # of the labelled pixels; if one class has more, little can be learned of the others
_SIZES = 3  # different sizes of images without a notice
_TRAIN_IDS = 18  # the largest of Cityscapes' train ids
_LABEL_IDS = (0, 1, 2)  # void in labelIds, but road, sidewalk, building in train ids


def image_notices(report: Report) -> list[str]:
    """Sentences about the images of a domain after a check of all of them."""
    return [*_sizes(report)]


def label_notices(report: Report, ids: RawIds, label_set: LabelSet, native: LabelSet | None = None) -> list[str]:
    """Sentences about the labels of a domain after a check of all of them.

    Args:
        report: of this check.
        ids: what its raw ids mean.
        label_set: the classes in which they are read.
        native: the data set's own classes, with its colours; None = `label_set`.
    """
    palettes = report.palettes
    return [
        *differences(palettes),
        *contradictions(palettes, ids, native or label_set),
        *_unmapped(ids, label_set),
        *_train_ids(report, ids),
        *_shares(report, label_set),
    ]


def _unmapped(ids: RawIds, label_set: LabelSet) -> Iterator[str]:
    """Published data in published label sets needs no notice: its missing classes are known."""
    is_published = ids in _PUBLISHED_IDS and label_set.name in LABEL_SETS
    if not is_published and (missing := label_set.unmapped(ids)):
        known = [name for name in label_set.classes if name not in ids.values()]
        hint = " ".join(f"{name}: {near}" for name in missing if (near := nearest(name, known))).rstrip()
        yield f"{label_set.name} has no class {', '.join(missing)}: such pixels are ignored{hint and f'. {hint}'}"


def _sizes(report: Report) -> Iterator[str]:
    if len(report.sizes) > _SIZES:
        ranked = sorted(report.sizes, key=lambda size: size[0] * size[1])
        (least, low), (most, high) = ranked[0], ranked[-1]
        yield f"images of {len(ranked)} sizes, from {least}x{low} to {most}x{high}: all are stretched to crop_size"


def _train_ids(report: Report, ids: RawIds) -> Iterator[str]:
    raw = report.raw_pixels.keys() - {IGNORE}
    if ids == CITYSCAPES_IDS and len(raw) > 1 and max(raw) <= _TRAIN_IDS and raw.intersection(_LABEL_IDS):
        yield (
            f"the labels' ids ({_listed(raw)}) look like train ids, but are read as labelIds: "
            "if they are train ids, write ids: train_ids"
        )


def _listed(raw: set[int]) -> str:
    ordered = [str(raw_id) for raw_id in sorted(raw)]
    return ", ".join(ordered if len(ordered) <= 6 else [*ordered[:5], "…", ordered[-1]])


def _shares(report: Report, label_set: LabelSet) -> Iterator[str]:
    counts = [report.pixels.get(train_id, 0) for train_id in range(len(label_set))]
    total = sum(counts)
    if not total:
        return
    for name, count in zip(label_set.classes, counts, strict=True):
        if count > _LARGEST_SHARE * total:
            yield f"{100 * count / total:.1f} % of the labelled pixels are {name}"
    if absent := [name for name, count in zip(label_set.classes, counts, strict=True) if not count]:
        yield (
            f"classes that no label here contains: {', '.join(absent)}. Nothing is learned of them here; one "
            "counts in mIoU, with IoU 0, only if the network predicts it"
        )
