"""The loop on a network small enough to follow by hand."""

import itertools

import pytest
import torch
from torch import nn

from msl.data import Batch
from msl.errors import DivergedError
from msl.training import Callback, Schedule, State, Term, fit
from msl.training.callbacks import StopOnNaN
from msl.training.schedules import Poly


class Numbers:
    """A stream whose k-th batch is the number k + 1."""

    def __init__(self):
        self.position = 0

    def __next__(self):
        self.position += 1
        return Batch(torch.tensor([[float(self.position)]]), torch.zeros(1), (f"n{self.position}",))


def make(stop=4, lr=0.1, streams=("a",), horizon=100, power=0.0):
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 1.0)
    optimizer = torch.optim.SGD([{"params": model.parameters(), "lr": lr, "initial_lr": lr}])
    schedule = Schedule(lr=Poly(horizon, power), stop=stop, epoch_iters=2)
    return State(model=model, optimizer=optimizer, streams={s: Numbers() for s in streams}, schedule=schedule)


def product(model, batch):
    return {"product": model(batch.image).sum()}


def test_gradients_of_all_terms_and_parts_add_up_to_one_step():
    state = make(stop=1, streams=("a", "b"))

    def parts(model, batch):
        return {"one": model(batch.image).sum(), "two": 2 * model(batch.image).sum()}

    fit(state, [Term("a", product), Term("b", parts)], [])
    assert state.model.weight.item() == pytest.approx(1 - 0.1 * (1 + 1 + 2))  # gradients 1, 1 and 2 of batch 1


def test_a_term_counts_in_its_window_alone_and_leaves_its_stream_otherwise():
    seen = []

    def objective(name):
        def record(model, batch):
            seen.append((name, batch.image.item()))
            return {name: model(batch.image).sum()}

        return record

    state = make(stop=4, streams=("a", "b"))
    fit(state, [Term("a", objective("early"), stop=2), Term("b", objective("late"), start=1)], [])
    assert seen == [("early", 1), ("early", 2), ("late", 1), ("late", 2), ("late", 3)]
    assert {name: stream.position for name, stream in state.streams.items()} == {"a": 2, "b": 3}


def test_the_learning_rate_is_set_before_the_step():
    rates = []

    class Record(Callback):
        def on_step(self, state):
            rates.append(state.optimizer.param_groups[0]["lr"])

    fit(make(stop=4, lr=1.0, horizon=4, power=1.0), [Term("a", product)], [Record()])
    assert rates == [1.0, 0.75, 0.5, 0.25]


def test_callbacks_are_called_in_order_around_the_steps():
    calls = []

    class Record(Callback):
        def __init__(self, name):
            self.name = name

        def on_start(self, state):
            calls.append((self.name, "start", state.step))

        def on_step(self, state):
            calls.append((self.name, "step", state.step))

        def on_end(self, state):
            calls.append((self.name, "end", state.step))

    fit(make(stop=2), [Term("a", product)], [Record("x"), Record("y")])
    steps = [(name, "step", step) for step, name in itertools.product((1, 2), "xy")]
    assert calls == [("x", "start", 0), ("y", "start", 0), *steps, ("x", "end", 2), ("y", "end", 2)]


def test_a_step_tells_its_losses_and_batches():
    state = make(stop=3)
    fit(state, [Term("a", product)], [])
    assert state.batches == {"a": ("n3",)}
    assert state.parts.keys() == {"product"}
    assert not state.parts["product"].requires_grad
    assert state.seconds > 0


def test_one_graph_is_alive_at_a_time():
    """Backward frees a term's graph before the next term's forward."""
    alive = []

    class Tracked(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            alive.append("+")
            return x.clone()

        @staticmethod
        def backward(ctx, grad):
            alive.append("-")
            return grad

    def objective(model, batch):
        return {"x": Tracked.apply(model(batch.image)).sum()}

    fit(make(stop=1, streams=("a", "b")), [Term("a", objective), Term("b", objective)], [])
    assert "".join(alive) == "+-+-"


def squares(model, batch):
    return {"squares": (model(batch.image) ** 2).sum()}


def test_the_gradients_of_all_terms_are_clipped_together():
    state, plain = make(stop=3, streams=("a", "b")), nn.Linear(1, 1, bias=False)
    nn.init.constant_(plain.weight, 1.0)
    fit(state, [Term("a", product), Term("b", squares)], [], clip_norm=0.7)
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    for number in (1.0, 2.0, 3.0):
        image = torch.tensor([[number]])
        optimizer.zero_grad()
        (plain(image).sum() + (plain(image) ** 2).sum()).backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.7)
        optimizer.step()
    assert torch.equal(state.model.weight, plain.weight)
    assert plain.weight.item() == pytest.approx(1 - 3 * 0.1 * 0.7)  # each of the three was too large


@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_a_loss_that_is_no_number_stops_training_clipped_or_not(clip_norm):
    def undefined(model, batch):
        return {"undefined": (model(batch.image) - 2).log().sum()}  # of 1·1 - 2

    with pytest.raises(DivergedError, match=r"loss/undefined = nan at step 1 "):
        fit(make(), [Term("a", undefined)], [StopOnNaN()], clip_norm=clip_norm)


@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_an_infinite_gradient_of_a_finite_loss_stops_training_at_the_next_step(clip_norm):
    def steep(model, batch):
        return {"steep": (model(batch.image) - 1).abs().sqrt().sum()}  # the root's slope at 0

    with pytest.raises(DivergedError, match=r"loss/steep = (nan|inf) at step 2 "):
        fit(make(), [Term("a", steep)], [StopOnNaN()], clip_norm=clip_norm)


def test_a_finished_training_does_nothing_but_end():
    state = make(stop=4)
    state.step = 4
    fit(state, [Term("a", product)], [])
    assert state.streams["a"].position == 0
