"""The train_style stage."""

import click

from entrypoints._options import training_command
from msl.recipes import Request


@training_command("train_style")
def main(request: Request) -> None:
    """Train an AdaIN decoder: to draw content images in the style of others."""
    from msl.runs import run

    click.echo(f"run {run(request).run_id}; `mlflow ui` shows its pictures")


if __name__ == "__main__":
    main()
