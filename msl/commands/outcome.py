"""What a command prints after a run."""

import os
from collections.abc import Mapping

import click

from msl import schema
from msl.config.catalog import EXTRA_METRICS

# The scores that are printed, if they were computed.
_HEADLINE = (schema.MIOU, schema.MIOU_13, schema.FWIOU, schema.PA, *EXTRA_METRICS)


def print_outcome(run_id: str, metrics: Mapping[str, float]) -> None:
    """Print the most important scores, in percent, and where to find the others."""
    for domain in reversed(schema.DOMAINS):
        names = [name for name in _HEADLINE if schema.score(domain, name) in metrics]
        if names:
            click.echo(f"{domain}: " + ", ".join(f"{n} {metrics[schema.score(domain, n)]:.2f}" for n in names))
    click.echo(f"run {run_id}; {viewer()} shows it")


def viewer() -> str:
    """What shows the runs of the tracking store. Its address is not printed, since it may hold a password."""
    store = os.environ.get("MLFLOW_TRACKING_URI", "")
    if store.startswith("http"):
        return "the tracking server of MLFLOW_TRACKING_URI"
    return '`mlflow ui --backend-store-uri "$MLFLOW_TRACKING_URI"`' if store else "`mlflow ui`"
