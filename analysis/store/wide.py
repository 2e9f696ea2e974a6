"""Runs as one wide frame: a column for each tag, parameter and metric.

MLflow has a name space for each of these three kinds, a frame has one for all of its columns. A name of msl's is a
column of its kind (`msl.schema.kind`); any other name that only one kind has is a column too. Every further name is had
by its kind, as ``params.lr``: the others' use of a name of msl's, a name that two kinds share, a name that is a column
of every run, such as ``status``, and a name that itself begins with a kind.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import AnalysisError, unknown
from analysis.store.columns import Numbering
from msl import schema

ATTRIBUTES = ("run_id", "name", "experiment", "status", "start", "end")


def by_kind(name: str, kind: str) -> str:
    """The column of a name that is had by its kind."""
    return f"{kind}.{name}"


def widened(runs: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The runs with a column for each name of each kind.

    Args:
        runs: with `ATTRIBUTES`.
        tables: ``run_id key value`` by kind.
    """
    kinds = _kinds_by_name({kind: set(table["key"]) for kind, table in tables.items()})
    rows = pd.Index(runs["run_id"])
    wide: dict[str, NDArray[Any]] = {}
    for kind, table in tables.items():
        wide |= {_column(name, kind, kinds[name]): cells for name, cells in _cells(rows, table, kind).items()}
    return pd.concat([runs, pd.DataFrame(wide, index=runs.index)], axis=1)


def all_by_kind(runs: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The same frame with every tag, parameter and metric named by its kind."""
    kinds = _kinds_by_name({kind: set(table["key"]) for kind, table in tables.items()})
    names = [str(name) for name in runs if name not in ATTRIBUTES and not _is_by_kind(str(name))]
    return runs.rename(columns={name: by_kind(name, schema.kind(name) or kinds[name][0]) for name in names})


def find_column(name: str, runs: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> str:
    """The column that a name means, which may be by kind although it need not.

    Raises:
        AnalysisError: no run has it, or more than one kind has it.
    """
    if name in runs:
        return name
    kind, _, plain = name.partition(".")
    if kind in tables and plain in runs and plain not in ATTRIBUTES and plain in set(tables[kind]["key"]):
        return plain
    kinds = [by_kind(name, kind) for kind in tables if by_kind(name, kind) in runs]
    if kinds:
        raise AnalysisError(f"several kinds have the name {name!r}: write {' or '.join(kinds)}")
    raise unknown("column", name, map(str, runs.columns))


def _kinds_by_name(names: Mapping[str, set[str]]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for kind, of_kind in names.items():
        for name in of_kind:
            kinds.setdefault(name, []).append(kind)
    return kinds


def _column(name: str, kind: str, kinds: list[str]) -> str:
    """The column of a name of a kind, where these kinds have the name."""
    if name in ATTRIBUTES or _is_by_kind(name):
        return by_kind(name, kind)
    return name if kind == (schema.kind(name) or (kind if len(kinds) == 1 else None)) else by_kind(name, kind)


def _is_by_kind(name: str) -> bool:
    return name.startswith(tuple(by_kind("", kind) for kind in schema.KINDS))


def _cells(runs: "pd.Index[str]", table: pd.DataFrame, kind: str) -> dict[str, NDArray[Any]]:
    """The values of each name in the order of the names; NaN for a run that does not have the name."""
    values = table["value"].to_numpy(float if kind == schema.METRICS else object)
    names = Numbering()
    columns = names.of(table["key"].tolist())
    cells: NDArray[Any] = np.full((len(names), len(runs)), np.nan, values.dtype)
    cells[columns, runs.get_indexer(pd.Index(table["run_id"]))] = values
    return {name: cells[place] for name, place in sorted(names.items())}
