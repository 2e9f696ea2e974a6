"""The package stage."""

import json

import click

from entrypoints._options import command, parsed
from msl.config import PackageConfig, RequestConfig, validated

_REQUEST = {"dry_run": RequestConfig.model_fields["dry_run"]}


def _package(**given: str | None) -> None:
    values = parsed(given)
    asked = validated(RequestConfig, {name: values.pop(name) for name in _REQUEST if name in values})
    config = PackageConfig.of(**values)
    if asked.dry_run:
        click.echo(json.dumps(config.flat(), indent=2))
        return
    from msl.serving import package

    packaged = package(config)
    click.echo(f"{packaged.uri}, logged to run {packaged.run_id}")
    click.echo(f"to serve it: mlflow models serve --model-uri {packaged.uri} --env-manager local")


main = command(
    "package",
    "Make an MLflow model of a checkpoint, logged to the run that trained it; with a name, register it.",
    {**_REQUEST, **PackageConfig.options()},
    _package,
)

if __name__ == "__main__":
    main()
