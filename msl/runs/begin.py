"""How a stage is run: from a request, by way of its data and the results that it starts from, to a finished run."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from msl import schema
from msl.config import StageConfig
from msl.data.titles import domain_title
from msl.inputs.checks import record_skipped
from msl.recipes import Request
from msl.runs.resume import resume
from msl.runs.supplies import AnyStage, Supplies, code_of, data_root, find_stage, fingerprint_of
from msl.runs.work import carry_out
from msl.stages.stage import Job, Outcome, TrainingStage
from msl.tracking import Recording, RunRecord, connect, describe, ending, open_run, recording, run_folder

log = logging.getLogger("msl")


def run(request: Request, nested_in: str | None = None) -> Outcome:
    """Run a stage, recorded on the tracking server; with `request.resume`, continue a run that ended early.

    Args:
        request: the stage, its recipe and its settings.
        nested_in: ID of the run that needs this one first.

    Raises:
        MslError: an error that the user can correct, found before training if possible. The run ends FAILED.
    """
    if nested_in is not None:
        return _start(Recording(connect()), request, nested_in)
    with recording(request.tracking, request.resume) as place:
        return _start(place, request)


def _start(place: Recording, request: Request, nested_in: str | None = None) -> Outcome:
    stage = find_stage(request.stage)
    if place.resumed is not None:
        return resume(place.client, stage, replace(request, resume=place.resumed), place.resumed)
    return _begin(place, stage, request, nested_in)


def _begin(place: Recording, stage: AnyStage, request: Request, nested_in: str | None) -> Outcome:
    client = place.client
    settings, group = request.settings, request.group_name(domain_title)
    tags = {schema.STAGE: stage.name, schema.RECIPE: request.recipe, schema.GROUP: group}
    reporter = open_run(client, stage.title(group, settings), tags, nested_in)
    place.adopt(reporter)
    log.info("%s: run %s, group %s", stage.name, reporter.run_id, group)
    with ending(reporter), run_folder(reporter.run_id) as folder:
        supplies = Supplies(client, lambda parent: run(parent, nested_in=reporter.run_id))
        values, data, needs = supplies.open_data(stage, request)
        config = settings.edit(**values)
        starts = supplies.starts(needs, data_root(config), folder / "start")
        changes = stage.values_from_starts(config, starts, request.overrides)
        group = _group_of(request, config, changes)
        config = config.edit(**changes)
        reporter.rename(stage.title(group, config))
        job = Job[Any, Any](group=group, config=config, data=data, starts=starts, reporter=reporter, folder=folder)
        _describe(stage, job, request)
        record_skipped(reporter, data.checks, folder)
        return carry_out(stage, job)


def _group_of(request: Request, config: StageConfig, values: Mapping[str, Any]) -> str:
    """The group, with the settings that a result changed: of a checkpoint with another network than the recipe's."""
    settings, full_settings = config.flat(), config.edit(**values).flat()
    changes = {name: value for name, value in values.items() if settings[name] not in (None, full_settings[name])}
    return replace(request, settings=request.settings.edit(**changes)).group_name(domain_title)


def _describe(stage: AnyStage, job: Job[Any, Any], request: Request) -> None:
    """Describe the run before it does anything."""
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
