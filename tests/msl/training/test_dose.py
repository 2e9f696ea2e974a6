import pytest
import torch
from torch import nn

from msl.data import Batch
from msl.training import Schedule, State, Term, fit
from msl.training.callbacks import LogDose, LogGradientRatio
from msl.training.schedules import Poly


class Numbers:
    position = 0

    def __next__(self):
        return Batch(torch.ones(1, 2), torch.zeros(1), ("one",))


class Record:
    def __init__(self):
        self.rows = {}

    def metrics(self, values, step):
        self.rows |= {(name, step): value for name, value in values.items()}


def trained(callbacks, stop=5, horizon=5, steps=0):
    model = nn.Linear(2, 1, bias=False)
    nn.init.constant_(model.weight, 1.0)
    optimizer = torch.optim.SGD([{"params": model.parameters(), "lr": 0.2, "initial_lr": 0.2}])
    schedule = Schedule(lr=Poly(horizon, 1.0), stop=stop, epoch_iters=2)
    streams = {"source": Numbers(), "target": Numbers()}
    state = State(model=model, optimizer=optimizer, streams=streams, schedule=schedule, step=steps)

    def pull(weight):
        return lambda model, batch: {f"by {weight}": weight * model(batch.image).sum()}

    fit(state, [Term("source", pull(4.0)), Term("target", pull(1.0))], callbacks, clip_norm=0.1)
    return state.model.weight.tolist()


def test_the_dose_is_lambda_times_the_sum_of_the_learning_rates():
    record = Record()
    trained([LogDose(0.5, 2, record)])
    rates = [0.2, 0.16, 0.12, 0.08, 0.04]
    expected = {("adaptation/dose", step): pytest.approx(0.5 * sum(rates[:step])) for step in (2, 4, 5)}
    assert record.rows == expected


def test_a_dose_goes_on_where_it_was():
    record, first = Record(), LogDose(1.0, 9, Record())
    trained([first], stop=3)
    second = LogDose(1.0, 9, record)
    second.load_state_dict(first.state_dict())
    trained([second], steps=3)
    assert record.rows == {("adaptation/dose", 5): pytest.approx(0.6)}


def test_the_ratio_of_the_gradients_is_that_before_clipping_and_changes_nothing():
    record = Record()
    measured = trained([LogGradientRatio(2, record)])
    assert record.rows == {("adaptation/gradient_ratio", step): pytest.approx(0.25) for step in (2, 4, 5)}
    assert measured == trained([])
