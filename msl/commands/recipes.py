"""The list of recipes."""

from collections.abc import Iterator

import click

from msl.recipes import RECIPES, Recipe, find_recipe

_HEADER = ("recipe", "data", "network", "input", "iterations", "time")
# What docs/experiments.md says of the recipes that were run; the paper's are estimated from their iterations.
_TIMES = {"streets": "8 minutes, 2 CPU cores", "camvid_day_dusk": "15 minutes, 2 CPU cores"}
_OF_COPIES = "as camvid_day_dusk, and the copies"
_OF_PAPER = "1.5 days, GPU (estimated)"


@click.command("recipes")
def recipes() -> None:
    """List the recipes: data, network, size of the input, iterations of pretrain and adapt, time.

    `msl adapt --recipe NAME --dry_run true` prints every setting.
    """
    rows = [_HEADER, *(_row(name, find_recipe(name)) for name in RECIPES)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _row(name: str, recipe: Recipe) -> tuple[str, ...]:
    pretraining, adaptation = recipe.pretrain, recipe.adapt
    model = adaptation.model
    width, height = pretraining.source.crop_size
    return (
        name,
        f"{adaptation.source.source} → {adaptation.target.target}",
        f"{model.network} {model.backbone}{'' if model.width == 1 else f' x{model.width:g}'}",
        f"{width}x{height}",
        " + ".join(_iterations(recipe)),
        _TIMES.get(name) or (_OF_PAPER if model.backbone == "resnet101" else _OF_COPIES),
    )


def _iterations(recipe: Recipe) -> Iterator[str]:
    yield str(recipe.pretrain.schedule.stop(1))
    epochs, epoch_iters = recipe.adapt.schedule.epochs, recipe.adapt.schedule.epoch_iters
    yield f"{epochs} epochs" if epoch_iters is None else str(epochs * epoch_iters)
