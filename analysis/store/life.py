"""What MLflow's own columns do not tell: how a run really ended, with which settings, and which runs are dead."""

from datetime import datetime

import pandas as pd

from msl import schema

_ENDED = (schema.FINISHED, schema.FAILED, schema.KILLED)


def true_status(runs: pd.DataFrame) -> "pd.Series[str]":
    """The status of each run, as the run itself says if it has ended: `mlflow run` shows a killed run as failed.

    Args:
        runs: with the column `status`; the tag is a column, or no run has it.
    """
    if schema.STATUS not in runs:
        return runs["status"]
    says_more = runs["status"].isin(_ENDED) & runs[schema.STATUS].isin(_ENDED)
    return runs["status"].mask(says_more, runs[schema.STATUS])


def with_changes(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with the settings that a resume changed, in place of those with which they began."""
    columns = [str(column) for column in runs if str(column).startswith(schema.CHANGED_PREFIX)]
    settings = {column: schema.param(column.removeprefix(schema.CHANGED_PREFIX)) for column in columns}
    return runs.assign(
        **{param: runs[tag].where(runs[tag].notna(), runs.get(param)) for tag, param in settings.items()}
    )


def dead_since(runs: pd.DataFrame, now: datetime) -> "pd.Series[pd.Timestamp]":
    """The last sign of life of each run in progress that has given none for ten minutes; NaT for every other run.

    A run that waits for its child lives as long as the child does. Runs that never gave a sign are not msl's.

    Args:
        runs: with the columns `run_id` and `status`; tags are columns.
        now: the time, with its zone.
    """
    signs = pd.to_datetime(_tag(runs, schema.HEARTBEAT), errors="coerce", utc=True)
    of_children = runs["run_id"].map(signs.groupby(_tag(runs, schema.MLFLOW_PARENT)).max().to_dict())
    last = signs.mask(pd.to_datetime(of_children, utc=True) > signs, of_children)
    is_dead = (runs["status"] == schema.RUNNING) & ((now - last).dt.total_seconds() > schema.SILENT_S)
    return last.where(is_dead)


def _tag(runs: pd.DataFrame, name: str) -> "pd.Series[str]":
    return runs[name] if name in runs else pd.Series(None, index=runs.index, dtype=object)
