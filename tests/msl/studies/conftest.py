"""What the tests of studies share: a server that forks their jobs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import warm


@pytest.fixture(scope="session")
def _warm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("warm")
    with warm.warm_server(folder):
        yield folder


@pytest.fixture
def warm_jobs(_warm_server: Path) -> Iterator[Path]:
    """`executor=warm` carries jobs out as forks of a process that has imported everything."""
    with warm.registered():
        yield _warm_server
