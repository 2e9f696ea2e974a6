"""The commands that draw figures."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.commands.options import DOMAIN, EXPERIMENT, STORE, plain_errors, runs_of_msl, single_option, split_names
from analysis.errors import AnalysisError, unknown

if TYPE_CHECKING:
    import pandas as pd

    from analysis.seeds import SeedGroup

_GROUPS = click.option(
    "--group",
    "names",
    multiple=True,
    help="A group: its name, as a table shows it, or a part that no other name has; may be given several times; "
    "all if left out.",
)


@click.command()
@EXPERIMENT
@_GROUPS
@single_option(
    "--metrics",
    default="target/mIoU,source/mIoU,loss/source,loss/target",
    show_default=True,
    help="One plot each, with commas between; with --against, the one that is drawn (mIoU, best/PA, target_loss, …).",
)
@single_option("--axis", type=click.Choice(["step", "epoch"]), default="step", show_default=True)
@single_option("--smoothing", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True)
@click.option("--classes", is_flag=True, help="Bars of every class's IoU in place of curves.")
@single_option("--against", help="A parameter: every run's metric against it, in place of curves.")
@single_option("--output", type=click.Path(path_type=Path), default="curves", show_default=True, help="Without ending.")
@STORE
def curves(experiment: str, names: tuple[str, ...], output: Path, store: str, **style: Any) -> None:
    """Draw a figure over seed groups, as SVG and as PNG."""
    with plain_errors():
        from analysis.figures import class_bars, curve_plots, group_curves, replacement_note, save, scatter
        from analysis.seeds import find_measure, with_trends
        from analysis.store import open_store

        opened = open_store(store)
        runs = runs_of_msl(opened, experiment)
        metrics = split_names(style["metrics"]) or []
        if style["classes"]:
            figure = class_bars(list(_groups(runs, names).values()))
        elif style["against"]:
            runs = with_trends(opened, runs)
            measure = find_measure(metrics[0].removeprefix("target/"), runs)
            figure = scatter(list(_groups(runs, names).values()), style["against"], measure)
        else:
            by_metric = group_curves(opened, _groups(runs, names), metrics, style["axis"], style["smoothing"])
            if not by_metric:
                raise unknown("curve", style["metrics"], {str(column) for column in runs if "/" in str(column)})
            figure = curve_plots(by_metric, style["axis"])
        for file in save(figure, output):
            click.echo(file)
        if note := replacement_note([*_groups(runs, names), *metrics, style["against"] or ""]):
            click.echo(note, err=True)


@click.command()
@EXPERIMENT
@_GROUPS
@DOMAIN
@single_option("--output", type=click.Path(path_type=Path), default="panels.png", show_default=True)
@STORE
def panels(experiment: str, names: tuple[str, ...], domain: str, output: Path, store: str) -> None:
    """Put image, label and the predictions of several groups side by side."""
    with plain_errors():
        from analysis.figures import side_by_side
        from analysis.store import Artifacts, open_store

        groups = _groups(runs_of_msl(open_store(store), experiment), names)
        compared = side_by_side(Artifacts(store), list(groups.values()), domain)
        try:
            compared.picture.save(output)
        except (OSError, ValueError) as error:
            raise AnalysisError(f"{output} cannot be written: {error}") from error
        for line in (*compared.notes, str(output)):
            click.echo(line)


def _groups(runs: "pd.DataFrame", names: tuple[str, ...]) -> "dict[str, SeedGroup]":
    """The groups of these names, or all that have scores."""
    from analysis.seeds import find_seed_group, seed_groups

    groups = seed_groups(runs)
    return {group.name: group for group in (find_seed_group(name, groups) for name in names)} or {
        name: group for name, group in groups.items() if group.is_scored
    }
