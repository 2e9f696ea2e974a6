"""The clean-up of the tracking store."""

import click

from entrypoints._options import command, parsed
from msl.config import validated
from msl.service.settings import CleanConfig


def _clean(**given: str | None) -> None:
    config = validated(CleanConfig, parsed(given))
    from msl.service.retention import clean
    from msl.tracking import connect

    clean(connect(), config, click.echo)


main = command(
    "clean",
    "Tell what takes space in the tracking store, and delete checkpoints and panels that nothing needs. The best and "
    "the last run of every group stay whole, and what they started from, and every run tagged msl.keep.",
    CleanConfig.model_fields,
    _clean,
)

if __name__ == "__main__":
    main()
