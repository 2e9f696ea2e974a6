"""The commands that use a trained network, and those that check or prepare data before training."""

from collections.abc import Mapping
from shlex import quote
from typing import Any

import click

from msl.commands.command import settings_command
from msl.commands.outcome import print_outcome, viewer
from msl.config import (
    EvaluateConfig,
    PackageConfig,
    PredictConfig,
    PrepareConfig,
    RequestConfig,
    StageConfig,
    ValidateConfig,
)


def _check(config: StageConfig) -> None:
    """Check names and files at once: the work itself imports torch and opens a run."""
    from msl.inputs.early import check_files, check_images, check_names, check_stored

    check_names(config, {})
    check_files(config)
    check_images(config)
    check_stored(config)


def _evaluate(config: EvaluateConfig, request: RequestConfig) -> None:
    _check(config)
    from msl.stages.evaluate import evaluate

    outcome = evaluate(config, request.group)
    print_outcome(outcome.run_id, outcome.metrics)


def _predict(config: PredictConfig, request: RequestConfig) -> None:
    _check(config)
    from msl.serving import predict

    click.echo(f"run {predict(config)}; {viewer()} shows it")


def _package(config: PackageConfig, request: RequestConfig) -> None:
    _check(config)
    from msl.serving import package

    packaged = package(config)
    click.echo(f"{packaged.uri}, logged to run {packaged.run_id}")
    click.echo(f"to serve it: mlflow models serve --model-uri {quote(packaged.uri)} --env-manager local")


def _validate(config: ValidateConfig, request: RequestConfig) -> None:
    _check(config)
    from msl.stages.validate import validate

    outcome = validate(config, request.group, click.echo)
    click.echo(f"no problems found; run {outcome.run_id}")


def _prepare(config: PrepareConfig, request: RequestConfig) -> None:
    _check(config)
    from msl.stages.prepare import prepare

    prepare(config, click.echo)


def _prepared_for(request: RequestConfig, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The data settings of an adaptation with the recipe and these domains."""
    from msl.inputs.fitting import prepared_data  # it loads NumPy

    return prepared_data(request.recipe, values)


def _trained_on(request: RequestConfig, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The data settings of a training with the recipe; without a recipe, only the domain that is named."""
    from msl.inputs.fitting import examined_data  # it loads NumPy

    return examined_data(request.recipe, values)


evaluate = settings_command(
    "evaluate",
    "Score a checkpoint on its own domains, or on other domains.",
    EvaluateConfig,
    _evaluate,
    request=("group", "dry_run"),
)

predict = settings_command(
    "predict",
    "Predict images without labels: label PNGs, overlays, confidence. The exit code is 1 if an image cannot be read.",
    PredictConfig,
    _predict,
    request=("dry_run",),
)

package = settings_command(
    "package",
    "Make an MLflow model of a checkpoint, and log it to the run that trained it; with a name, also register it.",
    PackageConfig,
    _package,
    request=("dry_run",),
)

validate = settings_command(
    "validate",
    "Check every sample that a training with these domains would read. The exit code is 1 if one cannot be used.",
    ValidateConfig,
    _validate,
    request=("recipe", "group", "dry_run"),
    defaults=_trained_on,
)

prepare = settings_command(
    "prepare",
    "Resize the images and labels of a training once, before it needs them, and keep them in a folder.",
    PrepareConfig,
    _prepare,
    request=("recipe", "dry_run"),
    defaults=_prepared_for,
)
