"""Where the time and the memory of steps go, on a real network."""

import csv
import gzip
import json
import logging
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from msl.data import Batch
from msl.training import Schedule, State, Term, fit
from msl.training.callbacks import Profile, StopOnNaN
from msl.training.callbacks.profile import busy_s
from msl.training.schedules import Poly


class Files:
    def __init__(self):
        self.names = []

    def file(self, path, folder):
        self.names.append(f"{folder}/{path.name}")


class Noise:
    def __next__(self):
        return Batch(torch.randn(2, 3, 16, 16), torch.zeros(2), ("noise",))


def square(model, batch):
    return {"square": model(batch.image).square().mean()}


def profiled(folder, steps, stop):
    model, files = nn.Conv2d(3, 4, 3), Files()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.param_groups[0]["initial_lr"] = 0.1
    schedule = Schedule(lr=Poly(100, 1), stop=stop, epoch_iters=10)
    state = State(model=model, optimizer=optimizer, streams={"a": Noise()}, schedule=schedule)
    fit(state, [Term("a", square)], [StopOnNaN(), Profile(steps, folder, files)])
    return files.names, model


def table(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_profile_has_every_phase_and_a_trace(tmp_path, caplog):
    caplog.set_level(logging.INFO, "msl")
    names, model = profiled(tmp_path, steps=4, stop=30)
    assert names == ["profile/phases.csv", "profile/operations.csv", "profile/trace.json.gz"]
    rows = table(tmp_path / "phases.csv")
    phases = ["callbacks", "data", "losses", "forward", "backward", "optimizer", "waiting"]
    assert sorted(row["phase"] for row in rows) == sorted([*phases, "the rest", "a step"])
    parts = sum(float(row["CPU ms"]) for row in rows[:-1])
    assert parts == pytest.approx(float(rows[-1]["CPU ms"]), abs=0.1)
    assert float(rows[0]["memory MB"]) > 10
    operations = [row["operation"] for row in table(tmp_path / "operations.csv")]
    assert any("conv" in operation for operation in operations)
    assert json.loads(gzip.decompress((tmp_path / "trace.json.gz").read_bytes()))["traceEvents"]
    assert "the processor was busy" in caplog.text
    assert not model._forward_hooks
    assert not model._forward_pre_hooks


def test_a_training_that_ends_meanwhile_gives_what_it_has(tmp_path):
    assert profiled(tmp_path, steps=100, stop=13)[0] == ["profile/phases.csv"]


def test_a_training_that_is_too_short_says_so(tmp_path, caplog):
    assert profiled(tmp_path, steps=4, stop=5)[0] == []
    assert "profile = 4: training ended before its step 10, so nothing is measured" in caplog.text


def test_kernels_that_run_at_once_count_once():
    def event(start, end, kind="CUDA"):
        return SimpleNamespace(
            device_type=SimpleNamespace(name=kind), time_range=SimpleNamespace(start=1e6 * start, end=1e6 * end)
        )

    assert busy_s([event(4, 5), event(0, 2), event(1, 3), event(0, 9, "CPU"), event(1, 2)]) == 4
