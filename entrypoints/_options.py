"""Command-line options made of the settings: one for each field, with its description, its default and its bounds."""

import json
import logging
import types
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Literal, Union, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from msl import schema
from msl.config import RequestConfig, validated
from msl.config.catalog import EXTRA_METRICS
from msl.config.registry import Registry
from msl.errors import MslError
from msl.recipes import Request, find_recipe

# The value by which MLproject says that a parameter was not given, so that the recipe decides.
FROM_RECIPE = "recipe"

# The scores that are printed: these, and the extra ones that were computed.
_HEADLINE = (schema.MIOU, schema.MIOU_13, schema.FWIOU, schema.PA, *EXTRA_METRICS)
_METAVARS = {bool: "BOOLEAN", int: "INTEGER", float: "FLOAT"}

# `--lambda-target` and the original commands' `--IW_ratio` are the same options as `--lambda_target`, `--iw_ratio`.
_CONTEXT = {"token_normalize_func": lambda name: name.replace("-", "_").lower(), "max_content_width": 100}


def training_command(
    *stages: str, name: str | None = None, **fixed: Any
) -> Callable[[Callable[[Request], None]], click.Command]:
    """Decorator: the command of a training stage, from a function that carries its request out.

    The function is to import what it needs itself, so that ``--help`` and a bad option need no import of torch.

    Args:
        stages: the stage; or two, of which the second is meant where a checkpoint to start from is given.
        name: of the command, if it is not the stage's.
        fixed: settings that this command decides.
    """

    def decorate(carry_out: Callable[[Request], None]) -> click.Command:
        def callback(**given: str | None) -> None:
            values = parsed(given)
            asked = validated(RequestConfig, {k: values.pop(k) for k in RequestConfig.model_fields if k in values})
            request = Request(
                stage=stages[-1] if "checkpoint" in values else stages[0],
                recipe=asked.recipe,
                overrides=values if asked.resume else values | fixed,
                group=asked.group,
                resume=asked.resume,
            )
            config = request.settings()
            if asked.dry_run:
                click.echo(json.dumps(config.flat(), indent=2))
            else:
                carry_out(request)

        recipe = find_recipe(RequestConfig().recipe)
        fields, defaults = dict(RequestConfig.model_fields), dict[str, Any]()
        for config in (getattr(recipe, stage) for stage in reversed(stages)):
            fields |= {option: field for option, field in config.options().items() if option not in fixed}
            defaults |= config.flat()
        note = f"Defaults are the recipe's; those shown are of recipe {RequestConfig().recipe}."
        return command(name or stages[0], f"{carry_out.__doc__}\n\n{note}", fields, callback, defaults)

    return decorate


def command(
    name: str,
    text: str,
    fields: Mapping[str, FieldInfo],
    callback: Callable[..., None],
    defaults: Mapping[str, Any] | None = None,
) -> click.Command:
    """A command with an option for each field. Its callback gets the options as they were typed, or None.

    `defaults` are those shown, where they are not the fields' own.
    """
    own = {option: field.default for option, field in fields.items()}
    shown = own | dict(defaults or {})
    options: list[click.Parameter] = [_option(option, field, shown[option]) for option, field in fields.items()]
    return click.Command(
        name, callback=_with_plain_errors(callback), params=options, help=text, context_settings=_CONTEXT
    )


def parsed(given: Mapping[str, str | None]) -> dict[str, str | None]:
    """What was really given: without the options left out or left to the recipe; the word none means None."""
    values = {name: value for name, value in given.items() if value is not None and value != FROM_RECIPE}
    return {name: None if value.lower() == "none" and name != "weights" else value for name, value in values.items()}


def _option(name: str, field: FieldInfo, default: object) -> click.Option:
    shown = "" if field.is_required() else f"  [default: {spelled(default)}]"
    alone: dict[str, Any] = (
        {"is_flag": False, "flag_value": "true"} if _kind(field) is bool else {}
    )  # `--multi` is `--multi true`
    return click.Option(
        [f"--{name}"],
        help=f"{field.description}{shown}",
        metavar=metavar(field),
        required=field.is_required(),
        **alone,
    )


def spelled(value: object) -> str:
    """A value as one types it."""
    if isinstance(value, tuple):
        return ",".join(part if isinstance(part, str) else f"{part:g}" for part in value)
    return "none" if value is None else str(value)


def _kind(field: FieldInfo) -> Any:
    """The type of a field's value when there is one."""
    annotation: Any = field.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    return _bare(annotation)


def _bare(annotation: Any) -> Any:
    """A type without what Annotated adds to it."""
    return annotation.__origin__ if hasattr(annotation, "__metadata__") else annotation


def metavar(field: FieldInfo) -> str:
    """What stands for the option's value in its help."""
    kind = _kind(field)
    for registry in (part for part in field.metadata if isinstance(part, Registry)):
        return f"[{'|'.join(registry.choices)}]"
    if get_origin(kind) is Literal:
        return f"[{'|'.join(map(str, get_args(kind)))}]"
    if get_origin(kind) is tuple:
        return _list_metavar(*get_args(kind))
    return _METAVARS.get(kind, "TEXT")


def _list_metavar(first: Any, last: Any) -> str:
    if last is not Ellipsis:
        return "WIDTH,HEIGHT"
    return "NAME,NAME,…" if _bare(first) is str else "NUMBER,NUMBER,…"


def _with_plain_errors(callback: Callable[..., None]) -> Callable[..., None]:
    """What a user can mend is told in one message and exit code 1, not in a traceback."""

    @wraps(callback)
    def guarded(**given: Any) -> None:
        logging.basicConfig(level=logging.WARNING, format="%(message)s")
        logging.getLogger("msl").setLevel(logging.INFO)
        try:
            callback(**given)
        except MslError as error:
            raise click.ClickException(str(error)) from error

    return guarded


def print_outcome(run_id: str, metrics: Mapping[str, float]) -> None:
    """The scores that matter, in percent, and where the rest is."""
    for domain in reversed(schema.DOMAINS):
        names = [name for name in _HEADLINE if schema.score(domain, name) in metrics]
        if names:
            click.echo(f"{domain}: " + ", ".join(f"{n} {metrics[schema.score(domain, n)]:.2f}" for n in names))
    click.echo(f"run {run_id}; `mlflow ui` shows it")
