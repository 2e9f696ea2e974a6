"""The right to train a run, which one process has at a time, whatever machine it is on.

The lock of a run's folder protects a run on one machine. The lease, a tag of the run, protects it from other machines:
it names its holder and a time, which the holder's signs of life prolong. A lease ends with the run, with its process if
that can be seen, or at its time if its machine gives no sign any more.

A tracking store cannot compare and set. So whoever takes a lease writes it, waits for longer than two requests take,
and reads it again: of several who do so at the same time, the last one to write has the lease. If that one was held up
before it wrote, another one has gone on meanwhile, and stops when its sender looks at the lease, before it sends a row.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from mlflow.entities import Run, RunTag
from mlflow.tracking import MlflowClient

from msl import schema
from msl.errors import TrackingError
from msl.tracking.holder import Holder
from msl.tracking.status import go_on

_LEASE_S = 180.0  # six signs of life
WATCHED_S = schema.HEARTBEAT_EVERY_S + 10  # clocks of two machines may differ: a sign of life is looked for
_SETTLED_S = 0.2


class LeaseLostError(TrackingError):
    """Another process has the lease."""


@dataclass(frozen=True)
class Lease:
    """Who may train a run until when."""

    holder: Holder
    until: float  # seconds since 1970, by the holder's clock

    @classmethod
    def of(cls, run: Run) -> "Lease | None":
        """The lease of a run; None if it has none: runs of older code, and of others."""
        try:
            content: dict[str, Any] = json.loads(run.data.tags[schema.LEASE])
            until = datetime.fromisoformat(content.pop("until")).timestamp()
            return cls(Holder(**content), until)
        except (KeyError, ValueError, TypeError, AttributeError):
            return None

    def __str__(self) -> str:
        until = datetime.fromtimestamp(self.until, UTC).isoformat(timespec="seconds")
        return json.dumps(asdict(self.holder) | {"until": until})


def lease_s() -> float:
    """For how long a lease is valid without a sign of life: MSL_LEASE_S seconds."""
    return float(os.environ.get("MSL_LEASE_S", _LEASE_S))


@cache
def this_process() -> Holder:
    """The holder that this process is."""
    return Holder.here()


def new_lease(holder: Holder) -> Lease:
    """A lease from now on."""
    return Lease(holder, time.time() + lease_s())


def is_gone(run: Run) -> bool:
    """Whether the process that has the run's lease has certainly ended; of another machine nobody knows that."""
    lease = Lease.of(run)
    return lease is not None and lease.holder.is_gone


def refuse_if_held(client: MlflowClient, run_id: str) -> None:
    """Refuse a run that another process trains.

    Raises:
        TrackingError: another process has its lease; the message names it.
    """
    run = client.get_run(run_id)
    lease = Lease.of(run)
    if run.info.status != schema.RUNNING or lease is None or lease.holder == this_process() or lease.holder.is_gone:
        return
    if lease.holder.is_on_this_machine or lease.until > time.time() or _gives_a_sign(client, run):
        raise _held(run_id, lease)


def take(client: MlflowClient, run_id: str) -> None:
    """Take the lease of a run that nobody holds; the run goes on.

    Raises:
        TrackingError: another process has it, or took it at the same moment.
    """
    start = time.monotonic()
    refuse_if_held(client, run_id)
    client.log_batch(run_id, tags=[RunTag(schema.LEASE, str(new_lease(this_process())))])
    go_on(client, run_id)
    time.sleep(_SETTLED_S + 2 * min(time.monotonic() - start, _LEASE_S / 10))
    lease = Lease.of(client.get_run(run_id))
    if lease is not None and lease.holder != this_process():
        raise _held(run_id, lease)


def require(client: MlflowClient, run_id: str, holder: Holder) -> Run:
    """The run, if this holder may write to it: nobody else has the lease.

    Raises:
        LeaseLostError: another process has it.
    """
    run = client.get_run(run_id)
    lease = Lease.of(run)
    if lease is not None and lease.holder != holder and _excludes(lease, run):
        raise LeaseLostError(
            f"run {run_id} is continued by {lease.holder}, which took it over while this process gave no sign of "
            "life. Nothing more of this process is recorded"
        )
    return run


def renew(client: MlflowClient, run_id: str, holder: Holder, tags: Mapping[str, str], is_alive: bool) -> float:
    """Prolong a lease together with other tags; raises as `require` does.

    Args:
        client: of the tracking store.
        run_id: the run.
        holder: who has the lease.
        tags: to be set in the same request.
        is_alive: the run is being trained; if somebody has taken it for dead meanwhile, that is put right.

    Returns:
        The time until which it is valid.
    """
    run = require(client, run_id, holder)
    if is_alive and run.info.status != schema.RUNNING:
        go_on(client, run_id)
    lease = new_lease(holder)
    texts = {schema.LEASE: str(lease), **tags}
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in texts.items()])
    return lease.until


def _excludes(lease: Lease, run: Run) -> bool:
    """Whether a lease keeps others from writing. A process of this machine that has ended left its journal here."""
    if not lease.holder.is_on_this_machine:
        return True
    return run.info.status == schema.RUNNING and not lease.holder.is_gone


def _gives_a_sign(client: MlflowClient, run: Run) -> bool:
    """Whether a run whose lease has ended by this machine's clock gives a sign of life nevertheless."""
    time.sleep(WATCHED_S)
    return sign_of(client.get_run(run.info.run_id)) != sign_of(run)


def sign_of(run: Run) -> tuple[str, str, str]:
    """What changes as long as a run is alive."""
    tags = run.data.tags
    return tags.get(schema.HEARTBEAT, ""), tags.get(schema.PROGRESS, ""), tags.get(schema.LEASE, "")


def _held(run_id: str, lease: Lease) -> TrackingError:
    until = datetime.fromtimestamp(lease.until, UTC)
    return TrackingError(
        f"run {run_id} is being trained by {lease.holder} (its lease is valid until {until:%Y-%m-%d %H:%M:%S} UTC). "
        "Stop that process, or wait until it has ended; the lease of a machine that has stopped ends by itself."
    )
