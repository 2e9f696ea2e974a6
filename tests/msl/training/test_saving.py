"""Checkpoints are copied between two steps and written beside the training."""

import threading
import time

import pytest
import torch
from torch import nn

from msl import schema
from msl.checkpoints import About, read
from msl.errors import CheckpointError, TrackingError
from msl.training import Schedule, State
from msl.training.background import Background
from msl.training.callbacks import SaveCheckpoints, cadence
from msl.training.callbacks.checkpoints import capture
from msl.training.schedules import Poly

LAST, PREVIOUS, BEST = "last.pt", "last.previous.pt", "best.pt"


class Recorder:
    """A reporter that notes what it is told, in which thread, and waits at `secure` while it is held."""

    def __init__(self):
        self.calls, self.threads, self.rows = [], set(), 0
        self.free = threading.Event()
        self.free.set()

    def metrics(self, values, step):
        self.rows += 1

    def flush(self):
        self.calls.append("flush")

    def mark(self):
        return f"rows:{self.rows}"

    def secure(self, mark):
        self.free.wait(30)
        self.threads.add(threading.current_thread().name)
        self.calls.append(f"secure {mark}")

    def file(self, path, folder):
        self.calls.append(f"file {path.name} at {read(path).step}")


@pytest.fixture
def recorder():
    recorder = Recorder()
    yield recorder
    recorder.free.set()


def make_state(stop=100):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    return State(
        model=model, optimizer=optimizer, streams={}, schedule=Schedule(lr=Poly(100, 1), stop=stop, epoch_iters=9)
    )


def train(state):
    state.optimizer.zero_grad()
    state.model(torch.randn(3, 4)).square().sum().backward()
    state.optimizer.step()
    state.step += 1
    state.result, state.improved = None, False


def step(state, saving, recorder, evaluated=False, improved=False):
    train(state)
    recorder.metrics({"loss": 1.0}, state.step)
    state.result, state.improved = (object() if evaluated else None), improved
    saving.on_step(state)


def make_saving(folder, recorder, **options):
    return SaveCheckpoints(folder, recorder, {}, About(group="g"), **options)


def steps_in(folder):
    return {path.name: read(path).step for path in folder.iterdir()}


def test_when_it_saves_and_when_it_uploads(tmp_path, recorder):
    state, saving = make_state(stop=7), make_saving(tmp_path, recorder, every=3)
    saving.on_start(state)
    for number in range(1, 8):
        step(state, saving, recorder, evaluated=number == 4, improved=number == 4)
    saving.on_end(state)
    assert recorder.calls == [
        "flush",
        "secure rows:3",  # every three steps, on this machine only
        "file best.pt at 4",  # before the `last` that knows of it
        "flush",
        "secure rows:4",
        "file last.pt at 4",
        "flush",
        "secure rows:6",
        "flush",
        "secure rows:7",
        "file last.pt at 7",
    ]
    assert steps_in(tmp_path) == {LAST: 7, PREVIOUS: 6, BEST: 4}
    assert read(tmp_path / LAST).progress.mark == "rows:7"
    assert recorder.threads == {"msl checkpoints"}


def test_a_resumed_training_that_has_no_step_left_hands_over_its_last_checkpoint(tmp_path, recorder):
    state, saving = make_state(stop=7), make_saving(tmp_path, recorder)
    state.step = 7
    saving.on_start(state)
    saving.on_end(state)
    assert recorder.calls == ["flush", "secure rows:0", "file last.pt at 7"]


def test_time_makes_it_save_and_upload(tmp_path, recorder, monkeypatch):
    monkeypatch.setattr(cadence, "INTERVAL_S", 0.0)
    monkeypatch.setattr(cadence, "LARGEST_SHARE", 1.0)
    state, saving = make_state(), make_saving(tmp_path, recorder, upload_minutes=1e-9)
    saving.on_start(state)
    step(state, saving, recorder)
    saving.close()
    assert recorder.calls == ["flush", "secure rows:1", "file last.pt at 1"]
    assert make_saving(tmp_path, recorder)._cadence.is_upload_due is False


def test_the_times(monkeypatch):
    now = 0.0
    times = cadence.Cadence(10, lambda: now)
    now = 59.9
    assert not times.is_due
    now = 60.0
    assert times.is_due
    times.begin(with_upload=False)
    now = 63.0
    times.end()  # three seconds are 3 % of 100
    now = 159.9
    assert not times.is_due
    now = 160.1
    assert times.is_due
    now = 599.0
    assert not times.is_upload_due
    now = 600.0
    assert times.is_upload_due
    times.begin(with_upload=True)
    assert not times.is_upload_due


def test_a_timed_save_waits_for_nobody_and_an_evaluation_waits(tmp_path, recorder, monkeypatch):
    monkeypatch.setattr(cadence, "INTERVAL_S", 0.0)
    monkeypatch.setattr(cadence, "LARGEST_SHARE", 1e9)
    state, saving = make_state(), make_saving(tmp_path, recorder)
    saving.on_start(state)
    recorder.free.clear()
    step(state, saving, recorder)
    for _ in range(5):  # the first save is not done
        step(state, saving, recorder)
    assert recorder.calls == ["flush"]
    began = time.monotonic()
    threading.Timer(0.2, recorder.free.set).start()
    step(state, saving, recorder, evaluated=True)
    assert time.monotonic() - began > 0.1
    saving.on_end(state)
    assert recorder.calls == ["flush", "secure rows:1", "flush", "secure rows:7", "file last.pt at 7"]
    assert steps_in(tmp_path) == {LAST: 7, PREVIOUS: 1}


def test_the_copy_is_exact_and_the_training_may_go_on():
    state = make_state()
    train(state)
    expected = {name: value.clone() for name, value in state.model.state_dict().items()}
    averages = [{name: value.clone() for name, value in part.items()} for part in state.optimizer.state.values()]
    saved = capture(state, {}, About(group="g"))
    train(state)
    assert saved.step == 1
    assert list(saved.weights) == list(expected)
    assert all(torch.equal(saved.weights[name], value) for name, value in expected.items())
    assert not torch.equal(saved.weights["0.weight"], state.model.state_dict()["0.weight"])
    for copy, average in zip(saved.progress.optimizer["state"].values(), averages, strict=True):
        assert all(torch.equal(copy[name], value) for name, value in average.items())
    assert saved.progress.optimizer["param_groups"] == state.optimizer.state_dict()["param_groups"]
    assert isinstance(saved.progress.optimizer["param_groups"][0]["betas"], tuple)


def test_a_write_that_fails_stops_the_training(tmp_path, recorder):
    (tmp_path / "file").touch()
    state, saving = make_state(), make_saving(tmp_path / "file" / "run", recorder, every=1)
    step(state, saving, recorder)
    with pytest.raises(CheckpointError, match="file/run cannot be written"):
        step(state, saving, recorder)
    assert "secure" not in " ".join(recorder.calls)


def test_a_write_that_fails_at_the_end_stops_it_too(tmp_path, recorder):
    (tmp_path / "file").touch()
    state, saving = make_state(stop=1), make_saving(tmp_path / "file" / "run", recorder)
    step(state, saving, recorder)
    with pytest.raises(CheckpointError, match="file/run cannot be written"):
        saving.on_end(state)


def test_after_an_error_what_was_begun_is_written(tmp_path, recorder):
    state, saving = make_state(), make_saving(tmp_path, recorder, every=1)
    recorder.free.clear()
    step(state, saving, recorder)
    threading.Timer(0.1, recorder.free.set).start()
    saving.close()  # as in `finally`
    assert recorder.calls == ["flush", "secure rows:1"]
    assert steps_in(tmp_path) == {LAST: 1}


def test_errors_of_the_work_beside_the_training(caplog):
    def fail(error):
        raise error

    beside = Background()
    beside.start(lambda: fail(TrackingError("no artifacts")))
    with pytest.raises(TrackingError, match="no artifacts"):
        beside.wait()
    beside.start(lambda: fail(MemoryError("none left")))
    with pytest.raises(CheckpointError, match="a checkpoint could not be saved: MemoryError: none left"):
        beside.wait()
    beside.wait()  # an error is raised once
    beside.start(lambda: fail(TrackingError("no artifacts")))
    beside.close()
    assert caplog.messages == ["no artifacts"]


def test_it_names_the_files_of_the_schema():
    assert (schema.LAST_CHECKPOINT, schema.BEST_CHECKPOINT) == (LAST, BEST)
