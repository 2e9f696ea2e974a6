"""Losses are looked at some steps later, and before anything of their steps is kept."""

import pytest
import torch

from msl.errors import DivergedError
from msl.training.watch import LossWatch, _Losses


class Arrival:
    """An event of a device; it tells whether somebody has waited for it."""

    waited = False

    def synchronize(self):
        self.waited = True


def late(monkeypatch):
    """As on a GPU: every copy has its event."""
    arrivals = []

    def send(values):
        arrivals.append(Arrival())
        return values, arrivals[-1]

    monkeypatch.setattr("msl.training.watch._sent_to_cpu", send)
    return arrivals


def add(watch, step, value):
    watch.add(step, {"source": torch.tensor(value)}, {"source": (f"n{step}",)})


def test_on_a_gpu_it_waits_for_old_steps_only(monkeypatch):
    arrivals, watch = late(monkeypatch), LossWatch(steps_behind=2)
    for step in range(1, 5):
        add(watch, step, 1.0)
    assert [arrival.waited for arrival in arrivals] == [True, True, False, False]
    watch.settle()
    assert all(arrival.waited for arrival in arrivals)


def test_the_error_names_the_step_and_the_batch_of_the_loss(monkeypatch):
    late(monkeypatch)
    watch = LossWatch(steps_behind=2)
    add(watch, 1, 1.0)
    add(watch, 2, float("nan"))
    add(watch, 3, 1.0)
    with pytest.raises(DivergedError, match=r"loss/source = nan at step 2 \(batch source: n2\)"):
        add(watch, 4, 1.0)


def test_settling_looks_at_the_newest_step_too(monkeypatch):
    late(monkeypatch)
    watch = LossWatch(steps_behind=9)
    add(watch, 1, float("inf"))
    with pytest.raises(DivergedError, match="at step 1 "):
        watch.settle()


def test_the_time_of_waiting_is_given_once():
    losses = _Losses(1, ("a",), torch.zeros(1), Arrival(), {})
    assert losses.wait() > 0
    assert LossWatch().waited_s() == 0
