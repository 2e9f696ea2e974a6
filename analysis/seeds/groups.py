"""Seed groups: the finished runs that differ by seed only, out of the frame that `Store.runs` gives."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from analysis.errors import AnalysisError
from analysis.seeds.measures import Measure
from analysis.seeds.names import find_group
from msl import schema

_SEED = schema.param(schema.SEED)
_EVALUATE = "evaluate"
_UNSCORED = frozenset({"train_style", "stylize", "validate"})  # stages that score no network
_COMMIT_DIGITS = 8
_TRAINED = schema.param("batch_size")  # that every training of a segmentation network records

# Settings that change how a run is watched or on what it runs, and not the weights that it ends with; and the seed, and
# the checkpoint, which is that of the same parent with another seed.
INERT = frozenset(
    {"eval_images", "panels", "eval_every", "log_every", "checkpoint_every", "checkpoint_minutes", "data_root"}
    | {"num_workers", "cache", "device", "threads", "deterministic", "compile", "recompute", "profile"}
    | {"nproc", "sync_bn"}
    | {"criteria_images", "choose_by", "target_labels"}
    | {"export", "extra_metrics", schema.SEED, "checkpoint"}
)


@dataclass(frozen=True)
class SeedGroup:
    """The finished runs of a group; of several runs with one seed, the newest."""

    name: str
    runs: pd.DataFrame  # one row a seed, in their order
    unfinished: int  # runs left out
    repeated: int  # older finished runs of a seed, left out

    @property
    def run_ids(self) -> list[str]:
        """IDs of the runs that count."""
        return [str(run_id) for run_id in self.runs["run_id"]]

    @cached_property
    def stage(self) -> str:
        """Stage of its runs."""
        return self.one(schema.STAGE) or ""

    @property
    def is_scored(self) -> bool:
        """Whether its stage scores a network."""
        return self.stage not in _UNSCORED

    def texts(self, column: str) -> list[str]:
        """The different values of a tag or parameter; "" where it is not recorded."""
        if column not in self.runs:
            return [""]
        return list(dict.fromkeys("" if pd.isna(value) else str(value) for value in self.runs[column]))

    def one(self, column: str) -> str | None:
        """The value of a tag or parameter that all runs have; None if they differ or do not record it."""
        values = self.texts(column)
        return values[0] if len(values) == 1 and values[0] else None

    def setting(self, option: str) -> str | None:
        """The value of a setting that all runs have; None if they differ or do not record it."""
        return self.one(schema.param(option))

    @cached_property
    def settings(self) -> dict[str, str]:
        """Every recorded setting on which the weights depend, by option; of several values the first."""
        values = {name: self.texts(column)[0] for name, column in self.parameters.items() if name not in INERT}
        return {name: value for name, value in values.items() if value}

    @property
    def codes(self) -> list[str]:
        """What its runs ran, each once: the first digits of a commit, or an installed version; "" if unknown."""
        if schema.CODE_VERSION not in self.runs:
            return [commit[:_COMMIT_DIGITS] for commit in self.texts(schema.CODE_COMMIT)]
        versions = self.runs[schema.CODE_VERSION].fillna("")
        commits = self.runs[schema.CODE_COMMIT].fillna("").str[:_COMMIT_DIGITS]
        return list(dict.fromkeys(commits.where(commits != "", versions)))

    @property
    def parameters(self) -> dict[str, str]:
        """Columns of the settings, by option."""
        columns = [str(column) for column in self.runs if str(column).startswith(schema.PARAM_PREFIX)]
        return {column.removeprefix(schema.PARAM_PREFIX): column for column in columns}

    @property
    def iterations(self) -> float:
        """Training iterations of its stage, from the settings; NaN where they do not tell, or where its runs differ."""
        counts = self.iterations_by_run
        return counts[0] if len(set(counts)) == 1 else math.nan

    @property
    def iterations_by_run(self) -> list[float]:
        """Training iterations of each run, in the order of `runs`: a resume may have changed those of one."""
        return [_iterations(run) for run in self.runs.astype(object).to_dict("records")]

    @property
    def seeds(self) -> list[str]:
        """Seed of each run, in the order of `runs`; the run's ID where none is recorded."""
        return list(self._seeds())

    def data(self, role: str) -> list[schema.DataTag]:
        """The data of a role, one entry for each different tag."""
        tag = {schema.SOURCE: schema.DATA_SOURCE, schema.TARGET: schema.DATA_TARGET}[role]
        return [data for text in self.texts(tag) if (data := schema.DataTag.parse(text)) is not None]

    def domain(self, role: str) -> str:
        """Name of the first data of a role; "" where none is recorded."""
        return data[0].name if (data := self.data(role)) else ""

    def values(self, measure: Measure) -> dict[str, float]:
        """A number of each run by its seed; NaN where it is not recorded."""
        key = measure.metric if self.stage == _EVALUATE else measure.key  # a run that only scores has no last and best
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
        AnalysisError: no run of msl is finished.
    """
    if schema.GROUP not in runs or runs[schema.GROUP].isna().all():
        raise AnalysisError("no run of msl here; `mlflow run . -e adapt --env-manager local` makes one")
    runs = _completed(runs)
    groups = {str(name): _seed_group(str(name), frame) for name, frame in runs.groupby(schema.GROUP)}
    finished = {name: group for name, group in groups.items() if len(group.runs)}
    if not finished:
        raise AnalysisError(f"none of the {len(runs)} runs here is finished; a group appears when one of its runs is")
    names = schema.spelled({name: group.settings for name, group in finished.items()})
    return {names[name]: replace(group, name=names[name]) for name, group in finished.items()}


def find_seed_group(name: str, groups: Mapping[str, SeedGroup]) -> SeedGroup:
    """A group by its name, by the name that tables show, or by a part; raises as `find_group` does."""
    return find_group(name, groups, [whole for whole, group in groups.items() if group.is_scored])


def _completed(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs, with what older trainings did in place of settings that they do not have yet."""
    columns = {schema.param(name): value for name, value in schema.ADDED_SETTINGS.items()}
    if _TRAINED not in runs:
        return runs
    trained = runs[_TRAINED].notna()
    return runs.assign(
        **{c: runs[c].where(runs[c].notna() | ~trained, value) for c, value in columns.items() if c in runs}
    )


def number(text: object) -> float:
    """A setting's value as a number; NaN where it is none."""
    try:
        return float(str(text or ""))
    except ValueError:
        return math.nan


def _iterations(run: Mapping[Hashable, object]) -> float:
    """Training iterations of a run, from its settings; NaN where they do not tell."""

    def setting(name: str) -> float:
        return number(run.get(schema.param(name)))

    budget = math.prod(map(setting, ("round_num", "epoch_each_round", "epoch_iters")))
    if not math.isnan(setting("iter_max")):
        budget = _smaller(setting("iter_max"), setting("iter_stop"))
    return _smaller(budget, setting("max_iters"))


def _smaller(value: float, limit: float) -> float:
    """The smaller of two numbers; a limit that is NaN limits nothing."""
    return value if math.isnan(limit) else min(value, limit)


def _seed_group(name: str, runs: pd.DataFrame) -> SeedGroup:
    finished = runs[runs["status"] == schema.FINISHED].sort_values("end")
    seeded = finished[finished[_SEED].notna()] if _SEED in finished else finished.iloc[:0]
    newest = pd.concat([seeded.drop_duplicates(_SEED, keep="last"), finished.drop(seeded.index)])
    if _SEED in newest:
        newest = newest.sort_values(_SEED, key=lambda seeds: pd.to_numeric(seeds, errors="coerce"), kind="stable")
    return SeedGroup(name, newest, len(runs) - len(finished), len(finished) - len(newest))
