"""The command prepare: the copies that a training would make, made before."""

from collections.abc import Callable

from msl import schema
from msl.config import AdaptConfig, PrepareConfig
from msl.data import Prepared
from msl.errors import DataError
from msl.inputs.domains import open_data
from msl.inputs.prepared import prepared_images, scored_images


def prepare(config: PrepareConfig, show: Callable[[str], None] = print) -> None:
    """Make the copies of images and labels that a training with these domains and sizes reads.

    Args:
        config: settings.
        show: is called with a line for each copy that is there.

    Raises:
        MslError: a domain cannot be used, a sample cannot be read, or the folder cannot hold the copies.
    """
    training = AdaptConfig.of(**config.flat())
    roles = (schema.SOURCE, schema.TARGET) if config.prepared.target is not None else (schema.SOURCE,)
    data, mirror = open_data(training, roles), config.prepared.random_mirror
    for role in roles:
        _show(prepared_images(data.check_of(role), data.sizes[role], mirror, config.runtime), config, show)
    for scored in scored_images(data.scored, data.checks, config.runtime):
        if not scored.domain.samples.drawn:
            _show(scored.prepared, config, show)


def _show(prepared: Prepared | None, config: PrepareConfig, show: Callable[[str], None]) -> None:
    if prepared is None:
        raise DataError(f"cache = {config.runtime.cache}: a copy cannot be made; the warning above says why")
    show(str(prepared))
