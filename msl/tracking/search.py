"""The runs of a whole store that fit a query, in any experiment."""

from collections.abc import Iterator

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

NEWEST_FIRST, OLDEST_FIRST = "attributes.start_time DESC", "attributes.start_time ASC"
LAST_ENDED_FIRST = "attributes.end_time DESC"
_PAGE_RUNS = 1000


def search_runs(
    client: MlflowClient, query: str = "", order: str = NEWEST_FIRST, most: int | None = None
) -> Iterator[Run]:
    """The runs that fit, page by page.

    Args:
        client: of the tracking store.
        query: in MLflow's language of filters; empty for every run that is not deleted.
        order: of the runs.
        most: the number of runs; None = all.

    Raises:
        MlflowException: the store cannot be read.
    """
    experiments, token, left = [one.experiment_id for one in client.search_experiments()], None, most
    while left is None or left > 0:
        size = _PAGE_RUNS if left is None else min(_PAGE_RUNS, left)
        page = client.search_runs(experiments, query, max_results=size, order_by=[order], page_token=token)
        yield from page
        left, token = None if left is None else left - len(page), page.token
        if not token:
            return


def has_run(client: MlflowClient, run_id: str) -> bool:
    """Whether a store has a run; False also if the store does not answer."""
    try:
        client.get_run(run_id)
    except MlflowException:
        return False
    return True
