"""The commands that list runs and carry whole experiments from one store to another."""

from pathlib import Path

import click

from analysis.commands.tables import STORE, told_plainly
from msl import schema

_MIOU = schema.final(schema.LAST, schema.score(schema.TARGET, schema.MIOU))
_SHOWN = ["run_id", "status", "start", schema.STAGE, schema.GROUP, _MIOU]


@click.command()
@click.option("--experiment", help="Name of the experiment; all if left out.")
@click.option("--format", "form", type=click.Choice(["text", "csv"]), default="text", show_default=True)
@STORE
def runs(experiment: str | None, form: str, store: str) -> None:
    """List runs: as text what tells them apart, as CSV every tag, parameter and last metric."""
    with told_plainly():
        from analysis import open_store
        from analysis.tables.formats import plain

        found = open_store(store).runs(experiment)
    if form == "csv":
        click.echo(found.to_csv(index=False), nl=False)
    elif found.empty:
        click.echo("no runs; `mlflow run . -e adapt --env-manager local` makes one")
    else:
        shown = found.reindex(columns=_SHOWN)
        shown["start"] = shown["start"].dt.strftime("%Y-%m-%d %H:%M")
        for column in (schema.STAGE, schema.GROUP):
            shown[column] = shown[column].map(plain, na_action="ignore")
        click.echo(shown.to_string(index=False, na_rep="", float_format="{:.2f}".format))


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--experiment", required=True, help="Name of the experiment.")
@click.option("--artifacts", is_flag=True, help="Fetch checkpoints, panels and tables too.")
@STORE
def write(folder: Path, experiment: str, artifacts: bool, store: str) -> None:
    """Write an experiment, every run and every logged row, into FOLDER as Parquet files."""
    with told_plainly():
        from analysis import open_store
        from analysis.store.export import export

        written = export(open_store(store), experiment, folder, store if artifacts else None)
    click.echo(f"{len(written)} runs with {written['rows'].sum()} rows of metrics are in {folder}")


@click.command("import")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--experiment", help="Name to give it there; its own if left out.")
@STORE
def read(folder: Path, experiment: str | None, store: str) -> None:
    """Put the experiment that `export` wrote into FOLDER into another store; runs get new IDs there."""
    with told_plainly():
        from analysis.store.load import load

        new = load(folder, store, experiment, click.echo)
    click.echo(f"{len(new)} runs are in {store}")
