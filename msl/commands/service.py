"""The commands of the tracking service."""

from typing import Any

import click

from msl.commands.command import SettingsCommand, settings_command
from msl.commands.users import ServeCommand
from msl.config import RequestConfig, SyncConfig
from msl.errors import ServiceError, TrackingError
from msl.service.settings import BackupConfig, CleanConfig, RestoreConfig, ServeConfig


def _serve(config: ServeConfig, request: RequestConfig) -> None:
    from msl.service.server import serve
    from msl.tracking.watch import watch_over

    serve(config, watch_over)


def _prepare_store(request: RequestConfig, values: dict[str, Any]) -> None:
    from msl.tracking import connect

    connect()
    click.echo("the run store has its tables: any number of runs may start at once")


def _backup(config: BackupConfig, request: RequestConfig) -> None:
    from msl.service.backup import back_up
    from msl.service.snapshots import check_all

    if not config.check:
        back_up(config, click.echo)
        return
    verdicts = check_all(config.backup)
    for verdict in verdicts:
        click.echo(verdict.text)
    if damaged := [verdict.name for verdict in verdicts if not verdict.is_whole]:
        raise ServiceError(
            f"{len(damaged)} of {len(verdicts)} snapshots are damaged: {', '.join(damaged)}. The next backup copies "
            "again what the service still has; move the folder of a snapshot away if it stays damaged"
        )


def _restore(config: RestoreConfig, request: RequestConfig) -> None:
    from msl.service.backup import restore

    restore(config, click.echo)


def _clean(config: CleanConfig, request: RequestConfig) -> None:
    from msl.service.retention import clean
    from msl.tracking import connect

    clean(connect(), config, click.echo)


def _sync(config: SyncConfig, request: RequestConfig) -> None:
    from msl.tracking import connect
    from msl.tracking.sync import sync

    unsent = 0
    for result in sync(connect(), config.run):
        click.echo(f"run {result.run_id}: {result.text}")
        unsent += not result.is_done
    if unsent:
        raise TrackingError(f"{unsent} runs could not be sent: give the command again when the server answers")


serve = settings_command(
    "serve",
    "Run MLflow's tracking server with accounts. `serve users --help` tells how to make and change accounts.",
    ServeConfig,
    _serve,
    kind=ServeCommand,
)

prepare_store = SettingsCommand(
    "prepare_store",
    "Make the tables of the run store that MLFLOW_TRACKING_URI names, if it is empty. Each `mlflow run` makes them, "
    "too, but of several that start at once on an empty store most fail.",
    [],
    _prepare_store,
)

backup = settings_command(
    "backup",
    "Copy a service's runs, accounts and artifacts into a folder while the service runs. Files that the folder has are "
    "not copied again.",
    BackupConfig,
    _backup,
)

restore = settings_command(
    "restore",
    "Restore a backup into an empty folder or database. No server may be running there.",
    RestoreConfig,
    _restore,
)

clean = settings_command(
    "clean",
    "List what takes space in the tracking store, and delete checkpoints and panels that nothing needs. Nothing is "
    "deleted of the best and the last run of every group, of the runs that they started from, and of runs with the tag "
    "msl.keep.",
    CleanConfig,
    _clean,
)

sync = settings_command(
    "sync",
    "Send what trainings on this machine could not send because the tracking server was away or the machine stopped. "
    "A run whose process ended without a word becomes FAILED; `resume` continues it.",
    SyncConfig,
    _sync,
)
