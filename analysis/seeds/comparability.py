"""The comparability guard: what makes a row of a table less than a fair comparison, said in its footnotes."""

from collections.abc import Iterator, Sequence

from analysis.seeds.groups import INERT, Measure, SeedGroup, number
from msl import schema

# Settings by which scores of equal networks differ, with what holds where a run does not record them.
_PROTOCOL = {
    "label_set": "",
    "split": "val",
    "eval_images": "None",
    "eval_flip": "False",
    "eval_scales": "1",
    "resize_labels": "False",
}
_MACHINE = ("threads", "precision")  # other rounding, which training amplifies
_WATCHED = INERT - {*_PROTOCOL, *_MACHINE}
_INPUT_SIZES = {schema.SOURCE: "crop_size", schema.TARGET: "target_crop_size"}


def notes(group: SeedGroup, reference: SeedGroup | None, measures: Sequence[Measure]) -> list[str]:
    """Everything that the reader of a group's row has to know.

    Args:
        group: of the row.
        reference: the group that it is compared with, if any.
        measures: the numbers of the row.
    """
    found = [*_own(group, measures)]
    if reference is not None and reference.name != group.name:
        found += _against(group, reference, measures)
    return found


def iterations(group: SeedGroup) -> float:
    """Training iterations of a group's own stage, from its settings; NaN where they do not tell."""
    setting = {name: number(group.one(schema.param(name))) for name in ("iter_max", "iter_stop", "max_iters")}
    if setting["iter_max"] == setting["iter_max"]:
        budget = min(setting["iter_max"], _or(setting["iter_stop"], setting["iter_max"]))
    else:
        parts = [number(group.one(schema.param(name))) for name in ("round_num", "epoch_each_round", "epoch_iters")]
        budget = parts[0] * parts[1] * parts[2]
    return min(budget, _or(setting["max_iters"], budget))


def _own(group: SeedGroup, measures: Sequence[Measure]) -> Iterator[str]:
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
            yield f"its seeds saw different {role} data: {', '.join(f'{d.name}/{d.split}@{d.digest}' for d in data)}"
    for name, column in group.parameters.items():
        if name not in _WATCHED and len(values := group.texts(column)) > 1:
            yield f"its seeds differ in {name}: {', '.join(value or 'not recorded' for value in values)}"
    for measure in measures:
        missing = sum(value != value for value in group.values(measure).values())
        if 0 < missing < n:
            yield f"{measure.heading} is no number in {missing} of {n} runs"


def _code(group: SeedGroup) -> Iterator[str]:
    commits = group.texts(schema.CODE_COMMIT)
    if schema.CODE_DIRTY in group.runs and (dirty := int((group.runs[schema.CODE_DIRTY] == "true").sum())):
        yield f"uncommitted code in {dirty} of {len(group.runs)} runs"
    if "" in commits:
        yield "code not recorded"
    if len(commits) > 1:
        yield f"its seeds ran different code: {', '.join(commit[:7] or 'not recorded' for commit in commits)}"


def _against(group: SeedGroup, reference: SeedGroup, measures: Sequence[Measure]) -> Iterator[str]:
    own, other = (g.one(schema.CODE_COMMIT) for g in (group, reference))
    if own and other and own != other:
        yield f"code {own[:7]}, the baseline's {other[:7]}"
    for role in schema.DOMAINS:
        yield from _data(group, reference, role)
    for name in (*_PROTOCOL, *_MACHINE):
        own, other = (_setting(g, name) for g in (group, reference))
        if own and other and own != other:
            yield f"{name} {own}, the baseline's {other}"
    yield from _budget(group, reference)
    yield from _label_sizes(group, reference, measures)


def _data(group: SeedGroup, reference: SeedGroup, role: str) -> Iterator[str]:
    for own, other in zip(group.data(role)[:1], reference.data(role)[:1], strict=False):
        if own.name != other.name:
            yield f"{role} {own.name}, the baseline's {other.name}"
        elif own.split == other.split and own.digest != other.digest:
            yield f"{own.name}/{own.split} was other data: digest {own.digest}, the baseline's {other.digest}"


def _budget(group: SeedGroup, reference: SeedGroup) -> Iterator[str]:
    (own, batch), (other, other_batch) = (
        (iterations(g), number(g.one(schema.param("batch_size")))) for g in (group, reference)
    )
    if own + other == own + other and (own, batch) != (other, other_batch):
        further = "a further " if group.stage != reference.stage and reference.stage == "pretrain" else ""
        yield f"{further}{own:.0f} iterations of {batch:.0f} images, the baseline's {other:.0f} of {other_batch:.0f}"


def _label_sizes(group: SeedGroup, reference: SeedGroup, measures: Sequence[Measure]) -> Iterator[str]:
    """Where labels are resized to the network's input, its size decides what is scored."""
    resized = _setting(group, "resize_labels") == "True"
    roles = [m.metric.partition("/")[0] for m in measures if resized or m.metric.endswith(schema.MIOU_RESIZED)]
    for role in dict.fromkeys(roles):
        size = schema.param(_INPUT_SIZES.get(role, ""))
        own, other = group.one(size), reference.one(size)
        if own and other and own != other:
            yield f"{role} labels resized to {own}, the baseline's to {other}"


def _setting(group: SeedGroup, name: str) -> str | None:
    return group.one(schema.param(name)) or _PROTOCOL.get(name)


def _or(value: float, default: float) -> float:
    return value if value == value else default
