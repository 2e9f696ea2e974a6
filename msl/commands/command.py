"""A command made of settings: its options, its call, and its error messages."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

import click
from pydantic.fields import FieldInfo

from msl import schema
from msl.commands.dry_run import print_settings
from msl.commands.options import setting_option
from msl.config import RequestConfig
from msl.console import JSON, TEXT, explained, guarded, masked, set_up
from msl.errors import MslError
from msl.once import OnceOption
from msl.world import world


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

# Resolves the settings that were typed, and carries the command out, or prints them in a dry run.
Work = Callable[[RequestConfig, dict[str, Any]], None]

_INSTEAD = {  # of an option of other commands: what this command has for it
    ("pretrain", "checkpoint"): "pretrain starts from ImageNet weights or from --weights FILE, and --resume RUN_ID "
    "continues a run. ",
}

# MLproject passes this value for a parameter that was not given; the recipe then decides.
FROM_RECIPE = "recipe"

CLICK_ERRORS = (click.ClickException, click.Abort, click.exceptions.Exit)  # click itself shows these

# `--lambda-target` and the original commands' `--IW_ratio` are the same options as `--lambda_target`, `--iw_ratio`.
_CONTEXT = {"token_normalize_func": lambda name: name.replace("-", "_").lower(), "max_content_width": 100}


class SettingsCommand(click.Command):
    """A command with an option for each setting."""

    def __init__(
        self,
        name: str,
        text: str,
        settings: Sequence[type[Settings]],
        work: Work,
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
            work: of the command; it gets the options of `RequestConfig` and the settings that were typed.
            request: options of `RequestConfig` that the command also has.
            fixed: settings that have no option because the command decides them.
            defaults: values that the help shows as defaults, if they are not those of the fields.
        """
        self.settings = tuple(settings)
        self._request, self._work = tuple(request), work
        fields = {option: RequestConfig.model_fields[option] for option in self._request}
        for part in settings:
            fields |= {option: field for option, field in part.options().items() if option not in fixed}
        shown = {option: field.default for option, field in fields.items()} | dict(defaults or {})
        options: list[click.Parameter] = [setting_option(o, field, shown[o]) for o, field in fields.items()]
        options.append(_log_format())
        super().__init__(name, callback=self._run, params=options, help=text, context_settings=_CONTEXT)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; an option that other commands have is told with them."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if (hint := self._elsewhere(error.option_name)) is not None:
                raise click.UsageError(f"No such option: {error.option_name}. {hint}", ctx) from error
            raise

    def _elsewhere(self, option: str) -> str | None:
        """What to type in place of an option that only other commands have."""
        from msl.commands.catalog import SECTIONS, find_command

        name = option.lstrip("-").replace("-", "_").lower()
        commands = (find_command(stage) for stage in SECTIONS["Stages"])
        owners = [command.name for command in commands if name in {parameter.name for parameter in command.params}]
        if not owners:
            return None
        instead = _INSTEAD.get((str(self.name), name), "")
        return f"{instead}These commands have it: {', '.join(map(str, owners))}."

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. An error that the user can correct gives a message and exit code 1, without a traceback."""
        with guarded(*CLICK_ERRORS):
            try:
                return super().invoke(ctx)
            except CLICK_ERRORS:
                raise
            except MslError as error:
                raise _ended(error, str(error)) from error
            except Exception as error:
                if (text := explained(error)) is None:
                    raise
                raise _ended(error, text) from error

    def _run(self, **typed: str | None) -> None:
        values = parse_options(typed)
        request = RequestConfig.of(**{option: values.pop(option) for option in self._request if option in values})
        self._work(request, values)


def _ended(error: Exception, text: str) -> click.ClickException:
    """What click shows of an error; it is noted in the run that `mlflow run` has made, if none of msl took it over."""
    if os.environ.get(schema.MLFLOW_RUN):
        from msl.tracking import note_failure

        note_failure(masked(f"{type(error).__name__}: {text}"))
    return click.ClickException(masked(text))


def _log_format() -> click.Option:
    """How messages are written; it sets the messages up before anything else happens."""
    return OnceOption(
        ["--log_format"],
        type=click.Choice([TEXT, JSON]),
        help="Messages as text, or as one JSON object a line.  [default: $MSL_LOG_FORMAT, or text]",
        is_eager=True,
        expose_value=False,
        callback=lambda context, option, value: set_up(value),
    )


def parse_options(typed: Mapping[str, str | None]) -> dict[str, str | None]:
    """The options that were typed, without those that the recipe decides; the word none becomes None."""
    values = {name: value for name, value in typed.items() if value is not None and value != FROM_RECIPE}
    return {name: None if value.lower() == "none" and name != "weights" else value for name, value in values.items()}


def settings_command(
    name: str,
    text: str,
    settings: type[S],
    carry_out: Callable[[S, RequestConfig], None],
    *,
    request: Iterable[str] = (),
    defaults: Callable[[RequestConfig, Mapping[str, Any]], Mapping[str, Any]] = lambda request, values: {},
    check: Callable[[S], None] = lambda config: None,
    kind: type[SettingsCommand] = SettingsCommand,
) -> SettingsCommand:
    """The command of one class of settings. Settings that are not typed have their defaults.

    Args:
        name: of the command.
        text: its help.
        settings: the class; each field becomes an option.
        carry_out: the work of the command. It does its own imports, so that ``--help`` and a bad option load no torch.
        request: options of `RequestConfig` that the command also has.
        defaults: other defaults, which depend on the request and on the settings that are typed.
        check: refuses settings that cannot be carried out, also in a dry run; it changes nothing.
        kind: the class of the command.
    """

    def work(call: RequestConfig, values: dict[str, Any]) -> None:
        if not world().is_first:
            return
        config = settings.of(**{**defaults(call, values), **values}).located()
        check(config)
        if call.dry_run:
            print_settings(config.flat())
        else:
            carry_out(config, call)

    return kind(name, text, [settings], work, request=request)
