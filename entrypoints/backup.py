"""Backups of the tracking service."""

import click

from entrypoints._options import command, parsed
from msl.config import validated
from msl.service.settings import BackupConfig


def _backup(**given: str | None) -> None:
    config = validated(BackupConfig, parsed(given))
    from msl.service.backup import back_up, check

    if config.check:
        snapshot = check(config.backup)
        click.echo(f"{snapshot.name}: {len(snapshot.artifacts)} files and both databases are what they were")
    else:
        back_up(config, click.echo)


main = command(
    "backup",
    "Copy a service's runs, accounts and artifacts into a folder, while it runs; files that are there are not copied "
    "again.",
    BackupConfig.model_fields,
    _backup,
)

if __name__ == "__main__":
    main()
