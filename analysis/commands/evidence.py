"""The commands that take gains apart, judge criteria and plan seeds."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.commands.options import (
    BASELINE,
    plain_errors,
    print_table,
    runs_of_msl,
    single_option,
    split_names,
    table_options,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


_MEASURE = single_option("--metric", default="mIoU", show_default=True, help="Score: mIoU, IoU/road, best/mIoU, ….")
_FIGURE = single_option(
    "--figure", type=click.Path(path_type=Path), help="Draw it too, into this file with .svg and .png; no ending."
)


@click.command()
@table_options
@_MEASURE
@single_option(
    "--supervised",
    help="Group that learned from labels of the target: also show how much of the way to it each group goes.",
)
@_FIGURE
def attribution(
    experiment: str, form: str, store: str, metric: str, supervised: str | None, figure: Path | None
) -> None:
    """Take the gain of each adaptation apart: statistics, further source steps, objective."""
    with plain_errors():
        from analysis.comparison import Gap, attribution_table
        from analysis.comparison import attribution as taken_apart
        from analysis.figures import gains_plot
        from analysis.seeds import find_measure, find_seed_group, seed_groups
        from analysis.store import open_store

        runs = runs_of_msl(open_store(store), experiment)
        parts, measure = taken_apart(runs, metric), find_measure(metric, runs)
        gap = None if supervised is None else Gap(find_seed_group(supervised, seed_groups(runs)), measure)
        print_table(attribution_table(parts, measure, gap), form)
        if figure is not None:
            _save(gains_plot(parts, measure), figure)


@click.command()
@table_options
@single_option(
    "--among",
    type=click.Choice(["checkpoints", "runs"]),
    default="checkpoints",
    show_default=True,
    help="What is chosen from: the evaluations of each run, or runs that share parent and seed.",
)
@single_option("--stage", help="Only runs of this stage, such as adapt; all if left out.")
@_FIGURE
def selectors(experiment: str, form: str, store: str, among: Any, stage: str | None, figure: Path | None) -> None:
    """How well criteria choose that need no target labels: the regret of each."""
    with plain_errors():
        from analysis.comparison import selector_table
        from analysis.comparison import selectors as judged
        from analysis.figures import regrets_plot
        from analysis.store import open_store

        opened = open_store(store)
        criteria = judged(opened, _of_stage(runs_of_msl(opened, experiment), stage), among)
        print_table(selector_table(criteria, among), form)
        if figure is not None:
            _save(regrets_plot(criteria), figure)


@click.command()
@table_options
@BASELINE
@_MEASURE
@single_option("--differences", default="0.5,1,2", show_default=True, help="Differences to find, with commas between.")
@single_option(
    "--power", type=click.FloatRange(0.05, 0.999), default=0.8, show_default=True, help="Probability of finding them."
)
def power(experiment: str, form: str, store: str, baseline: str, metric: str, differences: str, power: float) -> None:
    """How many seeds a difference needs, from the spread that groups show."""
    with plain_errors():
        from analysis.comparison import compare, power_table
        from analysis.store import open_store

        comparison = compare(runs_of_msl(open_store(store), experiment), baseline, [metric])
        print_table(power_table(comparison, _numbers(differences), power), form)


def _of_stage(runs: "pd.DataFrame", stage: str | None) -> "pd.DataFrame":
    from analysis.errors import unknown
    from msl import schema

    if stage is None:
        return runs
    stages = {str(name) for name in runs[schema.STAGE].dropna()} if schema.STAGE in runs else set()
    if stage not in stages:
        raise unknown("stage", stage, stages)
    return runs[runs[schema.STAGE] == stage]


def _numbers(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in split_names(text) or ()]
    except ValueError:
        numbers = []
    if not numbers or not all(0 < number < float("inf") for number in numbers):
        raise click.BadParameter("pass numbers above 0 with commas between, such as 0.5,1", param_hint="--differences")
    return numbers


def _save(figure: "Figure", path: Path) -> None:
    from analysis.figures import save

    for file in save(figure, path):
        click.echo(file, err=True)
