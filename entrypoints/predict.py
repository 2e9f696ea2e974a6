"""The predict stage."""

import json

import click

from entrypoints._options import command, parsed
from msl.config import PredictConfig, RequestConfig, validated

_REQUEST = {"dry_run": RequestConfig.model_fields["dry_run"]}


def _predict(**given: str | None) -> None:
    values = parsed(given)
    asked = validated(RequestConfig, {name: values.pop(name) for name in _REQUEST if name in values})
    config = PredictConfig.of(**values)
    if asked.dry_run:
        click.echo(json.dumps(config.flat(), indent=2))
        return
    from msl.serving import predict

    run_id = predict(config)
    click.echo(f"run {run_id}; `mlflow ui` shows it")


main = command(
    "predict",
    "Predict images without labels: label PNGs, overlays, confidence; exit with 1 if some could not be read.",
    {**_REQUEST, **PredictConfig.options()},
    _predict,
)

if __name__ == "__main__":
    main()
