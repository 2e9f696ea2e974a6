"""``serve users``: the accounts of a service, so that nobody types REST."""

from typing import Any

import click

from msl.commands.command import SettingsCommand, settings_command
from msl.config import RequestConfig
from msl.service.settings import AccountConfig, GrantConfig, PasswordConfig, StorageConfig


class ServeCommand(SettingsCommand):
    """The command of the server, which has a group of commands besides: ``serve users …``."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of the server, or of the group if that is typed."""
        if args[:1] == [users.name]:
            return users.make_context(f"{info_name} {users.name}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run what was typed."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)


def _add(config: PasswordConfig, request: RequestConfig) -> None:
    from msl.service.users import add

    click.echo(f"made the account {config.name}{_shown(config, add(config))}")


def _remove(config: AccountConfig, request: RequestConfig) -> None:
    from msl.service.users import remove

    remove(config)
    click.echo(f"removed the account {config.name}; a server notices within a minute")


def _password(config: PasswordConfig, request: RequestConfig) -> None:
    from msl.service.users import change_password

    text = f"changed the password of {config.name}{_shown(config, change_password(config))}"
    click.echo(f"{text}\nA server takes the old one for another minute.")


def _grant(config: GrantConfig, request: RequestConfig) -> None:
    from msl.service.users import grant

    grant(config)
    click.echo(f"{config.name}: {config.permission or 'no grant'} on {config.experiment or config.model}")


def _list(config: StorageConfig, request: RequestConfig) -> None:
    from msl.service.users import listing

    click.echo("\n".join(listing(config)))


def _shown(config: PasswordConfig, password: str) -> str:
    return "" if config.password_file else f"; its password, which is shown only now: {password}"


_COMMANDS = (
    settings_command("add", "Make an account that can read.", PasswordConfig, _add),
    settings_command("remove", "Delete an account; its runs stay.", AccountConfig, _remove),
    settings_command("password", "Give an account another password.", PasswordConfig, _password),
    settings_command("grant", "Say what an account may do with an experiment or a model.", GrantConfig, _grant),
    settings_command("list", "List the accounts and what they were granted.", StorageConfig, _list),
)
users = click.Group(
    "users",
    {str(command.name): command for command in _COMMANDS},
    help="Make, change and list the accounts of a service.",
)
