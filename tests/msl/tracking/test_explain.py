"""Errors that arise in mid-command, of real servers, databases, artifact stores and disks."""

import errno
import os

import boto3
import pytest
import requests
from botocore.exceptions import EndpointConnectionError
from click.testing import CliRunner
from mlflow.exceptions import MlflowException
from mlflow.store.artifact import s3_artifact_repo
from mlflow.tracking import MlflowClient
from moto.server import ThreadedMotoServer
from running import postgresql, running
from sqlalchemy.exc import OperationalError

from msl import schema
from msl.commands.catalog import find_command
from msl.console import explained, reason
from msl.errors import CheckpointError, TrackingError
from msl.tracking import check_reference, connect, ending, open_run


def test_a_reader_starts_a_run(tmp_path, monkeypatch):
    with running(tmp_path) as service:
        account = {"username": "reader", "password": "only reads 12"}
        requests.post(f"{service.uri}/api/2.0/mlflow/users/create", json=account, auth=service.admin, timeout=60)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", service.uri)
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "reader")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", account["password"])
        with pytest.raises(MlflowException) as refused:
            open_run(connect(), "mine", {})
        text = explained(refused.value)
        assert text.startswith(f"run store {service.uri}: this account may not do that (403). A reader account cannot")
        assert "MLFLOW_TRACKING_USERNAME" in text
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
        with pytest.raises(TrackingError, match=r"does not accept the log-in \(401\). Set MLFLOW_TRACKING_USERNAME"):
            connect()


def test_postgresql_stops_in_mid_command(monkeypatch):
    monkeypatch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
    with postgresql() as database:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", database.new("runs"))
        reporter = open_run(connect(), "mine", {})
        database.stop()
        with pytest.raises(MlflowException) as lost:
            reporter.tags({"a": "b"})
        assert "the database does not answer. Start it" in explained(lost.value)
        with pytest.raises(TrackingError, match="the database does not answer. Start it"):
            connect()
        database.start()


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("s3://nowhere/x", "needs credentials. Set AWS_ACCESS_KEY_ID"),
        ("gs://nowhere/x", "needs a Python package that is not installed. `pip install google-cloud-storage`"),
        ("wasbs://a@b.blob.core.windows.net/x", "not installed. `pip install azure-storage-blob azure-identity`"),
        ("sftp://me:hunter2@127.0.0.1:9/x", "not installed. `pip install pysftp 'paramiko<4'`"),
        ("fax://nowhere/x", "no kind of artifact store that MLflow knows"),
    ],
)
def test_artifact_stores_without_package_or_credentials(location, says, tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # both remember the credentials of an earlier test
    s3_artifact_repo._cached_get_s3_client.cache_clear()
    client = connect()
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", client.create_experiment("elsewhere", location))
    reporter = open_run(client, "mine", {})
    with pytest.raises(TrackingError, match="artifacts of the run cannot be written to") as refused, ending(reporter):
        reporter.text("text", "file.txt")
    assert says in str(refused.value)
    assert "hunter2" not in str(refused.value)
    tags = client.get_run(reporter.run_id).data.tags
    assert says in tags[schema.ERROR]
    assert "hunter2" not in tags[schema.ERROR]
    with pytest.raises(CheckpointError, match=f"checkpoint = runs:/{reporter.run_id}: ") as refused:
        check_reference(f"runs:/{reporter.run_id}", "checkpoint")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("error", "store"),
    [
        (
            requests.ConnectionError(
                "HTTPSConnectionPool(host='storage.googleapis.com', port=443): Max retries exceeded with url: /b/x "
                "(Caused by NameResolutionError(\"Failed to resolve 'storage.googleapis.com'\"))"
            ),
            "storage.googleapis.com",
        ),
        (ConnectionError("Failed to resolve 'a.blob.core.windows.net' ([Errno -2])"), "a.blob.core.windows.net"),
    ],
)
def test_a_cloud_that_cannot_be_reached_is_not_taken_for_the_run_store(error, store):
    """What their clients said on a machine without a network."""
    assert reason(error).startswith(f"the artifact store {store} cannot be reached from here")


def test_a_paramiko_that_pysftp_does_not_know():
    error = ImportError("cannot import name 'DSSKey' from 'paramiko' (paramiko/__init__.py)")
    assert "`pip install 'paramiko<4'`" in explained(error)


@pytest.fixture
def s3(monkeypatch):
    """A real S3 server, which has the bucket `ours`."""
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    s3_artifact_repo._cached_get_s3_client.cache_clear()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", address)
    boto3.client("s3", endpoint_url=address).create_bucket(Bucket="ours")
    yield server
    server.stop()
    s3_artifact_repo._cached_get_s3_client.cache_clear()


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("bucket", "has no such bucket. Make it, or correct the artifact location of the experiment"),
        ("key", "does not accept the credentials. Correct AWS_ACCESS_KEY_ID"),
        ("away", "cannot be reached. Correct MLFLOW_S3_ENDPOINT_URL, or start the store"),
        ("none", ""),
    ],
)
def test_a_bucket_that_cannot_be_used(fault, says, s3, monkeypatch):
    client = connect()
    location = "s3://theirs/x" if fault == "bucket" else "s3://ours/x"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", client.create_experiment("in s3", location))
    if fault == "key":
        monkeypatch.setattr("moto.core.responses.ActionAuthenticatorMixin.request_count", 0)
        monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0)
    if fault == "away":
        s3.stop()
    reporter = open_run(client, "mine", {})
    if fault == "none":
        with ending(reporter):
            reporter.text("text", "file.txt")
        assert client.list_artifacts(reporter.run_id)[0].path == "file.txt"
        return
    with pytest.raises(TrackingError, match="artifacts of the run cannot be written to") as refused, ending(reporter):
        reporter.text("text", "file.txt")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("chosen", ["12345", "demo", "deleted"])
def test_experiments_by_id(chosen, monkeypatch):
    client = connect()
    if chosen == "deleted":
        chosen = client.create_experiment("gone")
        client.delete_experiment(chosen)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", chosen)
    with pytest.raises(TrackingError, match=f"MLFLOW_EXPERIMENT_ID = {chosen}: .*nset .*MLFLOW_EXPERIMENT_NAME"):
        open_run(client, "mine", {})


@pytest.mark.usefixtures("store")
def test_a_parameter_that_the_run_has_already():
    client = MlflowClient()
    run_id = client.create_run("0").info.run_id
    client.log_param(run_id, "seed", "1")
    with pytest.raises(MlflowException) as refused:
        client.log_param(run_id, "seed", "2")
    assert "Start a new run: unset MLFLOW_RUN_ID." in reason(refused.value)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EMFILE])
def test_disks(number):
    text = explained(OSError(number, os.strerror(number), "/data/runs"))
    assert text.startswith("/data/runs: ")
    assert text.endswith(".")


def test_a_fault_of_a_program_is_not_explained():
    for error in (ValueError("invalid literal for int() with base 10: 'x'"), KeyError("timeout"), TypeError("SSL")):
        assert explained(error) is None
    assert explained(BrokenPipeError(errno.EPIPE, "Broken pipe")) is None


def test_a_command_ends_with_the_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/runs")

    monkeypatch.setattr("msl.tracking.connect", full)
    result = CliRunner().invoke(find_command("prepare_store"))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: /data/runs: the disk is full. Free some space")


@pytest.mark.parametrize(
    "text",
    [
        'connection failed: FATAL:  password authentication failed for user "me"',
        'FATAL:  Peer authentication failed for user "me"',
    ],
)
def test_a_wrong_password_of_a_database_is_no_fault_of_an_artifact_store(text):
    error = OperationalError("select 1", {}, Exception(text))
    assert reason(error).startswith("the database does not accept the log-in. Correct user and password in MLFLOW_TR")


def test_the_endpoint_of_an_artifact_store_is_not_the_address_of_the_run_store():
    endpoint = "http://msl-no-such-host.invalid:9"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="x", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with pytest.raises(EndpointConnectionError) as refused:
        client.list_buckets()
    assert reason(refused.value).startswith("the artifact store S3 cannot be reached. Correct MLFLOW_S3_ENDPOINT_URL")
