"""A tracking service out of a backup."""

import click

from entrypoints._options import command, parsed
from msl.config import validated
from msl.service.settings import RestoreConfig


def _restore(**given: str | None) -> None:
    config = validated(RestoreConfig, parsed(given))
    from msl.service.backup import restore

    restore(config, click.echo)


main = command(
    "restore",
    "Make a service out of a backup: of an empty folder or database, while no server runs on it.",
    RestoreConfig.model_fields,
    _restore,
)

if __name__ == "__main__":
    main()
