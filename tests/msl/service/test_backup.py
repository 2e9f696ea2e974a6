import json
import shutil
import sqlite3
import subprocess
import threading
import time
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient
from running import postgresql, running

from analysis import open_store
from entrypoints import backup as backup_command
from msl.errors import ServiceError
from msl.service.backup import back_up, restore
from msl.service.databases import upgrade
from msl.service.files import open_files
from msl.service.settings import BackupConfig, RestoreConfig
from msl.service.snapshots import check, read
from msl.service.storage import resolve

pytestmark = pytest.mark.xdist_group("service")


def silent(line):
    pass


@pytest.fixture
def place(store, _empty_accounts, tmp_path):
    """A service on SQLite with a run and three files of it, that nobody runs."""
    (tmp_path / ".msl/service").mkdir(parents=True)
    shutil.copyfile(_empty_accounts, tmp_path / ".msl/service/accounts.db")
    client = MlflowClient(store)
    client.log_metric(client.create_run("0").info.run_id, "m", 1.0)
    for name in ("0/run/a.pt", "0/run/folder/b.txt", "0/run/folder/copy of b.txt", "0/run/.artifact.uploading.x"):
        file = tmp_path / "mlartifacts" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("b" if "b.txt" in name else name)
    return {"folder": tmp_path}


@pytest.fixture(scope="session")
def _empty_accounts(_empty_store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("accounts")
    shutil.copyfile(_empty_store, folder / "runs.db")
    upgrade(f"sqlite:///{folder}/runs.db", f"sqlite:///{folder}/accounts.db")
    return folder / "accounts.db"


def objects(folder):
    return {path.name: path.stat().st_ino for path in folder.glob("objects/*/*")}


def files(folder):
    root = folder / "mlartifacts"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_second_backup_copies_only_what_is_new(place, tmp_path):
    config, said = BackupConfig(**place, backup=tmp_path / "backups"), []
    first = back_up(config, said.append)
    assert sorted(first.artifacts) == ["0/run/a.pt", "0/run/folder/b.txt", "0/run/folder/copy of b.txt"]
    stored = objects(config.backup)
    assert len(stored) == 2  # equal contents are kept once
    assert (first.rows["runs"], first.rows["metrics"]) == (1, 1)
    assert "1 runs, 1 rows of metrics, 3 files, 2 of them new (0.0 MiB)" in said[0]
    (tmp_path / "mlartifacts/0/run/a.pt").write_text("0/run/A.pt")  # of the same size
    second = back_up(config, said.append)
    assert "3 files, 1 of them new" in said[-2]
    assert second.artifacts["0/run/a.pt"].sha256 != first.artifacts["0/run/a.pt"].sha256
    assert stored.items() <= objects(config.backup).items()
    assert len(objects(config.backup)) == 3
    assert read(config.backup) == second == check(config.backup)
    assert read(config.backup, first.name) == first


def test_files_that_lie_elsewhere_are_named(place, tmp_path):
    said = []
    back_up(BackupConfig(**place, backup=tmp_path / "backups"), said.append)
    assert "not copied: the artifacts of 1 runs that were recorded without the server" in said[1]


def test_a_snapshot_is_a_run_store(place, store, tmp_path):
    snapshot = back_up(BackupConfig(**place, backup=tmp_path / "backups"), silent)
    backed_up = open_store(f"sqlite:///{tmp_path}/backups/snapshots/{snapshot.name}/runs.db")
    pd.testing.assert_frame_equal(backed_up.runs(), open_store(store).runs())


@pytest.mark.parametrize("damage", ["flipped", "missing", "database"])
def test_damage_is_found_before_anything_is_written(place, tmp_path, damage):
    config = BackupConfig(**place, backup=tmp_path / "backups")
    snapshot = back_up(config, silent)
    victim = next(config.backup.glob(f"objects/*/{snapshot.artifacts['0/run/a.pt'].sha256}"))
    if damage == "missing":
        victim.unlink()
    elif damage == "flipped":
        victim.write_bytes(bytes([victim.read_bytes()[0] ^ 1]) + victim.read_bytes()[1:])
    else:
        victim = config.backup / "snapshots" / snapshot.name / "runs.db"
        with sqlite3.connect(victim) as connection:
            connection.execute("UPDATE metrics SET value = 2")
    with pytest.raises(ServiceError, match="1 of 4 files are missing or damaged: ") as told:
        restore(RestoreConfig(folder=tmp_path / "new", backup=config.backup), silent)
    assert str(victim) in str(told.value)
    assert not (tmp_path / "new/mlflow.db").exists()
    result = CliRunner().invoke(backup_command.main, ["--backup", str(config.backup), "--check"])
    assert (result.exit_code, "are missing or damaged" in result.output) == (1, True)


def test_what_a_restore_refuses(place, tmp_path):
    config = BackupConfig(**place, backup=tmp_path / "backups")
    back_up(config, silent)
    with pytest.raises(ServiceError, match="has 1 runs already; restore into an empty service"):
        restore(RestoreConfig(**place, backup=config.backup), silent)
    (tmp_path / "new/mlartifacts").mkdir(parents=True)
    (tmp_path / "new/mlartifacts/file").touch()
    with pytest.raises(ServiceError, match="has 1 files already"):
        restore(RestoreConfig(folder=tmp_path / "new", backup=config.backup), silent)
    (tmp_path / "new/mlartifacts/file").unlink()
    accounts = tmp_path / "new/.msl/service/accounts.db"
    shutil.copyfile(tmp_path / ".msl/service/accounts.db", accounts)
    with sqlite3.connect(accounts) as connection:
        for name in ("admin", "anna"):
            connection.execute("INSERT INTO users (username, password_hash, is_admin) VALUES (?, '', 0)", (name,))
    with pytest.raises(ServiceError, match="has 2 users already; restore into an empty service"):
        restore(RestoreConfig(folder=tmp_path / "new", backup=config.backup), silent)
    with pytest.raises(ServiceError, match="artifacts = /proc/1/x: .*; name a folder that can be written"):
        restore(RestoreConfig(folder=tmp_path / "other", artifacts="/proc/1/x", backup=config.backup), silent)
    with pytest.raises(ServiceError, match=r"snapshot = yesterday: .* has 2\d{7}T"):
        restore(RestoreConfig(folder=tmp_path / "new", backup=config.backup, snapshot="yesterday"), silent)
    with pytest.raises(ServiceError, match=r"snapshot = newest: .*absent has no snapshot"):
        check(tmp_path / "absent")


def test_what_a_backup_refuses(place, tmp_path):
    with pytest.raises(ServiceError, match="nothing/mlflow.db: no such file; pass folder"):
        back_up(BackupConfig(folder=tmp_path / "nothing", backup=tmp_path / "backups"), silent)
    with pytest.raises(ServiceError, match="artifacts = gs://bucket: a backup needs a folder or s3"):
        back_up(BackupConfig(**place, artifacts="gs://bucket", backup=tmp_path / "backups"), silent)
    (tmp_path / "file").touch()
    with pytest.raises(ServiceError, match="backup = .*file cannot be written: Not a directory"):
        back_up(BackupConfig(**place, backup=tmp_path / "file"), silent)
    (tmp_path / ".msl/service/accounts.db").write_text("no database, but a text of some length" * 100)
    with pytest.raises(ServiceError, match="accounts.db cannot be copied to .*: file is not a database"):
        back_up(BackupConfig(**place, backup=tmp_path / "backups"), silent)
    assert not list(tmp_path.glob("backups/snapshots/*/manifest.json"))  # what was begun is no snapshot


def test_artifacts_in_s3(place, tmp_path, monkeypatch):
    import boto3
    from moto.server import ThreadedMotoServer

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "http://{}:{}".format(*server.get_host_and_port()))
        s3 = boto3.client("s3", endpoint_url="http://{}:{}".format(*server.get_host_and_port()))
        s3.create_bucket(Bucket="msl")
        for name, content in files(tmp_path).items():
            s3.put_object(Bucket="msl", Key=f"of one/{name}", Body=content)
        config = BackupConfig(**place, artifacts="s3://msl/of one", backup=tmp_path / "backups")
        first = back_up(config, silent)
        assert len(first.artifacts) == 4
        s3.put_object(Bucket="msl", Key="of one/0/run/a.pt", Body=b"0/run/A.pt")
        assert {k for k, v in back_up(config, silent).artifacts.items() if v != first.artifacts[k]} == {"0/run/a.pt"}
        for address, reason in (("absent", "specified bucket does not exist"), ("no name", "Invalid bucket name")):
            with pytest.raises(ServiceError, match=rf"artifacts = s3://{address}: [\s\S]*{reason}"):
                back_up(BackupConfig(**place, artifacts=f"s3://{address}", backup=tmp_path / "other"), silent)
        store = open_files("s3://msl/of one")
        assert store.mark("0/deleted meanwhile") is None
        with pytest.raises(FileNotFoundError):
            store.fetch("0/deleted meanwhile", tmp_path / "fetched")
        restore(RestoreConfig(folder=tmp_path / "new", artifacts="s3://msl/new", backup=config.backup), silent)
        restored = s3.get_object(Bucket="msl", Key="new/0/run/a.pt")["Body"].read()
        assert restored == b"0/run/A.pt"
    finally:
        server.stop()


def write(client, run_id, stop):
    """Rows and a file that is written over and over, until told to stop."""
    step = 0
    while not stop.is_set():
        step += 1
        client.log_batch(run_id, [Metric(f"m{i}", step / 7, step, step) for i in range(20)])
        client.log_text(run_id, f"{step}\n" * 20_000, "checkpoints/last.pt")


def frames(uri, run_ids):
    store = open_store(uri)
    runs = store.runs()
    chosen = runs[runs["run_id"].isin(run_ids)].sort_values("run_id", ignore_index=True)
    return [chosen.dropna(axis="columns", how="all"), store.history(run_ids)]


def test_a_service_under_load_is_restored_as_it_was(service, admin, tmp_path):
    """SQLite to a backup, to PostgreSQL with a server on it, to a backup, to SQLite."""
    runs = [admin.create_run("0").info.run_id for _ in range(3)]
    over = []
    for number in range(5):
        over.append(admin.create_run("0", tags={"number": str(number)}).info.run_id)
        admin.log_batch(over[-1], [Metric("m", 0.1 * step, 1000 + step, step) for step in range(300)])
        admin.log_text(over[-1], f"weights {number}", "checkpoints/last.pt")
        admin.set_terminated(over[-1])
    stop = threading.Event()
    threads = [threading.Thread(target=write, args=(MlflowClient(), run, stop)) for run in runs]
    for thread in threads:
        thread.start()
    while any(not admin.list_artifacts(run, "checkpoints") for run in runs):  # written after the first metrics
        time.sleep(0.05)
    try:
        snapshot = back_up(BackupConfig(folder=service.folder, backup=tmp_path / "backups"), silent)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    expected, final = frames(service.uri, over), open_store(service.uri).history(runs)
    with postgresql() as database:
        moved = RestoreConfig(folder=tmp_path / "moved", database=database.uri, backup=tmp_path / "backups")
        restore(moved, silent)
        uri = resolve(moved).runs
        for frame, there in zip(expected, frames(uri, over), strict=True):
            pd.testing.assert_frame_equal(frame, there, check_like=True)
        written = open_store(uri).history(runs)
        assert 0 < len(written) <= len(final)
        pd.testing.assert_frame_equal(written, final.merge(written[["run_id", "metric", "step"]]))
        assert (written.groupby(["run_id", "step"]).size() == 20).all()  # a batch is there whole, or not at all
        with running(tmp_path / "moved", "--database", database.uri) as restored:
            assert restored.ask("GET", "/version", service.admin).ok  # accounts come along
            client = MlflowClient(restored.uri)
            for number, run_id in enumerate(over):
                path = client.download_artifacts(run_id, "checkpoints/last.pt", str(tmp_path))
                assert Path(path).read_text() == f"weights {number}"
            for run_id in runs:
                path = client.download_artifacts(run_id, "checkpoints/last.pt", str(tmp_path))
                assert len(set(Path(path).read_text().split())) == 1  # never half of one file, half of the next
            client.create_experiment("new")  # numbered behind those restored
        again = back_up(
            BackupConfig(folder=tmp_path / "moved", database=database.uri, backup=tmp_path / "other"), silent
        )
    assert again.rows["metrics"] == snapshot.rows["metrics"]
    assert {k: v.sha256 for k, v in again.artifacts.items()} == {k: v.sha256 for k, v in snapshot.artifacts.items()}
    restore(RestoreConfig(folder=tmp_path / "back", backup=tmp_path / "other"), silent)
    for frame, there in zip(expected, frames(f"sqlite:///{tmp_path}/back/mlflow.db", over), strict=True):
        pd.testing.assert_frame_equal(frame, there, check_like=True)
    assert files(tmp_path / "back") == files(tmp_path / "moved")


def test_a_damaged_manifest_is_named(place, tmp_path):
    config = BackupConfig(**place, backup=tmp_path / "backups")
    manifest = tmp_path / "backups/snapshots" / back_up(config, silent).name / "manifest.json"
    manifest.write_text(manifest.read_text()[:-10])
    for call in (lambda: check(config.backup), lambda: back_up(config, silent)):
        with pytest.raises(ServiceError, match="manifest.json is damaged: .*. Move its folder away"):
            call()


def test_another_layout_is_refused(place, tmp_path):
    config = BackupConfig(**place, backup=tmp_path / "backups")
    manifest = tmp_path / "backups/snapshots" / back_up(config, silent).name / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"layout": 99}))
    with pytest.raises(ServiceError, match="written by another version of msl"):
        check(config.backup)


@pytest.mark.parametrize("damage", ["flipped", "shorter", "missing"])
def test_the_next_backup_heals_what_the_service_still_has(place, tmp_path, damage):
    config, said = BackupConfig(**place, backup=tmp_path / "backups"), []
    first = back_up(config, silent)
    victim = object_of(config.backup, first, "0/run/a.pt")
    spoil(victim, damage)
    second = back_up(config, said.append)
    assert victim.read_text() == "0/run/a.pt"
    assert {check(config.backup, name).name for name in (first.name, second.name)} == {first.name, second.name}
    assert any(str(victim) in line and "was damaged" in line for line in said) == (damage != "missing")
    assert not list(config.backup.glob("objects/**/*part*"))


def test_a_damaged_object_of_a_new_file_with_the_same_bytes_is_healed(place, tmp_path):
    config = BackupConfig(**place, backup=tmp_path / "backups")
    first = back_up(config, silent)
    spoil(victim := object_of(config.backup, first, "0/run/a.pt"), "flipped")
    for name in ("mlartifacts/0/run/a.pt", "mlartifacts/0/run/b.pt"):
        (tmp_path / name).write_text("0/run/a.pt")
    back_up(config, silent)
    assert victim.read_text() == "0/run/a.pt"
    check(config.backup, first.name)


def test_the_check_names_the_whole_snapshots_and_a_restore_takes_the_newest_of_them(place, tmp_path):
    config = BackupConfig(**place, backup=tmp_path / "backups")
    snapshots = []
    for content in ("1", "2", "3"):
        (tmp_path / "mlartifacts/0/run/a.pt").write_text(content)
        snapshots.append(back_up(config, silent))
    oldest, whole, newest = snapshots
    (tmp_path / "mlartifacts/0/run/a.pt").unlink()
    for snapshot in (oldest, newest):
        spoil(object_of(config.backup, snapshot, "0/run/a.pt"), "flipped")
    result = CliRunner().invoke(backup_command.main, ["--backup", str(config.backup), "--check"])
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.output.splitlines() if "is whole" in line] == [whole.name]
    assert f"2 of 3 snapshots are damaged: {newest.name}, {oldest.name}." in result.output
    said = []
    restored = restore(RestoreConfig(folder=tmp_path / "new", backup=config.backup), said.append)
    assert restored == whole
    assert said[0].startswith(f"damaged, so {whole.name} is restored: {newest.name};")
    assert (tmp_path / "new/mlartifacts/0/run/a.pt").read_text() == "2"
    with pytest.raises(ServiceError, match=f"snapshot {newest.name}: 1 of "):
        restore(RestoreConfig(folder=tmp_path / "other", backup=config.backup, snapshot=newest.name), silent)


def test_a_snapshot_is_signed_and_its_signature_printed_and_logged(place, tmp_path):
    config, said = BackupConfig(**place, backup=tmp_path / "backups"), []
    name = back_up(config, said.append).name
    manifest = config.backup / "snapshots" / name / "manifest.json"
    signature = sha256(manifest.read_bytes()).hexdigest()
    assert said[0].endswith(f"; signature {signature}")
    assert (tmp_path / ".msl/service/backups.log").read_text() == f"{name} {signature}\n"
    (line,) = subprocess.run(
        ["sha256sum", "--check", "manifest.sha256"], cwd=manifest.parent, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert line == "manifest.json: OK"
    result = CliRunner().invoke(backup_command.main, ["--backup", str(config.backup), "--check"])
    assert (result.exit_code, f"signature {signature}" in result.output) == (0, True)
    manifest.write_text(manifest.read_text().replace('"metrics": 1', '"metrics": 2'))
    with pytest.raises(ServiceError, match="manifest.json is damaged: its SHA-256 is not the one in manifest.sha256"):
        check(config.backup)


def test_a_snapshot_of_an_older_version_has_no_signature_and_can_be_read(place, tmp_path):
    config = BackupConfig(**place, backup=tmp_path / "backups")
    snapshot = back_up(config, silent)
    (config.backup / "snapshots" / snapshot.name / "manifest.sha256").unlink()
    assert check(config.backup) == snapshot


def object_of(folder, snapshot, path):
    (file,) = folder.glob(f"objects/*/{snapshot.artifacts[path].sha256}")
    return file


def spoil(file, damage):
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(content[:-1] if damage == "shorter" else bytes([content[0] ^ 1]) + content[1:])
