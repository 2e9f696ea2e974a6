"""The commands that write tables."""

from typing import TYPE_CHECKING, Any

import click

from analysis.commands.options import (
    BASELINE,
    CHECKPOINT,
    DOMAIN,
    plain_errors,
    print_table,
    runs_of_msl,
    single_option,
    split_names,
    table_options,
)

if TYPE_CHECKING:
    import pandas as pd

    from analysis.comparison import Published
    from analysis.seeds import SeedGroup

_METRICS = single_option(
    "--metrics",
    help="Columns, with commas between: mIoU, IoU/road, source/PA, target_loss, best/mIoU, ….",
)
_SPREAD = single_option(
    "--spread",
    type=click.Choice(["std", "t", "bootstrap"]),
    default="std",
    show_default=True,
    help="What follows a mean: the standard deviation, or its 95 % interval, which differences then have too.",
)
_LAYOUT = single_option(
    "--layout",
    type=click.Choice(["columns", "report"]),
    default="columns",
    show_default=True,
    help="Differences in columns of their own; or as the report's last table: with losses, differences in parentheses.",
)


@click.command()
@table_options
@BASELINE
@_METRICS
@_SPREAD
@_LAYOUT
@single_option(
    "--published",
    default="auto",
    show_default=True,
    help="Rows of the papers below ours: for the baseline's domains (auto), for others (gta5_cityscapes), or none.",
)
def table(experiment: str, form: str, store: str, baseline: str, metrics: str, published: str, **style: Any) -> None:
    """Compare seed groups: mean ± std over seeds, difference to the baseline, after the last step and at best."""
    with plain_errors():
        from analysis.comparison import REPORT_MEASURES, compare, comparison_table

        runs = _runs(store, experiment)
        names = REPORT_MEASURES if style["layout"] == "report" and not metrics else split_names(metrics)
        comparison = compare(runs, baseline, names)
        rows = _published(published, comparison.rows[0].group)
        print_table(comparison_table(comparison, published=rows, intervals=True, **style), form)


@click.command()
@table_options
@single_option("--baseline", help="Group to which the others' differences are shown; none if left out.")
@CHECKPOINT
@DOMAIN
def classes(experiment: str, form: str, store: str, **style: Any) -> None:
    """IoU of every class, a row a seed group."""
    with plain_errors():
        from analysis.comparison import class_table
        from analysis.store import open_store

        print_table(class_table(runs_of_msl(open_store(store), experiment), **style), form)


@click.command()
@table_options
@single_option("--parameter", required=True, help="Setting whose values are the rows, such as lambda_target.")
@single_option("--but", default="", help="Settings that may differ too, with commas between.")
@_METRICS
@_SPREAD
@_LAYOUT
def ablation(
    experiment: str, form: str, store: str, parameter: str, but: str, metrics: str, spread: Any, layout: Any
) -> None:
    """What one parameter does, between seed groups that agree in everything else."""
    with plain_errors():
        from analysis.comparison import ablation as compared_families
        from analysis.comparison import comparison_table
        from analysis.tables import joined

        families = compared_families(_runs(store, experiment), parameter, split_names(metrics), split_names(but) or ())
        tables = {
            name: comparison_table(
                comparison, spread, layout, label=parameter, caption=_family_caption(parameter, name)
            )
            for name, comparison in families.items()
        }
        if form == "csv":  # one header, for programs
            print_table(joined(tables, "with"), form)
            return
        for place, family in enumerate(tables.values()):
            if place:
                click.echo()
            print_table(family, form)


@click.command()
@table_options
@click.option("--claim", "ids", multiple=True, help="C1 to C12; may be given several times; all if left out.")
@CHECKPOINT
def claims(experiment: str, form: str, store: str, ids: tuple[str, ...], which: str) -> None:
    """Which of the report's claims our own runs support, with the numbers and the runs behind them."""
    with plain_errors():
        from analysis.claims import claim_table, find_claims, judge

        selected = find_claims(ids)
        print_table(claim_table(judge(_runs(store, experiment), selected, which), which), form)


def _runs(store: str, experiment: str | None) -> "pd.DataFrame":
    """The runs with their final losses."""
    from analysis.seeds import with_trends
    from analysis.store import open_store

    opened = open_store(store)
    return with_trends(opened, runs_of_msl(opened, experiment))


def _family_caption(parameter: str, family: str) -> str:
    return f"{parameter}{', with ' if family else ''}{family}; Δ to the first row"


def _published(benchmark: str, baseline: "SeedGroup") -> "list[Published]":
    from analysis.comparison import PUBLISHED, published_beside
    from analysis.errors import unknown

    if benchmark == "none":
        return []
    if benchmark == "auto":
        return published_beside(baseline)
    rows = [row for row in PUBLISHED if row.benchmark == benchmark]
    if not rows:
        raise unknown("published benchmark", benchmark, {row.benchmark for row in PUBLISHED})
    return rows
