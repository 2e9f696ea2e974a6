"""The validate stage."""

import json

import click

from entrypoints._options import command, parsed
from msl.config import RequestConfig, ValidateConfig, validated
from msl.recipes import find_recipe

_REQUEST = {name: RequestConfig.model_fields[name] for name in ("recipe", "group", "dry_run")}


def _validate(**given: str | None) -> None:
    values = parsed(given)
    asked = validated(RequestConfig, {name: values.pop(name) for name in _REQUEST if name in values})
    trained = find_recipe(asked.recipe).adapt.flat()
    config = ValidateConfig.of(**{name: trained[name] for name in ValidateConfig.options() if name in trained} | values)
    if asked.dry_run:
        click.echo(json.dumps(config.flat(), indent=2))
        return
    from msl.stages.validate import validate

    outcome = validate(config, asked.group, click.echo)
    click.echo(f"nothing to complain of; run {outcome.run_id}")


main = command(
    "validate",
    "Check every sample that a training with these domains would read; exit with 1 if one cannot be used.",
    {**_REQUEST, **ValidateConfig.options()},
    _validate,
)

if __name__ == "__main__":
    main()
