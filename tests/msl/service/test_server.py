import stat

import pytest
from click.testing import CliRunner
from mlflow.entities import Metric
from running import postgresql, running, shown_password

from analysis import open_store
from entrypoints import serve
from msl import schema
from msl.errors import ServiceError, TrackingError
from msl.service.server import allowed_hosts
from msl.service.settings import ServeConfig, StorageConfig
from msl.service.storage import Storage, resolve
from msl.tracking import connect, ending, find_weights, open_run

pytestmark = pytest.mark.xdist_group("service")  # so that one worker starts the server


def test_the_first_start_makes_a_password_that_is_shown_once(service):
    assert len(service.password) >= 16
    assert shown_password(service.log) is None  # this is the second start
    assert service.password not in service.log.read_text()
    private = service.folder / ".msl/service"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    for name in ("credentials", "secret_key", "accounts.ini"):
        assert stat.S_IMODE((private / name).stat().st_mode) == 0o600
    assert service.ask("GET", "/", service.admin).ok


def test_three_variables_are_all_that_a_client_needs(service, admin, tmp_path):
    reporter = open_run(connect(), "run", {schema.STAGE: "pretrain"})
    (tmp_path / "last.pt").write_bytes(b"weights")
    with ending(reporter):
        reporter.metrics({"loss/source": 0.5}, 3)
        reporter.file(tmp_path / "last.pt", schema.CHECKPOINT_FOLDER)
    file = find_weights(connect(), f"runs:/{reporter.run_id}/checkpoints/last.pt", tmp_path / "fetched")
    assert (file.path.read_bytes(), file.run_id) == (b"weights", reporter.run_id)
    assert list(service.folder.glob(f"mlartifacts/*/{reporter.run_id}/artifacts/checkpoints/last.pt"))
    history = open_store(service.uri).history([reporter.run_id], ["loss/source"])
    assert history["value"].tolist() == [0.5]


def test_credentials_are_in_the_layout_that_clients_read(service, monkeypatch, tmp_path):
    credentials = tmp_path / ".mlflow/credentials"
    credentials.parent.mkdir()
    credentials.write_bytes((service.folder / ".msl/service/credentials").read_bytes())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "Default" in open_store(service.uri).experiments()


def test_without_a_login_every_entry_point_says_what_is_missing(service, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", service.uri)
    with pytest.raises(TrackingError, match="does not accept the log-in .*MLFLOW_TRACKING_USERNAME"):
        connect()


def test_without_the_database_the_reason_is_told_and_with_it_the_server_goes_on(tmp_path, monkeypatch):
    with postgresql() as database, running(tmp_path, "--database", database.uri) as service:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", service.uri)
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", service.password)
        client = connect()
        run_id = client.create_run("0").info.run_id
        client.log_metric(run_id, "m", 1.0)
        database.stop()
        for login in (service.admin, ("nobody", "at all")):
            refused = service.ask("POST", "/api/2.0/mlflow/runs/search", login, json={"experiment_ids": ["0"]})
            assert refused.status_code == 503
        assert "cannot reach its database; it works again" in refused.text
        assert refused.headers["Retry-After"] == "5"
        assert service.ask("GET", "/health").status_code == 200
        database.start()
        client.log_batch(run_id, [Metric("m", 2.0, 1, 1)])
        assert {point.value for point in client.get_metric_history(run_id, "m")} == {1.0, 2.0}
        result = CliRunner().invoke(serve.main, ["--folder", str(tmp_path), "--port", str(service.port)])
        assert result.exit_code == 1
        assert f"host = 127.0.0.1, port = {service.port}: Address already in use; pass another --port" in result.output


def test_a_database_that_is_not_there_is_refused_at_once(tmp_path):
    nowhere = f"postgresql://me:my-secret@/runs?host={tmp_path}"
    result = CliRunner().invoke(serve.main, ["--folder", str(tmp_path), "--database", nowhere])
    assert result.exit_code == 1
    assert "Error: database postgresql+psycopg://me:***@" in result.output
    assert "No such file or directory. Check that it runs, its name and its password." in result.output
    assert "my-secret" not in result.output


def test_a_database_without_characters_is_refused_at_once(tmp_path):
    """What initdb makes where no locale is set, as in many containers."""
    with postgresql() as database:
        uri = database.new("bytes", "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        result = CliRunner().invoke(serve.main, ["--folder", str(tmp_path), "--database", uri])
    assert result.exit_code == 1
    assert "/bytes?" in result.output
    assert "has the encoding SQL_ASCII; make one with CREATE DATABASE … ENCODING 'UTF8'" in result.output


def test_artifacts_that_cannot_be_kept_are_refused_at_once(tmp_path):
    result = CliRunner().invoke(serve.main, ["--folder", str(tmp_path), "--artifacts", "/proc/1/artifacts"])
    assert result.exit_code == 1
    assert "Error: artifacts = /proc/1/artifacts: " in result.output
    assert "; name a folder that can be written" in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"database": "mysql://me@host/runs"}, "database is mysql: pass postgresql://USER@HOST/NAME"),
        ({"database": "runs.db"}, "database is no URI: pass postgresql://"),
        (
            {"database": "postgresql://me@host/runs", "database_password_file": "absent"},
            "database_password_file = absent cannot be read",
        ),
        ({"folder": "/proc/1/service"}, "folder = /proc/1/service: .*; name a folder that can be written"),
    ],
)
def test_places_that_cannot_be(options, message):
    with pytest.raises(ServiceError, match=message):
        resolve(StorageConfig(**options))


def test_where_a_service_lies(tmp_path):
    private = tmp_path / ".msl/service"
    plain = resolve(StorageConfig(folder=tmp_path))
    runs, accounts = f"sqlite:///{tmp_path}/mlflow.db", f"sqlite:///{private}/accounts.db"
    assert plain == Storage(runs, accounts, str(tmp_path / "mlartifacts"), private)
    (tmp_path / "password").write_text("p@ss/word\n")
    settings = {"database": "postgresql://me@host/runs", "database_password_file": tmp_path / "password"}
    other = resolve(StorageConfig(folder=tmp_path, artifacts="s3://bucket/path", **settings))
    assert other.runs == other.accounts == "postgresql+psycopg://me:p%40ss%2Fword@host/runs"
    assert other.artifacts == "s3://bucket/path"
    assert other.address == "postgresql+psycopg://me:***@host/runs"


def test_hosts_are_those_named_and_this_machine():
    from mlflow.server.security_utils import is_allowed_host_header

    def allowed(origin, **options):
        return is_allowed_host_header(allowed_hosts(ServeConfig(**options)), origin)

    for host in ("localhost", "localhost:5000", "127.0.0.1:5000", "[::1]", "[::1]:5000"):
        assert allowed(host)
        assert allowed(host, host="0.0.0.0", allowed_hosts="tracking.example")
    assert not allowed("tracking.example")
    assert allowed("tracking.example:5000", allowed_hosts="server, tracking.example")
    assert allowed("10.1.2.3:5000", host="10.1.2.3")
    assert not allowed("0.0.0.0:5000", host="0.0.0.0")
    assert not allowed("10.attacker.example")  # which MLflow's default lets in
