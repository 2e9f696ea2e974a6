"""Messages to a webhook about runs that ended badly or are the new best."""

import json
import logging
import urllib.request
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from msl import schema
from msl.tracking.search import LAST_ENDED_FIRST, search_runs

log = logging.getLogger("msl")

_TIMEOUT_S = 10.0
_WAITING = 100  # messages for a receiver that does not answer; the oldest are dropped
_NEWEST = 1000  # the runs that ended last, among which new ones are looked for
_SCORE = schema.final(schema.BEST, schema.score(schema.TARGET, schema.MIOU))


@dataclass(frozen=True)
class Alert:
    """One message; `text` is what chat services show."""

    kind: str  # failed, silent or best
    run_id: str
    run_name: str
    experiment_id: str
    text: str


class Webhook:
    """Sends alerts to an address, those that could not be sent again with the next ones."""

    def __init__(self, url: str) -> None:
        """Send nothing yet."""
        self._url = url
        self._waiting: deque[Alert] = deque(maxlen=_WAITING)

    def send(self, alerts: Collection[Alert]) -> None:
        """Send these after those that wait; log why if the receiver does not take them."""
        self._waiting.extend(alerts)
        while self._waiting:
            try:
                self._post(self._waiting[0])
            except OSError as error:
                host = urlsplit(self._url).hostname  # the rest of the address may be a secret
                log.warning("%d alerts wait: %s cannot be reached: %s", len(self._waiting), host, error)
                return
            self._waiting.popleft()

    def _post(self, alert: Alert) -> None:
        body = json.dumps(asdict(alert)).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):
            pass


class EndedRuns:
    """Which runs have ended since the last look. Clocks of machines differ, so times are compared only for equality."""

    def __init__(self, client: MlflowClient) -> None:
        """Remember the runs that have ended already: there are no alerts about these."""
        self._client = client
        self._known = {_end(run) for run in self._newest()}

    def alerts(self, silent: Collection[str]) -> list[Alert]:
        """About runs that are new here; `silent` are those that the reaper has just marked.

        Raises:
            MlflowException: the store cannot be read.
        """
        runs = self._newest()
        new = [run for run in runs if _end(run) not in self._known]
        alerts = [alert for run in new for alert in self._about(run, silent)]
        self._known |= {_end(run) for run in runs}
        return alerts

    def _about(self, run: Run, silent: Collection[str]) -> Iterator[Alert]:
        reason = run.data.tags.get(schema.ERROR, "the run says no reason")
        if run.info.run_id in silent:
            yield _alert("silent", run, f"gives no sign of life: {reason}")
        elif run.info.status == schema.FAILED:
            yield _alert("failed", run, f"failed: {reason}")
        elif run.info.status == schema.FINISHED and (beaten := self._beaten(run)) is not None:
            yield _alert("best", run, f"is the new best: {run.data.metrics[_SCORE]:.2f} % after {beaten:.2f} %")

    def _beaten(self, run: Run) -> float | None:
        """The best score so far of the experiment on the same target; None if the run has not reached more."""
        score, target = run.data.metrics.get(_SCORE), run.data.tags.get(schema.DATA_TARGET)
        if score is None or target is None:
            return None
        best = self._client.search_runs(
            [run.info.experiment_id],
            f"attributes.status = '{schema.FINISHED}' and attributes.run_id != '{run.info.run_id}' "
            f"and tags.`{schema.DATA_TARGET}` = {_quoted(target)} and metrics.`{_SCORE}` > -1",
            order_by=[f"metrics.`{_SCORE}` DESC"],
            max_results=1,
        )
        return float(best[0].data.metrics[_SCORE]) if best and score > best[0].data.metrics[_SCORE] else None

    def _newest(self) -> list[Run]:
        query = f"attributes.status != '{schema.RUNNING}'"
        return list(search_runs(self._client, query, LAST_ENDED_FIRST, _NEWEST))


def _end(run: Run) -> tuple[str, int | None]:
    return (run.info.run_id, run.info.end_time)


def _alert(kind: str, run: Run, text: str) -> Alert:
    name = run.info.run_name or run.info.run_id
    return Alert(kind, run.info.run_id, name, run.info.experiment_id, f"run {name} ({run.info.run_id}) {text}")


def _quoted(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"
