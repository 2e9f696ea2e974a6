import base64
import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest
from gate import gate
from mlflow.tracking import MlflowClient

from analysis import open_store
from analysis.errors import AnalysisError

pytestmark = pytest.mark.xdist_group("stores")  # so that one worker starts PostgreSQL and the server


@pytest.fixture
def run_ids(planted_server):
    return open_store(planted_server).runs("planted").set_index("name")["run_id"]


def test_frames_equal_those_of_its_database(planted_server, planted_sqlite):
    far, near = open_store(planted_server), open_store(planted_sqlite)
    assert sorted(far.experiments()) == sorted(near.experiments())
    tables = [store.runs("planted").sort_values("run_id", ignore_index=True) for store in (far, near)]
    pd.testing.assert_frame_equal(*tables, check_like=True)
    runs = tables[0]["run_id"]
    for arguments in ((), (["m"],), (["m"], 100), (None, 2)):
        pd.testing.assert_frame_equal(far.history(runs, *arguments), near.history(runs, *arguments))


def test_what_is_over_is_asked_for_once(planted_server, run_ids):
    with gate(planted_server) as server:
        first = open_store(server.uri).history(run_ids, ["m"])
        assert server.histories == 2 + 4 + 1  # 30 000 rows in pages of 25 000, the four short ones, and `attempt`
        pd.testing.assert_frame_equal(open_store(server.uri).history(run_ids, ["m"]), first)
        assert server.histories == 7
        open_store(server.uri).history(run_ids)  # the other metrics join those kept
        assert server.histories == 9
        open_store(server.uri).history(run_ids, max_points=10)
        assert server.histories == 9


def test_what_has_changed_is_asked_for_again(planted_server, run_ids):
    client = MlflowClient(planted_server)
    run_id = client.create_run(client.get_experiment_by_name("Default").experiment_id).info.run_id
    with gate(planted_server) as server:

        def values():
            return open_store(server.uri).history([run_id], ["a", "b"])["value"].tolist()

        client.log_metric(run_id, "a", 1.0, 1000, 1)
        client.log_metric(run_id, "b", 2.0, 1000, 1)
        assert values() == values() == [1.0, 2.0]
        assert server.histories == 4  # it is under way: nothing is kept
        client.set_terminated(run_id, end_time=5000)
        assert values() == values() == [1.0, 2.0]
        assert server.histories == 6
        client.log_metric(run_id, "b", 3.0, 6000, 2)  # a score that is added later
        assert values() == [1.0, 2.0, 3.0]
        assert server.histories == 7
        client.update_run(run_id, "RUNNING")
        client.set_terminated(run_id, end_time=9000)  # resumed
        assert values() == [1.0, 2.0, 3.0]
        assert server.histories == 9
    client.delete_run(run_id)


def test_a_damaged_cache_is_read_over(planted_server, run_ids, tmp_path):
    expected = open_store(planted_server).history(run_ids)
    for file in (tmp_path / "cache").rglob("*.parquet"):
        file.write_bytes(file.read_bytes()[:50])
    pd.testing.assert_frame_equal(open_store(planted_server).history(run_ids), expected)


def test_a_server_that_vanishes_and_comes_back(planted_server, run_ids):
    expected = open_store(planted_server).history(run_ids)
    with gate(planted_server, limit=4) as server:
        store = open_store(server.uri)
        with pytest.raises(AnalysisError, match="cannot be reached: .*read are in .*; the same command continues"):
            store.history(run_ids)
        files = len(list(store._cache.folder.glob("*.parquet")))
        assert files >= 1
        server.limit, server.histories = None, 0
        pd.testing.assert_frame_equal(store.history(run_ids), expected)
        assert server.histories <= 9 - files


def test_logins(planted_server, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    basic = "Basic " + base64.b64encode(b"me:my secret").decode()
    with gate(planted_server, authorization=basic) as server:
        with pytest.raises(AnalysisError, match=r"needs a login that may read \(401\). Set MLFLOW_TRACK"):
            open_store(server.uri)
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "my secret")
        assert "planted" in open_store(server.uri).experiments()
        monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
        (tmp_path / ".mlflow").mkdir()
        (tmp_path / ".mlflow/credentials").write_text("[mlflow]\nmlflow_tracking_password = my secret\n")
        assert "planted" in open_store(server.uri).experiments()
        shown = open_store(server.uri.replace("http://", "http://me:my%20secret@")).uri
        assert shown == server.uri  # errors show no password
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abc")
    with gate(planted_server, authorization="Bearer abc") as server:
        assert "planted" in open_store(server.uri).experiments()


def test_a_server_that_is_not_mlflows(tmp_path):
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *arguments: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            with pytest.raises(
                AnalysisError, match=r"does not answer like an MLflow server \(501 to experiments/search\)"
            ):
                open_store(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
