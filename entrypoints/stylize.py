"""The stylize stage."""

import click

from entrypoints._options import training_command
from msl.recipes import Request


@training_command("stylize")
def main(request: Request) -> None:
    """Copy a domain in another style, labels linked; the copy's YAML file serves as source or target of any stage."""
    from msl.runs import run

    outcome = run(request)
    click.echo(f"{outcome.result}\n{outcome.made} images made; run {outcome.run_id}")


if __name__ == "__main__":
    main()
