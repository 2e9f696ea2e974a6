"""A new run, made once, whatever happens to the server's answer."""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from msl import schema
from msl.console import reason
from msl.errors import TrackingError

_WAITS_S = (1.0, 3.0, 9.0)  # between attempts

log = logging.getLogger("msl")


def create_once(
    client: MlflowClient,
    experiment: str,
    name: str,
    tags: Mapping[str, str],
    creation: str,
    start_ms: int | None = None,
) -> str:
    """ID of a new run. If the server's answer is lost, the run may exist: it is looked for before another is made.

    Args:
        client: of the tracking store.
        experiment: ID of its experiment.
        name: shown in MLflow's tables.
        tags: set at once.
        creation: what this run alone has in its tag `msl.creation`.
        start_ms: when it began, in milliseconds of Unix time; None = now.

    Raises:
        TrackingError: no server answers.
    """
    error: MlflowException | None = None
    all_tags = {**tags, schema.CREATION: creation}
    for wait_s in _WAITS_S:
        try:
            with _without_retries():
                return str(client.create_run(experiment, start_ms, all_tags, name).info.run_id)
        except MlflowException as failure:
            if failure.get_http_status_code() in range(400, 500):
                raise
            error = failure
            log.warning("the tracking server has not confirmed the new run; asking again in %g s", wait_s)
        time.sleep(wait_s)
        with suppress(MlflowException):
            runs = client.search_runs([experiment], f"tags.`{schema.CREATION}` = '{creation}'")
            if runs:
                return str(runs[0].info.run_id)
    text = "the tracking server does not answer." if error is None else reason(error)
    raise TrackingError(f"no run can be made: {text} Start the tracking server again.") from error


@contextmanager
def _without_retries() -> Iterator[None]:
    """MLflow itself sends a request again whose answer was lost, and so makes a second run."""
    name = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
    previous = os.environ.get(name)
    os.environ[name] = "0"
    try:
        yield
    finally:
        if previous is None:
            del os.environ[name]
        else:
            os.environ[name] = previous
