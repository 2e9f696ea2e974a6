"""How a stage is run: from a request, by way of its data and the results that it starts from, to a finished run."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msl import schema
from msl.config import StageConfig
from msl.data.titles import domain_title
from msl.errors import ConfigError
from msl.inputs.checks import record_skipped
from msl.recipes import Request
from msl.recipes.request import NEWEST, is_new
from msl.runs.interrupted import newest_interrupted
from msl.runs.launching import launched, process_count
from msl.runs.leading import leading
from msl.runs.machine import with_processes
from msl.runs.requests import drop_request, save_request, saved_request
from msl.runs.resume import is_described, refuse_other_stage, resume
from msl.runs.supplies import AnyStage, Supplies, code_of, data_root, find_stage, fingerprint_of, named_starts
from msl.runs.work import carry_out
from msl.stages.stage import Job, Outcome, Start, TrainingStage
from msl.tracking import (
    STARTS_FOLDER,
    Client,
    MlflowReporter,
    Recording,
    RunRecord,
    connect,
    describe,
    ending,
    journal_of,
    open_run,
    recording,
    reopen,
    reopened,
    run_folder,
    take,
)

log = logging.getLogger("msl")


def run(request: Request, nested_in: str | None = None) -> Outcome:
    """Run a stage, recorded on the tracking server; with `request.resume`, continue a run that ended early.

    Args:
        request: the stage, its recipe and its settings.
        nested_in: ID of the run that needs this one first.

    Raises:
        MslError: an error that the user can correct, found before training if possible. What costs little is checked
            before a run is opened; of later errors, the run ends FAILED.
    """
    if nested_in is not None:
        return _run_in(Recording(connect()), with_processes(request), nested_in)
    if (count := process_count(request)) > 1:
        return launched(request, count)
    with leading():
        return _run(with_processes(request))


def _run(request: Request) -> Outcome:
    if is_new(request.resume):
        with recording(request.tracking, None) as place:
            return _run_in(place, request)
    with recording(request.tracking, request.resume) as place:
        return _run_in(place, replace(request, resume=place.resumed))


def _run_in(place: Recording, request: Request, nested_in: str | None = None) -> Outcome:
    """Run a stage in a store; its folder stays if another run needs it."""
    stage, run_id = find_stage(request.stage), request.resume
    if run_id == NEWEST:
        run_id = newest_interrupted(place.client, stage, request)
    if run_id is None:
        return _begin(place, stage, request, nested_in)
    request_then = saved_request(run_id)
    if request_then is not None and not is_described(place.client, run_id):
        return _begin_again(place.client, stage, request, request_then, run_id)
    overrides = {} if request.resume == NEWEST else request.overrides
    resumed = replace(request, resume=run_id, overrides=overrides)
    return resume(place.client, stage, resumed, run_id, stays=nested_in is not None)


def _begin(place: Recording, stage: AnyStage, request: Request, nested_in: str | None) -> Outcome:
    with _checked(place.client, stage, request) as named:
        group = request.group_name(domain_title)
        tags = {schema.STAGE: stage.name, schema.RECIPE: request.recipe, schema.GROUP: group}
        reporter = open_run(place.client, stage.title(group, request.settings), tags, nested_in)
        place.adopt(reporter)
        with _ending(stage, reporter), run_folder(reporter.run_id, stays=nested_in is not None) as folder:
            return _conduct(stage, request, reporter, folder, named, made_by=request.resume)


def _begin_again(client: Client, stage: AnyStage, request: Request, request_then: Request, run_id: str) -> Outcome:
    """Begin a run again that ended before it was described: nothing of it exists but its request.

    Raises:
        ConfigError: other settings are given.
        TrackingError: the run is of another stage, or another process is training it.
    """
    refuse_other_stage(run_id, request_then.stage, request.stage)
    request_then = with_processes(request_then)
    if request.resume != NEWEST and request.overrides:
        raise ConfigError(
            f"resume = {run_id}: the run ended before its training began, and begins again as it was given. Leave out "
            f"{', '.join(request.overrides)}, or start a new run."
        )
    with run_folder(run_id) as folder, _checked(client, stage, request_then) as named:
        reporter = reopened(client, run_id)
        take(client, run_id)
        with _ending(stage, reporter):
            reopen(reporter)
            return _conduct(stage, request_then, reporter, folder, named, made_by=NEWEST)


def _ending(stage: AnyStage, reporter: MlflowReporter) -> AbstractContextManager[None]:
    return ending(reporter, is_resumable=isinstance(stage, TrainingStage))


@contextmanager
def _checked(client: Client, stage: AnyStage, request: Request) -> Iterator[dict[str, Start]]:
    """The results that the settings name, on this machine for the block, after what can be checked without a run."""
    with TemporaryDirectory() as downloads:
        named = named_starts(client, stage, request, Path(downloads))
        stage.check(request, named)
        yield named


def _conduct(
    stage: AnyStage,
    request: Request,
    reporter: MlflowReporter,
    folder: Path,
    named: Mapping[str, Start],
    made_by: str | None = None,
) -> Outcome:
    """Find or make what the stage needs, describe the run, and do its work.

    Args:
        stage: of the run.
        request: of the run.
        reporter: of the run.
        folder: of the run.
        named: results that the settings name, by setting.
        made_by: NEWEST = a stage that must run first continues its newest interrupted run.
    """
    save_request(request, folder)
    # The server is asked for `info` now: it may be away after another stage has run.
    log.info("%s: run %s, group %s", stage.name, reporter.info.run_id, request.group_name(domain_title))
    supplies = Supplies(reporter.client, lambda parent: run(replace(parent, resume=made_by), nested_in=reporter.run_id))
    values, data, needs = supplies.open_data(stage, request)
    config = request.settings.edit(**values)
    starts = supplies.starts(needs, named, data_root(config), folder / STARTS_FOLDER)
    if supplies.has_made:
        journal_of(reporter, folder)
    changes = stage.values_from_starts(config, starts, request.overrides)
    group = _group_of(request, config, changes)
    config = config.edit(**changes)
    reporter.rename(stage.title(group, config))
    job = Job[Any, Any](group=group, config=config, data=data, starts=starts, reporter=reporter, folder=folder)
    fingerprint = _describe(stage, job, request)
    drop_request(folder)
    record_skipped(reporter, data.checks, folder)
    return replace(carry_out(stage, job), fingerprint=fingerprint)


def _group_of(request: Request, config: StageConfig, values: Mapping[str, Any]) -> str:
    """The group, with the settings that a result changed: of a checkpoint with another network than the recipe's."""
    settings, full_settings = config.flat(), config.edit(**values).flat()
    changes = {name: value for name, value in values.items() if settings[name] not in (None, full_settings[name])}
    return replace(request, settings=request.settings.edit(**changes)).group_name(domain_title)


def _describe(stage: AnyStage, job: Job[Any, Any], request: Request) -> str:
    """Describe the run before it does anything; gives its fingerprint."""
    record = RunRecord(
        stage=stage.name,
        recipe=request.recipe,
        group=job.group,
        settings=job.config.flat(),
        data=job.data.digests(),
        start=job.starts["checkpoint"].reference if "checkpoint" in job.starts else None,
        starts={setting: start.reference for setting, start in job.starts.items()},
        reasons=request.reasons,
        **stage.record(job),
    )
    tags = job.data.tags() | stage.tags(job.starts) | {schema.GROUP: job.group}
    if isinstance(stage, TrainingStage):
        tags[schema.FINGERPRINT] = fingerprint_of(stage, job.config, job.data, job.starts)
        tags[schema.CODE_DIGEST] = code_of(stage, job.config, job.data)
    describe(job.reporter, job.config.flat(), record, tags, job.data.inputs)
    return str(tags.get(schema.FINGERPRINT, ""))
