"""The run that `resume=auto` continues: the newest interrupted one with the same settings, data and code."""

import logging

from msl.config import StageConfig
from msl.errors import MslError
from msl.recipes import Request
from msl.runs.requests import newest_like
from msl.runs.supplies import NEAR_DIFFERENCES, AnyStage, Supplies
from msl.stages.stage import Outcome, TrainingStage
from msl.tracking import Client, is_interrupted, nearest_interrupted, runs_like

log = logging.getLogger("msl")


class _MissingResultError(MslError):
    """A result that the run starts from does not exist yet."""


def newest_interrupted(client: Client, stage: AnyStage, request: Request) -> str | None:
    """ID of the newest run that ended early or died, and that these settings, this data and this code describe.

    A run that ended before it was described is recognised by its request. The log says which run it is.
    """
    settled = _settled(client, stage, request)
    run_id = (None if settled is None else _described(client, settled[1])) or newest_like(client, request)
    if run_id is None:
        log.info("resume = auto: no interrupted run of stage %s has these settings, so a new one begins", stage.name)
        if settled is not None:
            _name_nearest(client, stage, settled[0])
    else:
        log.info("resume = auto: run %s of stage %s is continued", run_id, stage.name)
    return run_id


def _name_nearest(client: Client, stage: AnyStage, config: StageConfig) -> None:
    """Log an interrupted run that differs in one or two settings: perhaps it is the one that is meant."""
    nearest = nearest_interrupted(client, stage.name, config.decisive())
    if nearest is not None and len(nearest[1]) <= NEAR_DIFFERENCES:
        run_id, differing = nearest
        log.info(
            "the nearest is run %s, which differs in %s. To continue it with its own settings, of which max_iters may "
            "change, pass resume=%s",
            run_id,
            ", ".join(differing) or "data or code",
            run_id,
        )


def _described(client: Client, fingerprint: str) -> str | None:
    for run in runs_like(client, fingerprint):
        if is_interrupted(run):
            return str(run.info.run_id)
    return None


def _settled(client: Client, stage: AnyStage, request: Request) -> tuple[StageConfig, str] | None:
    """The settings and the fingerprint of a run of the request; None if a result that it starts from does not exist."""
    if not isinstance(stage, TrainingStage):
        return None
    try:
        return Supplies(client, _make_nothing).settled(stage, request)
    except _MissingResultError:
        return None


def _make_nothing(request: Request) -> Outcome:
    raise _MissingResultError(request.stage)
