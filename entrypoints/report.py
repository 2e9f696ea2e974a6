"""The report stage."""

from pathlib import Path

import click

from entrypoints._options import command, parsed
from msl import schema
from msl.config import ReportConfig, validated
from msl.errors import MslError


def _report(**given: str | None) -> None:
    config = validated(ReportConfig, parsed(given))
    import mlflow

    from analysis.errors import AnalysisError
    from analysis.written import report

    try:
        files = report(mlflow.get_tracking_uri(), config.experiment, config.baseline, Path(config.output))
    except AnalysisError as error:
        raise MslError(str(error)) from error
    for file in files:
        click.echo(file)
    if config.log:
        click.echo(f"kept by run {_keep(config, files)}")


def _keep(config: ReportConfig, files: list[Path]) -> str:
    """ID of the run that has the files as artifacts."""
    from msl.tracking import connect, ending, open_run

    reporter = open_run(connect(), f"report {config.experiment}", {schema.STAGE: "report"})
    with ending(reporter):
        for file in files:
            folder = file.parent.relative_to(files[0].parent).as_posix()
            reporter.file(file, schema.REPORT_FOLDER if folder == "." else f"{schema.REPORT_FOLDER}/{folder}")
    return reporter.run_id


main = command(
    "report",
    "Write an experiment's report: runs, tables, curves, verdicts on the claims, panels.",
    ReportConfig.model_fields,
    _report,
)

if __name__ == "__main__":
    main()
