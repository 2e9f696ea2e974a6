import math

import pytest
import torch
from torch import nn

from msl import schema
from msl.errors import DivergedError
from msl.training import Schedule, State
from msl.training.callbacks import LogMeans, StopOnNaN
from msl.training.schedules import Poly


class Reporter:
    def __init__(self):
        self.rows = []

    def metrics(self, values, step):
        self.rows.append((step, dict(values)))

    def file(self, path, folder):
        pass

    def flush(self):
        pass

    def mark(self):
        return ""

    def secure(self, mark):
        pass


def make_state(stop=100):
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    schedule = Schedule(lr=Poly(100, 1), stop=stop, epoch_iters=10)
    return State(model=model, optimizer=optimizer, streams={}, schedule=schedule)


def step(state, callback, **parts):
    state.step += 1
    state.parts = {name: torch.tensor(float(value)) for name, value in parts.items()}
    state.batches, state.seconds, state.data_wait = {"source": ("one", "two")}, 0.5, 0.125
    callback.on_step(state)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_stops_with_step_and_batch(value):
    state = make_state()
    step(state, StopOnNaN(), source=1.0, target=2.0)
    with pytest.raises(DivergedError, match=r"loss/target = -?(nan|inf) at step 2 \(batch source: one, two\)"):
        step(state, StopOnNaN(), source=1.0, target=value)


def test_means_over_an_interval():
    reporter, state = Reporter(), make_state(stop=5)
    means = LogMeans(2, reporter)
    for value in (1, 3, 5, 7, 11):
        step(state, means, source=value)
    assert [(at, row[schema.loss("source")]) for at, row in reporter.rows] == [(2, 2), (4, 6), (5, 11)]
    first = reporter.rows[0][1]
    assert (first[schema.STEP_S], first[schema.DATA_WAIT_S], first[schema.IMAGES_PER_S]) == (0.5, 0.125, 4)
    assert (first[schema.LR], first[schema.EPOCH]) == (0.5, 0.2)
    assert first[schema.MEMORY] > 10


def test_a_part_that_appears_midway_is_averaged_over_its_own_steps():
    reporter, state = Reporter(), make_state()
    means = LogMeans(3, reporter)
    step(state, means, target=1)
    step(state, means, target=1, source=4)
    step(state, means, target=1, source=6)
    assert reporter.rows[0][1][schema.loss("source")] == 5


def test_an_interval_goes_on_after_a_resume():
    reporter, state = Reporter(), make_state()
    first, second = LogMeans(4, reporter), LogMeans(4, reporter)
    step(state, first, source=1)
    step(state, first, source=2)
    second.load_state_dict(first.state_dict())
    step(state, second, source=3)
    step(state, second, source=6)
    assert reporter.rows[0][1][schema.loss("source")] == 3
