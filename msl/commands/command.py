"""A command made of settings: its options, its dry run, its call, and its error messages."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

import click
from pydantic.fields import FieldInfo

from msl.commands.options import parse_options, setting_option
from msl.config import RequestConfig
from msl.errors import MslError


class Settings(Protocol):
    """The settings of a command: those of a stage, or a single group."""

    @classmethod
    def options(cls) -> dict[str, FieldInfo]:
        """The fields that a user sets, by name."""

    @classmethod
    def of(cls, **values: Any) -> Self:
        """The settings with these values, and the defaults of all others."""

    def located(self) -> Self:
        """The settings, resolved for this machine."""

    def flat(self) -> dict[str, Any]:
        """Every setting by its name, in values that JSON can hold."""


S = TypeVar("S", bound=Settings)

# From the options of `RequestConfig` and the settings that were typed to the resolved settings and the call.
Plan = Callable[[RequestConfig, dict[str, Any]], tuple[Settings, Callable[[], None]]]

# `--lambda-target` and the original commands' `--IW_ratio` are the same options as `--lambda_target`, `--iw_ratio`.
_CONTEXT = {"token_normalize_func": lambda name: name.replace("-", "_").lower(), "max_content_width": 100}


class SettingsCommand(click.Command):
    """A command with an option for each setting."""

    def __init__(
        self,
        name: str,
        text: str,
        settings: Sequence[type[Settings]],
        plan: Plan,
        *,
        request: Iterable[str] = (),
        fixed: Iterable[str] = (),
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        """Set it up.

        Args:
            name: of the command.
            text: its help.
            settings: classes of settings; each field becomes an option.
            plan: gives the resolved settings and the call.
            request: options of `RequestConfig` that the command also has.
            fixed: settings that have no option because the command decides them.
            defaults: values that the help shows as defaults, if they are not those of the fields.
        """
        self.settings = tuple(settings)
        self._request, self._plan = tuple(request), plan
        fields = {option: RequestConfig.model_fields[option] for option in self._request}
        for part in settings:
            fields |= {option: field for option, field in part.options().items() if option not in fixed}
        shown = {option: field.default for option, field in fields.items()} | dict(defaults or {})
        options: list[click.Parameter] = [setting_option(o, field, shown[o]) for o, field in fields.items()]
        super().__init__(name, callback=self._run, params=options, help=text, context_settings=_CONTEXT)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. An error that the user can correct gives a message and exit code 1, without a traceback."""
        logging.basicConfig(level=logging.WARNING, format="%(message)s")
        logging.getLogger("msl").setLevel(logging.INFO)
        try:
            return super().invoke(ctx)
        except MslError as error:
            raise click.ClickException(str(error)) from error

    def _run(self, **typed: str | None) -> None:
        values = parse_options(typed)
        request = RequestConfig.of(**{option: values.pop(option) for option in self._request if option in values})
        config, carry_out = self._plan(request, values)
        if request.dry_run:
            click.echo(json.dumps(config.flat(), indent=2))
        else:
            carry_out()


def settings_command(
    name: str,
    text: str,
    settings: type[S],
    carry_out: Callable[[S, RequestConfig], None],
    *,
    request: Iterable[str] = (),
    defaults: Callable[[RequestConfig], Mapping[str, Any]] = lambda request: {},
) -> SettingsCommand:
    """The command of one class of settings. Settings that are not typed have their defaults.

    Args:
        name: of the command.
        text: its help.
        settings: the class; each field becomes an option.
        carry_out: the work of the command. It does its own imports, so that ``--help`` and a bad option load no torch.
        request: options of `RequestConfig` that the command also has.
        defaults: other defaults, which depend on the request.
    """

    def plan(call: RequestConfig, values: dict[str, Any]) -> tuple[S, Callable[[], None]]:
        config = settings.of(**{**defaults(call), **values}).located()
        return config, lambda: carry_out(config, call)

    return SettingsCommand(name, text, [settings], plan, request=request)
