"""A stage as a function: the settings of the command line by the same names, the outcome as a value."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from msl.config import EvaluateConfig, PackageConfig, PredictConfig, RequestConfig, StageConfig, ValidateConfig
from msl.config.catalog import STAGES
from msl.config.registry import unknown_name
from msl.errors import ConfigError
from msl.inputs.early import check_files, check_images, check_names, check_request, check_resumed, check_stored
from msl.inputs.fitting import examined_data, find_request
from msl.inputs.plan import plan_of
from msl.recipes.request import is_new
from msl.runs import run as carry_out
from msl.runs.following import follow
from msl.serving import package, predict
from msl.stages.evaluate import evaluate
from msl.stages.stage import Outcome
from msl.stages.validate import validate
from msl.world import world

log = logging.getLogger("msl")

C = TypeVar("C", bound=StageConfig)
_Settings = Mapping[str, Any]


def run(
    stage: str,
    *,
    recipe: str | None = None,
    group: str | None = None,
    resume: str | None = None,
    force: bool = False,
    tracking: str = "online",
    dry_run: bool = False,
    **settings: Any,
) -> Outcome:
    """Run a stage, recorded on the tracking server that MLFLOW_TRACKING_URI names.

    Args:
        stage: as it is typed: adapt, pretrain, evaluate, …
        recipe: named set of defaults; None = that of the command line.
        group: name of the runs that differ by seed only; None = made from the settings.
        resume: ID of a run to continue; auto = the newest interrupted run with these settings, or a new one.
        force: with `resume`: continue although the code has changed.
        tracking: online, offline or auto: whether a tracking server records the run, or this machine alone.
        dry_run: log the resolved settings and what the run would do, and do nothing else; the outcome names no run.
        settings: those of the command line, by the same names. A value is a number, a text as it is typed, a tuple,
            True, False, or None.

    Returns:
        The run's ID, its last scores by name, and the reference of its result. Under torchrun, the first process has
        them; the others train with it, and then their outcome names no run.

    Raises:
        MslError: as on the command line, with the same message.
    """
    values = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    call = RequestConfig.of(
        **({} if recipe is None else {"recipe": recipe}),
        **{"group": group, "resume": resume, "force": force, "tracking": tracking, "dry_run": dry_run},
    )
    if not world().is_first:
        if stage not in _USES and not dry_run:
            follow()
        return Outcome("")
    if stage in _USES:
        _refuse_what_it_lacks(stage, recipe is not None, call)
        config = _settings(stage, values, call)
        return _logged(config.located(), {}) if call.dry_run else _USES[stage][1](_checked(config), call)
    if stage == "deeplabv3p":
        stage = "adapt" if "checkpoint" in values else "pretrain"
        values |= {"network": "deeplabv3plus"} if is_new(resume) else {}
    if stage not in STAGES:
        raise ConfigError(f"stage = {stage!r}: {unknown_name(stage, [*STAGES, 'deeplabv3p', *_USES])}")
    request = find_request(
        stage=stage,
        recipe=call.recipe,
        overrides=values,
        group=group,
        resume=resume,
        force=call.force,
        tracking=call.tracking,
    )
    if call.dry_run:
        check_names(request.settings, request.base.styled)
        return _logged(request.settings, plan_of(request))
    if is_new(resume):
        check_request(request)
    else:
        check_resumed(str(resume))
    return carry_out(request)


def _logged(config: StageConfig, plan: _Settings) -> Outcome:
    """The outcome of a dry run."""
    for subject, text in plan.items():
        log.info("%s: %s", subject, text)
    log.info("%s", json.dumps(config.flat(), indent=2))
    return Outcome("")


def _refuse_what_it_lacks(stage: str, has_recipe: bool, call: RequestConfig) -> None:
    """Refuse options of `RequestConfig` that were given and that the stage does not read."""
    for name, field in RequestConfig.model_fields.items():
        value = getattr(call, name)
        is_default = not has_recipe if name == "recipe" else value == field.default
        if not is_default and name not in _OPTIONS[stage]:
            raise ConfigError(f"{name} = {value}: stage {stage} has no such setting; leave it out")


def _checked(config: C) -> C:
    """The settings, resolved for this machine, after the checks that cost nothing."""
    resolved = config.located()
    check_names(resolved, {})
    check_files(resolved)
    check_images(resolved)
    check_stored(resolved)
    return resolved


def _evaluate(config: EvaluateConfig, call: RequestConfig) -> Outcome:
    return evaluate(config, call.group)


def _predict(config: PredictConfig, call: RequestConfig) -> Outcome:
    return Outcome(predict(config), result=str(config.predicted.output))


def _package(config: PackageConfig, call: RequestConfig) -> Outcome:
    packaged = package(config)
    return Outcome(packaged.run_id, result=packaged.uri)


def _validate(config: ValidateConfig, call: RequestConfig) -> Outcome:
    return validate(config, call.group, log.info)


def _settings(stage: str, values: _Settings, call: RequestConfig) -> StageConfig:
    """The settings of a stage that uses a network or checks data."""
    examined = examined_data(call.recipe, values) if stage == "validate" else {}
    return _USES[stage][0].of(**{**examined, **values})


_USES: Mapping[str, tuple[type[StageConfig], Callable[[Any, RequestConfig], Outcome]]] = {
    "evaluate": (EvaluateConfig, _evaluate),
    "predict": (PredictConfig, _predict),
    "package": (PackageConfig, _package),
    "validate": (ValidateConfig, _validate),
}
_OPTIONS: Mapping[str, tuple[str, ...]] = {  # of `RequestConfig`, as on the command line
    "evaluate": ("group", "dry_run"),
    "predict": ("dry_run",),
    "package": ("dry_run",),
    "validate": ("recipe", "group", "dry_run"),
}
