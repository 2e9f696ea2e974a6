"""The commands that write tables. Each reads a store, makes a sheet and prints it."""

import os
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from analysis.errors import AnalysisError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from analysis.comparison.published import Published
    from analysis.tables.table import Sheet

F = TypeVar("F", bound=Callable[..., Any])

STORE = click.option(
    "--store",
    default=lambda: os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db"),
    help="URI of the run store: a database or a server.  [default: $MLFLOW_TRACKING_URI, or sqlite:///mlflow.db]",
)
_SHARED = (
    click.option("--experiment", help="Name of the experiment; all if left out."),
    click.option(
        "--format",
        "form",
        type=click.Choice(["text", "markdown", "latex", "csv", "html"]),
        default="text",
        show_default=True,
    ),
    STORE,
)
_METRICS = click.option(
    "--metrics",
    help="Columns, with commas between: mIoU, IoU/road, source/PA, target_loss, best/mIoU, ….",
)
_SPREAD = click.option(
    "--spread",
    type=click.Choice(["std", "t", "bootstrap"]),
    default="std",
    show_default=True,
    help="Behind a mean: the standard deviation, or its 95 % interval, which differences then have too.",
)
_LAYOUT = click.option(
    "--layout",
    type=click.Choice(["columns", "report"]),
    default="columns",
    show_default=True,
    help="Differences in columns of their own; or the report's last table: losses too, differences in parentheses.",
)


def _shared(command: F) -> F:
    for option in reversed(_SHARED):
        command = option(command)
    return command


@click.command()
@_shared
@click.option("--baseline", required=True, help="Group to compare with: its name, or a part that no other has.")
@_METRICS
@_SPREAD
@_LAYOUT
@click.option(
    "--published",
    default="auto",
    show_default=True,
    help="Rows of the papers below ours: of the baseline's own domains (auto), of others (gta5_cityscapes), or none.",
)
def table(experiment: str, form: str, store: str, baseline: str, metrics: str, published: str, **style: Any) -> None:
    """Compare seed groups: mean ± std over seeds, difference to the baseline, after the last step and at best."""
    with told_plainly():
        from analysis.comparison import compare as tables

        runs = _runs(store, experiment)
        wanted = tables.REPORT_MEASURES if style["layout"] == "report" and not metrics else _listed(metrics)
        comparison = tables.compare(runs, baseline, wanted)
        _print(tables.sheet(comparison, published=_published(published, comparison.rows[0].group), **style), form)


@click.command()
@_shared
@click.option("--baseline", help="Group to which the others' differences are shown; none if left out.")
@click.option("--which", type=click.Choice(["last", "best"]), default="last", show_default=True, help="Checkpoint.")
@click.option("--domain", type=click.Choice(["target", "source"]), default="target", show_default=True)
def classes(experiment: str, form: str, store: str, **chosen: Any) -> None:
    """IoU of every class, a row a seed group."""
    with told_plainly():
        from analysis import open_store
        from analysis.comparison.classes import classes as sheet_of

        _print(sheet_of(open_store(store).runs(experiment), **chosen), form)


@click.command()
@_shared
@click.option("--parameter", required=True, help="Setting whose values are the rows, such as lambda_target.")
@click.option("--but", default="", help="Settings that may differ along with it, with commas between.")
@_METRICS
@_SPREAD
@_LAYOUT
def ablation(
    experiment: str, form: str, store: str, parameter: str, but: str, metrics: str, spread: Any, layout: Any
) -> None:
    """What one parameter does, between seed groups that agree in everything else."""
    with told_plainly():
        from analysis.comparison import compare as tables
        from analysis.comparison.ablation import ablation as families_of
        from analysis.tables.table import joined

        wanted = _listed(metrics) or ("mIoU", "fwIoU", "PA")
        families = families_of(_runs(store, experiment), parameter, wanted, _listed(but) or ())
        sheets = {
            name: tables.sheet(comparison, spread, layout, label=parameter, caption=_ablated(parameter, name))
            for name, comparison in families.items()
        }
        if form == "csv":  # one header, for programs
            _print(joined(sheets, "with"), form)
            return
        for number, sheet in enumerate(sheets.values()):
            _print(sheet, form, after=number > 0)


@click.command()
@_shared
@click.option("--claim", "ids", multiple=True, help="C1 to C12; may be given several times; all if left out.")
@click.option("--which", type=click.Choice(["last", "best"]), default="last", show_default=True, help="Checkpoint.")
def claims(experiment: str, form: str, store: str, ids: tuple[str, ...], which: str) -> None:
    """Which of the report's claims our own runs support, with the numbers and the runs behind them."""
    with told_plainly():
        from analysis.claims.table import sheet
        from analysis.claims.verdicts import find_claims, judge

        chosen = find_claims(ids)
        _print(sheet(judge(_runs(store, experiment), chosen, which), which), form)


def _runs(store: str, experiment: str | None) -> "pd.DataFrame":
    """The runs with their final losses."""
    from analysis import open_store
    from analysis.seeds.trends import with_courses

    opened = open_store(store)
    return with_courses(opened, opened.runs(experiment))


def _ablated(parameter: str, family: str) -> str:
    return f"{parameter}{', with ' if family else ''}{family}; Δ to the first row"


def _listed(names: str | None) -> Sequence[str] | None:
    return [name.strip() for name in names.split(",") if name.strip()] if names else None


def _published(asked: str, baseline: Any) -> "list[Published]":
    from analysis.comparison.compare import beside
    from analysis.comparison.published import PUBLISHED
    from analysis.errors import unknown

    if asked == "none":
        return []
    if asked == "auto":
        return beside(baseline)
    rows = [row for row in PUBLISHED if row.benchmark == asked]
    if not rows:
        raise unknown("published benchmark", asked, {row.benchmark for row in PUBLISHED})
    return rows


def _print(sheet: "Sheet", form: str, after: bool = False) -> None:
    from analysis.tables.formats import FORMATS

    click.echo(("\n" if after else "") + FORMATS[form](sheet))


@contextmanager
def told_plainly() -> "Iterator[None]":
    """What analysis refuses, as a line and not as a traceback."""
    try:
        yield
    except AnalysisError as error:
        from analysis.tables.formats import plain

        raise click.ClickException(plain(str(error))) from error
