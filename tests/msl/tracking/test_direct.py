import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from msl.tracking import direct


@pytest.fixture
def run_id(store):
    return MlflowClient().create_run("0").info.run_id


@pytest.fixture
def patient(monkeypatch):
    """Nothing is sent because time passes."""
    monkeypatch.setattr(direct, "_FLUSH_AFTER_S", 1e9)


def count(run_id, name="m"):
    return len(MlflowClient().get_metric_history(run_id, name))


@pytest.mark.usefixtures("patient")
def test_metrics_are_sent_in_batches(run_id, monkeypatch):
    client, batches = MlflowClient(), []
    send = client.log_batch
    monkeypatch.setattr(
        client, "log_batch", lambda run_id, **kw: batches.append(len(kw["metrics"])) or send(run_id, **kw)
    )
    way = direct.Direct(client, run_id)
    for step in range(1400):
        way.rows({"m": step, "n": 2.0}, step)
    assert batches == [1000, 1000]
    way.flush()
    assert batches == [1000, 1000, 800]
    assert (count(run_id), count(run_id, "n")) == (1400, 1400)


@pytest.mark.usefixtures("patient")
def test_a_batch_that_failed_is_kept(run_id, monkeypatch):
    client = MlflowClient()
    way = direct.Direct(client, run_id)
    way.rows({"m": 1.0}, 1)
    with monkeypatch.context() as broken:
        broken.setattr(client, "log_batch", _fail)
        with pytest.raises(MlflowException, match="server is down"):
            way.flush()
    way.rows({"m": 2.0}, 2)
    way.flush()
    assert count(run_id) == 2


def _fail(*_, **__):
    raise MlflowException("server is down")


def test_what_has_waited_is_sent_with_the_next(run_id, monkeypatch):
    way = direct.Direct(MlflowClient(), run_id)
    way.rows({"m": 1.0}, 1)
    assert count(run_id) == 0
    monkeypatch.setattr(direct, "_FLUSH_AFTER_S", -1.0)
    way.rows({"m": 2.0}, 2)
    assert count(run_id) == 2
