"""The evaluate stage."""

import json

import click

from entrypoints._options import command, parsed, print_outcome
from msl.config import EvaluateConfig, RequestConfig, validated

_REQUEST = {name: RequestConfig.model_fields[name] for name in ("group", "dry_run")}


def _evaluate(**given: str | None) -> None:
    values = parsed(given)
    asked = validated(RequestConfig, {name: values.pop(name) for name in _REQUEST if name in values})
    config = EvaluateConfig.of(**values).located()
    if asked.dry_run:
        click.echo(json.dumps(config.flat(), indent=2))
        return
    from msl.stages.evaluate import evaluate

    outcome = evaluate(config, asked.group)
    print_outcome(outcome.run_id, outcome.metrics)


main = command(
    "evaluate",
    "Score a checkpoint on its own domains, or on others.",
    {**_REQUEST, **EvaluateConfig.options()},
    _evaluate,
)

if __name__ == "__main__":
    main()
