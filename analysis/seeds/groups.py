"""Seed groups: the finished runs that differ by seed only, out of the frame that `Store.runs` gives."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from analysis.errors import AnalysisError, unknown
from msl import schema

_SEED = schema.param(schema.SEED)
_EVALUATE = "evaluate"

# Settings that change how a run is watched or on what it runs, not the weights it ends with; and the seed, and the
# checkpoint of the same parent with another seed.
INERT = frozenset(
    {"eval_images", "panels", "eval_every", "log_every", "checkpoint_every", "data_root", "num_workers", "device"}
    | {"threads", "export", schema.SEED, "checkpoint"}
)

_ALIASES = {"target_loss": schema.loss(schema.TARGET), "train_loss": schema.loss(schema.SOURCE)}
_FINAL = (schema.LAST, schema.BEST)
_DOMAIN = re.compile(r"(?P<name>.*)/(?P<split>[^/]*)@(?P<digest>\w*)", re.DOTALL)


@dataclass(frozen=True)
class Measure:
    """A number of a finished run: a score or loss, and whether of the last or of the best checkpoint."""

    which: str  # last, or best: an oracle's choice by target labels
    metric: str  # target/mIoU, loss/source, …

    @property
    def key(self) -> str:
        """Its name in the run store, or in `analysis.seeds.trends.with_courses`."""
        return schema.final(self.which, self.metric)

    @property
    def heading(self) -> str:
        """Its name above a column: target scores go without their domain."""
        short = {metric: alias for alias, metric in _ALIASES.items()}.get(self.metric, self.metric)
        return f"{short.removeprefix(schema.TARGET + '/')} {self.which}"

    @property
    def is_percent(self) -> bool:
        """Whether it is a score in percent, and not a loss."""
        return "loss/" not in self.metric


@dataclass(frozen=True)
class DataTag:
    """What a tag says of the data of one role."""

    name: str
    split: str
    digest: str


@dataclass(frozen=True)
class SeedGroup:
    """The finished runs of a group: of several with one seed, the newest."""

    name: str
    runs: pd.DataFrame  # one row a seed, in their order
    unfinished: int  # runs left out
    repeated: int  # older finished runs of a seed left out

    @property
    def run_ids(self) -> list[str]:
        """IDs of the runs that count."""
        return [str(run_id) for run_id in self.runs["run_id"]]

    @cached_property
    def stage(self) -> str:
        """Stage of its runs."""
        return self.one(schema.STAGE) or ""

    def texts(self, column: str) -> list[str]:
        """The different values of a tag or parameter, "" where it is not recorded."""
        if column not in self.runs:
            return [""]
        return list(dict.fromkeys("" if pd.isna(value) else str(value) for value in self.runs[column]))

    def one(self, column: str) -> str | None:
        """The value of a tag or parameter that all runs have; None if they differ or record none."""
        values = self.texts(column)
        return values[0] if len(values) == 1 and values[0] else None

    @cached_property
    def settings(self) -> dict[str, str]:
        """Every recorded setting on which the weights depend, by option; of several values the first."""
        values = {name: self.texts(column)[0] for name, column in self.parameters.items() if name not in INERT}
        return {name: value for name, value in values.items() if value}

    @property
    def parameters(self) -> dict[str, str]:
        """Columns of the settings, by option."""
        columns = [str(column) for column in self.runs if str(column).startswith(schema.PARAM_PREFIX)]
        return {column.removeprefix(schema.PARAM_PREFIX): column for column in columns}

    def data(self, role: str) -> list[DataTag]:
        """The data of a role, one entry a different tag."""
        tag = {schema.SOURCE: schema.DATA_SOURCE, schema.TARGET: schema.DATA_TARGET}[role]
        return [DataTag(**match.groupdict()) for text in self.texts(tag) if (match := _DOMAIN.fullmatch(text))]

    def values(self, measure: Measure) -> dict[str, float]:
        """A number of each run by its seed, NaN where it is not recorded."""
        key = measure.metric if self.stage == _EVALUATE else measure.key  # what only scores has no last and no best
        numbers = self.runs[key] if key in self.runs else pd.Series(math.nan, self.runs.index)
        return dict(zip(self._seeds(), numbers.astype(float), strict=True))

    def _seeds(self) -> Sequence[str]:
        if _SEED not in self.runs:
            return self.run_ids
        return [str(run_id if pd.isna(seed) else seed) for run_id, seed in self.runs[["run_id", _SEED]].to_numpy()]


def seed_groups(runs: pd.DataFrame) -> dict[str, SeedGroup]:
    """The groups that have a finished run, by name.

    Args:
        runs: as `Store.runs` gives them.

    Raises:
        AnalysisError: there is no finished run of msl's.
    """
    if schema.GROUP not in runs or runs[schema.GROUP].isna().all():
        raise AnalysisError("no run of msl here; `mlflow run . -e adapt --env-manager local` makes one")
    finished = {str(name): _seed_group(str(name), frame) for name, frame in runs.groupby(schema.GROUP)}
    groups = {name: group for name, group in finished.items() if len(group.runs)}
    if not groups:
        raise AnalysisError(f"none of the {len(runs)} runs here is finished; their groups appear as soon as one is")
    return groups


def find_group(name: str, groups: Mapping[str, SeedGroup]) -> SeedGroup:
    """The group of that name, or the only one whose name contains it.

    Raises:
        AnalysisError: there is none, or more than one.
    """
    if name in groups:
        return groups[name]
    fitting = [group for group in groups if name in group]
    if not fitting:
        raise unknown("finished group", name, groups)
    if len(fitting) > 1:
        raise AnalysisError(f"{name!r} fits several groups: {'; '.join(sorted(fitting))}. Give more of the name.")
    return groups[fitting[0]]


def find_measure(name: str, runs: pd.DataFrame, which: str = schema.LAST) -> Measure:
    """The measure that a name means.

    Args:
        name: a target score (``mIoU``, ``IoU/road``), a metric with its domain (``source/PA``), ``target_loss`` or
            ``train_loss``; with ``best/`` or ``last/`` before it, of that checkpoint.
        runs: as `Store.runs` gives them.
        which: checkpoint where the name does not say it.

    Raises:
        AnalysisError: no run records such a number, or none of them is one.
    """
    prefix, _, rest = name.partition("/")
    chosen, plain = (prefix, rest) if prefix in _FINAL else (which, name)
    for metric in (_ALIASES.get(plain, plain), schema.score(schema.TARGET, plain)):
        measure = Measure(chosen, metric)
        columns = [column for column in (measure.key, metric) if column in runs]
        if not columns:
            continue
        if runs.loc[runs["status"] == "FINISHED", columns].isna().all(axis=None):
            raise AnalysisError(f"metric {name!r} is no number in any finished run here; look at the runs' losses")
        return measure
    raise unknown("metric", name, _measurable(runs.columns))


def number(text: str | None) -> float:
    """A setting's value as a number; NaN where it is none."""
    try:
        return float(text or "")
    except ValueError:
        return math.nan


def _seed_group(name: str, frame: pd.DataFrame) -> SeedGroup:
    finished = frame[frame["status"] == "FINISHED"].sort_values("end")
    seeded = finished[finished[_SEED].notna()] if _SEED in finished else finished.iloc[:0]
    newest = pd.concat([seeded.drop_duplicates(_SEED, keep="last"), finished.drop(seeded.index)])
    if _SEED in newest:
        newest = newest.sort_values(_SEED, key=lambda seeds: pd.to_numeric(seeds, errors="coerce"), kind="stable")
    return SeedGroup(name, newest, len(frame) - len(finished), len(finished) - len(newest))


def _measurable(columns: Iterable[object]) -> set[str]:
    """Names that `find_measure` knows, without the checkpoint."""
    names = {str(column) for column in columns}
    metrics = {name.partition("/")[2] for name in names if name.partition("/")[0] in _FINAL}
    metrics |= {name for name in names if name.startswith((*(f"{domain}/" for domain in schema.DOMAINS), "loss/"))}
    short = {name.removeprefix(schema.TARGET + "/") for name in metrics}
    return metrics | short | {alias for alias, metric in _ALIASES.items() if metric in metrics}
