"""The run that `resume=auto` continues: the newest interrupted one with the same settings, data and code."""

import logging

from msl.errors import MslError
from msl.recipes import Request
from msl.runs.requests import newest_like
from msl.runs.supplies import AnyStage, Supplies
from msl.stages.stage import Outcome, TrainingStage
from msl.tracking import Client, is_interrupted, runs_like

log = logging.getLogger("msl")


class _MissingResultError(MslError):
    """A result that the run starts from does not exist yet."""


def newest_interrupted(client: Client, stage: AnyStage, request: Request) -> str | None:
    """ID of the newest run that ended early or died, and that these settings, this data and this code describe.

    A run that ended before it was described is recognised by its request. The log says which run it is.
    """
    run_id = _described(client, stage, request) or newest_like(client, request)
    if run_id is None:
        log.info("resume = auto: no interrupted run of stage %s has these settings, so a new one begins", stage.name)
    else:
        log.info("resume = auto: run %s of stage %s is continued", run_id, stage.name)
    return run_id


def _described(client: Client, stage: AnyStage, request: Request) -> str | None:
    fingerprint = _fingerprint(client, stage, request)
    if fingerprint is None:
        return None
    for run in runs_like(client, fingerprint):
        if is_interrupted(run):
            return str(run.info.run_id)
    return None


def _fingerprint(client: Client, stage: AnyStage, request: Request) -> str | None:
    """The fingerprint that a run of the request would have; None if a result that it starts from does not exist."""
    if not isinstance(stage, TrainingStage):
        return None
    try:
        return Supplies(client, _make_nothing).fingerprint(stage, request)
    except _MissingResultError:
        return None


def _make_nothing(request: Request) -> Outcome:
    raise _MissingResultError(request.stage)
