"""What a command prints in a dry run, in which it does nothing else."""

import json
from collections.abc import Mapping
from typing import Any

import click


def print_settings(settings: Mapping[str, Any]) -> None:
    """Print the resolved settings, by name, as JSON."""
    click.echo(json.dumps(settings, indent=2))
