"""A stage as a function: the settings of the command line by the same names, the outcome as a value."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from msl.config import EvaluateConfig, PackageConfig, PredictConfig, RequestConfig, StageConfig, ValidateConfig
from msl.config.catalog import STAGES
from msl.config.registry import unknown_name
from msl.errors import ConfigError
from msl.inputs.early import check_files, check_images, check_names, check_request, check_resumed
from msl.inputs.fitting import examined_data, find_request
from msl.runs import run as carry_out
from msl.serving import package, predict
from msl.stages.evaluate import evaluate
from msl.stages.stage import Outcome
from msl.stages.validate import validate

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
    **settings: Any,
) -> Outcome:
    """Run a stage, recorded on the tracking server that MLFLOW_TRACKING_URI names.

    Args:
        stage: as it is typed: adapt, pretrain, evaluate, …
        recipe: named set of defaults; None = that of the command line.
        group: name of the runs that differ by seed only; None = made from the settings.
        resume: ID of a run to continue.
        force: with `resume`: continue although the code has changed.
        tracking: online, offline or auto: whether a tracking server records the run, or this machine alone.
        settings: those of the command line, by the same names. A value is a number, a text as it is typed, a tuple,
            True, False, or None.

    Returns:
        The run's ID, its last scores by name, and the reference of its result.

    Raises:
        MslError: as on the command line, with the same message.
    """
    values = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    call = RequestConfig.of(**({} if recipe is None else {"recipe": recipe}), group=group, resume=resume)
    if stage in _USES:
        _refuse_what_it_lacks(stage, recipe=recipe, group=group, resume=resume)
        return _USES[stage](values, call)
    if stage == "deeplabv3p":
        stage, values = "adapt" if "checkpoint" in values else "pretrain", values | {"network": "deeplabv3plus"}
    if stage not in STAGES:
        raise ConfigError(f"stage = {stage!r}: {unknown_name(stage, [*STAGES, 'deeplabv3p', *_USES])}")
    request = find_request(stage=stage, recipe=call.recipe, overrides=values, group=group, resume=resume)
    if resume is None:
        check_request(request)
    else:
        check_resumed(resume)
    return carry_out(request)


def _refuse_what_it_lacks(stage: str, **options: str | None) -> None:
    for name, value in options.items():
        if value is not None and name not in _OPTIONS[stage]:
            raise ConfigError(f"{name} = {value}: stage {stage} has no such setting; leave it out")


def _checked(config: C) -> C:
    """The settings, resolved for this machine, after the checks that cost nothing."""
    resolved = config.located()
    check_names(resolved, {})
    check_files(resolved)
    check_images(resolved)
    return resolved


def _evaluate(values: _Settings, call: RequestConfig) -> Outcome:
    return evaluate(_checked(EvaluateConfig.of(**values)), call.group)


def _predict(values: _Settings, call: RequestConfig) -> Outcome:
    config = _checked(PredictConfig.of(**values))
    return Outcome(predict(config), result=str(config.predicted.output))


def _package(values: _Settings, call: RequestConfig) -> Outcome:
    packaged = package(_checked(PackageConfig.of(**values)))
    return Outcome(packaged.run_id, result=packaged.uri)


def _validate(values: _Settings, call: RequestConfig) -> Outcome:
    config = ValidateConfig.of(**{**examined_data(call.recipe, values), **values})
    return validate(_checked(config), call.group, log.info)


_USES: Mapping[str, Callable[[_Settings, RequestConfig], Outcome]] = {
    "evaluate": _evaluate,
    "predict": _predict,
    "package": _package,
    "validate": _validate,
}
_OPTIONS: Mapping[str, tuple[str, ...]] = {  # of `RequestConfig`, as on the command line
    "evaluate": ("group",),
    "predict": (),
    "package": (),
    "validate": ("recipe", "group"),
}
