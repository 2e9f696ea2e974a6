"""A store may be replaced by an older copy of itself, for instance from a backup: then what it lacks is sent again."""

import logging
from pathlib import Path

from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from msl.tracking.journal import Reader
from msl.tracking.progress import REFUSED_FILE, Progress, forget_progress

log = logging.getLogger("msl")


def forget_if_lost(client: MlflowClient, run_id: str, folder: Path) -> None:
    """Forget how far a journal is sent, if the server lacks the newest row that it had; sending begins anew then.

    A server that does not answer at present has lost nothing that we know of.
    """
    row = _newest_sent(folder)
    if row is not None and not _has(client, run_id, row):
        log.warning("run %s: the server has lost rows that it had before, so everything is sent again", run_id)
        forget_progress(folder)


def _newest_sent(folder: Path) -> Metric | None:
    """The newest row that the server has taken; None if there is none, or it may be one that it has refused."""
    sent, newest = Progress.of(folder).rows, None
    if not sent or (folder / REFUSED_FILE).exists():
        return None
    for number, content in Reader(folder).new():
        if content["kind"] == "rows" and content["values"] and number <= sent:
            newest = content
    if newest is None:
        return None
    name, value = next(iter(newest["values"].items()))
    return Metric(name, value, newest["time"], newest["step"])


def _has(client: MlflowClient, run_id: str, row: Metric) -> bool:
    try:
        history = client.get_metric_history(run_id, row.key)
    except (MlflowException, OSError):
        return True
    return any((metric.step, metric.timestamp) == (row.step, row.timestamp) for metric in history)
