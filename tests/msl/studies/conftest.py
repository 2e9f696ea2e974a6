"""What the tests of studies share: a server that forks their jobs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import warm


@pytest.fixture(scope="session")
def warm_jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`executor=warm` carries jobs out as forks of a process that has imported everything."""
    folder = tmp_path_factory.mktemp("warm")
    with warm.registered(), warm.warm_server(folder):
        yield folder
