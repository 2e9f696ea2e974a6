"""What a command prints in a dry run, in which it does nothing else."""

import json
from collections.abc import Mapping
from typing import Any

import click


def print_plan(plan: Mapping[str, str]) -> None:
    """Print what a run would do. It goes to the terminal, beside the settings that a program may read."""
    width = max(map(len, plan))
    for subject, text in plan.items():
        click.echo(f"{subject:{width}}  {text}", err=True)


def print_settings(settings: Mapping[str, Any]) -> None:
    """Print the resolved settings, by name, as JSON."""
    click.echo(json.dumps(settings, indent=2))
