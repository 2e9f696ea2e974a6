"""The command that writes a report, and stores it in a run if asked to."""

import os
from pathlib import Path

import click

from msl import schema
from msl.commands.command import settings_command
from msl.config import ReportConfig, RequestConfig
from msl.errors import MslError

_STORE = "MLFLOW_TRACKING_URI"


def _report(config: ReportConfig, request: RequestConfig) -> None:
    if config.store is not None:
        os.environ[_STORE] = config.store  # so that the run with the report is there too
    from analysis.errors import AnalysisError
    from analysis.report import write_report

    store = os.environ.get(_STORE, "sqlite:///mlflow.db")
    try:
        files = write_report(store, config.experiment, config.baseline, Path(config.output))
    except AnalysisError as error:
        raise MslError(str(error)) from error
    for file in files:
        click.echo(file)
    if config.log:
        click.echo(f"stored in run {_log(config, files)}")


def _log(config: ReportConfig, files: list[Path]) -> str:
    """Log the files as artifacts of a new run; its ID."""
    from msl.tracking import connect, ending, open_run

    reporter = open_run(connect(), f"report {config.experiment}", {schema.STAGE: "report"})
    with ending(reporter):
        for file in files:
            folder = file.parent.relative_to(files[0].parent).as_posix()
            reporter.file(file, schema.REPORT_FOLDER if folder == "." else f"{schema.REPORT_FOLDER}/{folder}")
    return reporter.run_id


report = settings_command(
    "report",
    "Write the report of an experiment: runs, tables, curves, verdicts on the claims, panels.",
    ReportConfig,
    _report,
)
