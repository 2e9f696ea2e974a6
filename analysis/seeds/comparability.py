"""Comparability: what makes a row of a table less than a fair comparison, as the footnotes of the row."""

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from analysis.seeds.groups import INERT, SeedGroup, number
from analysis.seeds.measures import Measure
from msl import schema

# Settings by which scores of equal networks differ, with the value of a run that does not record them.
_PROTOCOL = {
    "label_set": "",
    "split": "val",
    "eval_images": "None",
    "eval_flip": "False",
    "eval_scales": "1",
    "resize_labels": "False",
    "recalibrate": "None",
}
_MACHINE = ("threads", "precision", "nproc", "sync_bn")  # they round differently, which training amplifies
_HARMLESS = INERT - {*_PROTOCOL, *_MACHINE}
_INPUT_SIZES = {schema.SOURCE: "crop_size", schema.TARGET: "target_crop_size"}
_BUDGET = "max_iters"  # the one setting on which the weights depend that a resume may change
_SAME_BITS = "deterministic"  # a resume may change it, too
_CLASS_IOU = f"{schema.IOU}/"
_CRITERION = f"{schema.CRITERIA_FOLDER}/"


def comparability_notes(group: SeedGroup, reference: SeedGroup | None, measures: Sequence[Measure]) -> list[str]:
    """Everything that the reader of a group's row has to know.

    Args:
        group: of the row.
        reference: the group that it is compared with, if any.
        measures: the numbers of the row.
    """
    texts = [*_within(group, measures)]
    if reference is not None and reference.name != group.name:
        texts += _between(group, reference, measures)
    return texts


def _within(group: SeedGroup, measures: Sequence[Measure]) -> Iterator[str]:
    """What the runs of a group do not share, or lack."""
    n = len(group.runs)
    if group.unfinished:
        yield f"{group.unfinished} unfinished left out"
    if group.repeated:
        yield f"{group.repeated} older of the same seed left out"
    if n == 1:
        yield "a single seed: no spread, no interval"
    yield from _code(group)
    for role in schema.DOMAINS:
        if len(data := group.data(role)) > 1:
            yield f"its seeds saw different {role} data: {', '.join(map(str, data))}"
    yield from _iterations(group)
    yield from _varying(group)
    for name, column in group.parameters.items():
        if name not in {*_HARMLESS, _BUDGET} and len(values := group.texts(column)) > 1:
            yield f"its seeds differ in {name}: {', '.join(value or 'not recorded' for value in values)}"
    yield from _missing(group, measures)
    for measure in measures:
        yield from infinite_notes(group, measure)
    if len(group.texts(schema.DATA_SKIPPED)) > 1:
        yield f"its seeds left out different samples: {_skipped(group)}"
    for domain in dict.fromkeys(schema.parse_metric(m.metric).domain for m in measures if not m.is_loss):
        yield from _coverage(group, domain)


def _iterations(group: SeedGroup) -> Iterator[str]:
    """Runs of other lengths than the group's name tells: a resume may change the number of iterations."""
    counts = [f"{count:.0f}" for count in group.iterations_by_run]
    if len(set(counts)) > 1:
        texts = [f"{count} (seed {seed})" for count, seed in zip(counts, group.seeds, strict=True)]
        yield f"the iterations of its seeds differ: {', '.join(texts)}"
    column = schema.changed(_BUDGET)
    if column in group.runs and (resumed := group.runs[column].dropna()).size:
        values = ", ".join(dict.fromkeys(map(str, resumed)))
        yield f"a resume changed {_BUDGET} to {values} in {len(resumed)} of {len(group.runs)} runs"


def _varying(group: SeedGroup) -> Iterator[str]:
    """Runs that nobody can repeat to the last bit."""
    columns = [name for name in (schema.param(_SAME_BITS), schema.changed(_SAME_BITS)) if name in group.runs]
    if varying := int((group.runs[columns] == "False").any(axis=1).sum()):
        yield f"deterministic=false in {varying} of {len(group.runs)} runs: another run of a seed would differ"


def _missing(group: SeedGroup, measures: Sequence[Measure]) -> Iterator[str]:
    """Measures without a number in some runs: one footnote for all that lack it in the same runs for one reason."""
    headings: dict[tuple[tuple[bool, ...], str], list[str]] = {}
    for measure in measures:
        lacks = tuple(math.isnan(value) for value in group.values(measure).values())  # by run
        if any(lacks) and not all(lacks):
            reason = _reason(group.runs[list(lacks)], measure)
            headings.setdefault((lacks, reason), []).append(measure.heading)
    for (lacks, reason), names in headings.items():
        are, means = ("is", "its mean leaves") if len(names) == 1 else ("are", "their means leave")
        yield f"{', '.join(names)} {are} no number in {sum(lacks)} of {len(lacks)} runs, which {means} out{reason}"


def _reason(runs: pd.DataFrame, measure: Measure) -> str:
    """Why a measure is no number in these runs, if they have no score on the labels of its domain; "" otherwise."""
    domain = _labelled(measure.metric)
    recorded = map(str, runs.columns[runs.notna().any()])
    if not domain or domain in map(_labelled, recorded):
        return ""
    return f": not scored on {domain} labels; `msl evaluate` scores a run's checkpoint, in a row of its own"


def _labelled(metric: str) -> str:
    """The domain on whose labels a metric is scored; "" of losses and criteria, which need none."""
    _, domain, name = schema.parse_metric(metric)
    return domain if name and not name.startswith(_CRITERION) else ""


def infinite_notes(group: SeedGroup, measure: Measure) -> Iterator[str]:
    """A measure that is infinite in runs of the group, as a footnote."""
    infinite = sum(math.isinf(value) for value in group.values(measure).values())
    if infinite:
        yield f"{measure.heading} is infinite in {infinite} of {len(group.runs)} runs, which its mean leaves out"


def _coverage(group: SeedGroup, domain: str) -> Iterator[str]:
    """A domain that was not scored, or only by a few of the network's classes."""
    columns = group.runs.columns[group.runs.notna().any()]
    names = {parts.name for parts in map(schema.parse_metric, map(str, columns)) if parts.domain == domain}
    scored = sorted(name.removeprefix(_CLASS_IOU) for name in names if name.startswith(_CLASS_IOU))
    classes = number(group.setting("num_classes"))
    if not any(names):
        yield f"the {domain} was not scored: it has no labels or no split val"
    elif 0 < 2 * len(scored) < classes:
        yield f"{domain} scores over {len(scored)} of {classes:.0f} classes: {', '.join(scored)}"


def _code(group: SeedGroup) -> Iterator[str]:
    if schema.CODE_DIRTY in group.runs and (dirty := int((group.runs[schema.CODE_DIRTY] == "true").sum())):
        yield f"uncommitted code in {dirty} of {len(group.runs)} runs"
    if "" in group.codes:
        yield "code not recorded"
    if len(group.codes) > 1:
        yield f"its seeds ran different code: {', '.join(code or 'not recorded' for code in group.codes)}"


def _between(group: SeedGroup, reference: SeedGroup, measures: Sequence[Measure]) -> Iterator[str]:
    """In what a group and the one that it is compared with differ."""
    yield from _differing("code", *(g.codes[0] if len(g.codes) == 1 else "" for g in (group, reference)))
    for role in schema.DOMAINS:
        yield from _data(group, reference, role)
    for name in (*_PROTOCOL, *_MACHINE):
        yield from _differing(name, *(_setting(g, name) for g in (group, reference)))
    yield from _differing("samples left out:", _skipped(group), _skipped(reference))
    yield from _budget(group, reference)
    yield from _label_sizes(group, reference, measures)


def _differing(name: str, value: str, reference: str) -> Iterator[str]:
    if value and reference and value != reference:
        yield f"{name} {value}, the baseline's {reference}"


def _skipped(group: SeedGroup) -> str:
    """The samples that the runs of a group left out because they could not be read."""
    return "; ".join(text or "none" for text in group.texts(schema.DATA_SKIPPED))


def _data(group: SeedGroup, reference: SeedGroup, role: str) -> Iterator[str]:
    for data, base in zip(group.data(role)[:1], reference.data(role)[:1], strict=False):
        if data.name != base.name:
            yield f"{role} {data.name}, the baseline's {base.name}"
        elif data.split == base.split and data.digest != base.digest:
            yield f"{data.name}/{data.split} was other data: digest {data.digest}, the baseline's {base.digest}"


def _budget(group: SeedGroup, reference: SeedGroup) -> Iterator[str]:
    budgets = [(g.iterations, number(g.setting("batch_size"))) for g in (group, reference)]
    further = "a further " if group.stage != reference.stage and reference.stage == "pretrain" else ""
    if (budgets[0] == budgets[1] and not further) or any(math.isnan(iterations) for iterations, _ in budgets):
        return
    (iterations, batch), (base_iterations, base_batch) = budgets
    yield (
        f"{further}{iterations:.0f} iterations of {batch:.0f} images, "
        f"the baseline's {base_iterations:.0f} of {base_batch:.0f}"
    )


def _label_sizes(group: SeedGroup, reference: SeedGroup, measures: Sequence[Measure]) -> Iterator[str]:
    """Where labels are resized to the network's input, its size decides what is scored."""
    resized = _setting(group, "resize_labels") == "True"
    names = [schema.parse_metric(m.metric) for m in measures if resized or m.metric.endswith(schema.MIOU_RESIZED)]
    for role in dict.fromkeys(name.domain for name in names):
        sizes = [g.setting(_INPUT_SIZES.get(role, "")) for g in (group, reference)]
        if all(sizes) and sizes[0] != sizes[1]:
            yield f"{role} labels resized to {sizes[0]}, the baseline's to {sizes[1]}"


def _setting(group: SeedGroup, name: str) -> str:
    return group.setting(name) or _PROTOCOL.get(name, "")
