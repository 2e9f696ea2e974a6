"""The commands that carry out many runs: a study, and a sweep."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from msl import schema
from msl.commands.command import SettingsCommand, settings_command
from msl.config import RequestConfig, StudyConfig, SweepConfig
from msl.errors import MslError

if TYPE_CHECKING:
    from msl.studies.graph import Graph
    from msl.studies.sweep import Sweep
    from msl.tracking import Client, MlflowReporter

_PICTURE = "parallel_coordinates"
_MOST_NAMES = 10  # of groups in a message


def _study(call: RequestConfig, values: dict[str, Any]) -> None:
    config = StudyConfig.of(**values)
    from msl.studies import find_study  # it loads torch and MLflow
    from msl.studies.conduct import conduct, plan_text
    from msl.studies.graph import Graph

    study = find_study(config.name, config.scale)
    if study.baseline is not None:
        _check_baseline(study.name, study.baseline, Graph.of(study))
    if call.dry_run:
        for line in plan_text(study, config):
            click.echo(line)
        return
    report = None if study.baseline is None else partial(_write_report, study.baseline)
    conduct(study, config, click.echo, report)


def _check_baseline(name: str, baseline: str, graph: "Graph") -> None:
    """Refuse a baseline that is no single group of the plan, before anything is trained."""
    from analysis.errors import AnalysisError
    from analysis.seeds import find_group

    groups = list(graph.names.values())
    try:
        find_group(baseline, dict(zip(groups, groups, strict=True)))
    except AnalysisError as error:
        raise MslError(
            f"study {name}: baseline = {baseline!r} is the name of no group of its plan, or a part of several names. "
            f"Choose one of: {'; '.join(groups[:_MOST_NAMES])}"
        ) from error


def _write_report(baseline: str, reporter: "MlflowReporter", folder: Path) -> None:
    """Write the report of the experiment into the study's parent run."""
    from analysis.errors import AnalysisError
    from analysis.report import write_report

    store = os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    experiment = reporter.client.get_experiment(reporter.info.experiment_id).name
    try:
        files = write_report(store, experiment, baseline, folder / "report.html")
    except AnalysisError as error:
        raise MslError(f"the report cannot be written: {error}") from error
    for file in files:
        reporter.file(file, schema.REPORT_FOLDER)


def _check_sweep(config: SweepConfig) -> None:
    from msl.studies.sweep import check_sweep  # it loads torch

    check_sweep(config)


def _sweep(config: SweepConfig, request: RequestConfig) -> None:
    from msl.studies.conduct import carry_out, go_on_if_interrupted  # it loads torch and MLflow
    from msl.studies.graph import Graph
    from msl.studies.sweep import Sweep

    go_on_if_interrupted(config.name, config, click.echo)
    graph, sweeps = Graph(), list["Sweep"]()

    def guided(client: "Client", folder: Path, slots: int) -> Sweep:
        sweeps.append(Sweep(config, graph, client, folder, slots))
        return sweeps[0]

    def report(reporter: "MlflowReporter", folder: Path) -> None:
        _write_sweep(config, sweeps[0], reporter, folder)

    carry_out(config.name, graph, config, click.echo, report, guided)


def _write_sweep(config: SweepConfig, sweep: "Sweep", reporter: "MlflowReporter", folder: Path) -> None:
    """Say which settings are best, and draw all of them."""
    from analysis.figures import parallel_coordinates, save

    reporter.tags({schema.SWEEP_METRIC: config.metric, schema.SWEEP_ORACLE: str(config.oracle).lower()})
    for file in save(parallel_coordinates(list(sweep.rows()), config.metric), folder / _PICTURE):
        reporter.file(file, schema.REPORT_FOLDER)
    if (best := sweep.best) is not None:
        settings = " ".join(f"{name}={value}" for name, value in best.params.items())
        choice = " (an oracle's choice: it needs target labels)" if config.oracle else ""
        click.echo(f"best {config.metric}{choice}: {best.value:.2f} with {settings}")


study = SettingsCommand(
    "study",
    "Carry out a study: many runs, what they share once. What has finished is not repeated; a study that was "
    "interrupted goes on with the same command.",
    [StudyConfig],
    _study,
    request=("dry_run",),
)

sweep = settings_command(
    "sweep",
    "Search for good settings of a stage: each trial is a run, chosen by Optuna from the scores so far, by a metric "
    "that needs no target labels.",
    SweepConfig,
    _sweep,
    request=("dry_run",),
    check=_check_sweep,
)
