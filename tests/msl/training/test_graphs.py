"""Recorded passes give the bits of passes one by one. On a CPU a stand-in for CUDA graphs does recorded work again."""

from dataclasses import dataclass, field
from typing import ClassVar

import pytest
import torch
from torch import nn

from msl.data import Batch
from msl.training import Schedule, State, Term, fit
from msl.training.acceleration import accelerated
from msl.training.compiled import CompiledPasses
from msl.training.graphs import GraphPasses
from msl.training.loop import eager_passes
from msl.training.passes import EagerPasses
from msl.training.recordings import CudaRecorder
from msl.training.schedules import Poly

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class Images:
    def __init__(self, seed, sides=(8,), device="cpu"):
        self._generator, self._sides, self._device = torch.Generator().manual_seed(seed), sides, device
        self.position = 0

    def __next__(self):
        side = self._sides[self.position % len(self._sides)]
        self.position += 1
        image = torch.randn(2, 3, side, side, generator=self._generator).to(self._device)
        return Batch(image, torch.zeros(2), (f"n{self.position}",))

    def look_ahead(self):
        return 0.0


class Net(nn.Module):
    """A trunk, and a branch that only one of the terms reaches."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
        self.branch = nn.Conv2d(4, 2, 1)

    def forward(self, image):
        return self.trunk(image)


@dataclass
class Trunk:
    replayable: ClassVar[bool] = True
    weight: float = 1.0

    def __call__(self, model, batch):
        return {f"trunk{self.weight}": self.weight * model(batch.image).square().mean()}


@dataclass
class Branch:
    replayable: ClassVar[bool] = True

    def __call__(self, model, batch):
        return {"branch": model.branch(model(batch.image)).square().mean()}


@dataclass
class Again:
    """Recorded work that is done again; it counts its replays."""

    work: object
    parts: dict = field(default_factory=dict)
    replays: int = 0

    def replay(self):
        self.parts |= self.work()
        self.replays += 1


class Recorder:
    def __init__(self):
        self.recordings = []

    def warm_up(self, work):
        return work()

    def record(self, work):
        self.recordings.append(Again(work))
        return self.recordings[-1]


class Refusing(Recorder):
    def record(self, work):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")


def trained(make_passes, terms=None, sides=(8,), device="cpu", steps=8):
    torch.manual_seed(0)
    model = Net().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    optimizer.param_groups[0]["initial_lr"] = 0.1
    streams = {"a": Images(1, sides, device), "b": Images(2, device=device)}
    schedule = Schedule(lr=Poly(100, 1), stop=steps, epoch_iters=10)
    state = State(model=model, optimizer=optimizer, streams=streams, schedule=schedule)
    terms = terms or [Term("a", Trunk()), Term("b", Branch(), stop=6), Term("b", Trunk(0.5), start=2)]
    torch.manual_seed(1)
    fit(state, terms, [], passes=make_passes(eager_passes(state)))
    return torch.cat([value.double().flatten().cpu() for value in model.state_dict().values()])


def same(eager):
    return eager


def test_replays_give_the_bits_of_passes_one_by_one():
    recorder = Recorder()
    assert torch.equal(trained(lambda eager: GraphPasses(eager, recorder)), trained(same))
    assert [recording.replays for recording in recorder.recordings] == [5, 3, 3]


def test_each_shape_has_its_recording_and_too_many_are_not_recorded(caplog):
    recorder = Recorder()
    terms = [Term("a", Trunk())]
    two, five = (8, 9), (8, 9, 10, 11, 12)
    assert torch.equal(
        trained(lambda eager: GraphPasses(eager, recorder), terms, two, steps=10), trained(same, terms, two, steps=10)
    )
    assert [recording.replays for recording in recorder.recordings] == [2, 2]
    assert torch.equal(trained(lambda eager: GraphPasses(eager, recorder), terms, five), trained(same, terms, five))
    assert "the passes on a are not recorded, but go one by one: its batches have more than 4 shapes" in caplog.text


def test_what_cannot_be_recorded_goes_one_by_one_and_is_told(caplog):
    assert torch.equal(trained(lambda eager: GraphPasses(eager, Refusing())), trained(same))
    told = "compile = graphs: the passes on a are not recorded, but go one by one: operation not permitted"
    assert told in caplog.text


def test_an_objective_that_does_not_say_that_it_can_be_recorded_is_not(caplog):
    def plain(model, batch):
        return {"plain": model(batch.image).square().mean()}

    recorder, terms = Recorder(), [Term("a", plain), Term("b", Trunk())]
    assert torch.equal(trained(lambda eager: GraphPasses(eager, recorder), terms), trained(same, terms))
    assert [recording.replays for recording in recorder.recordings] == [5]
    assert "does not say that it can be" in caplog.text


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_the_compiled_network_trains_to_the_same_weights(backend):
    torch._dynamo.reset()
    terms = [Term("a", Trunk())]
    compiled = trained(lambda eager: CompiledPasses(eager, backend), terms, steps=3)
    torch.testing.assert_close(compiled, trained(same, terms, steps=3), rtol=1e-6, atol=1e-7)


def test_a_network_that_cannot_be_compiled_trains_to_the_same_bits_and_is_told(caplog):
    def failing(graph, inputs):
        raise ValueError("no compiler here")

    torch._dynamo.reset()
    assert torch.equal(trained(lambda eager: CompiledPasses(eager, failing), steps=3), trained(same, steps=3))
    assert "compile = network: training goes on without a compiled network: BackendCompilerFailed" in caplog.text


def test_on_a_cpu_nothing_is_recorded_and_a_wish_for_it_is_answered(caplog):
    eager = EagerPasses(Net(), None, None, None)
    assert accelerated(eager, "auto") is eager
    assert accelerated(eager, "off") is eager
    assert not caplog.records
    assert accelerated(eager, "graphs") is eager
    assert "device cpu has no CUDA graphs" in caplog.text


@needs_gpu
def test_cuda_graphs_give_the_bits_of_passes_one_by_one():
    device = torch.device("cuda")
    graphs = trained(lambda eager: GraphPasses(eager, CudaRecorder(device)), device="cuda")
    assert torch.equal(graphs, trained(same, device="cuda"))


@needs_gpu
def test_a_term_that_waits_for_the_gpu_goes_one_by_one(caplog):
    class Waits(Trunk):
        def __call__(self, model, batch):
            loss = model(batch.image).square().mean()
            return {"waits": loss * (1.0 if loss.item() > 0 else 2.0)}

    device, terms = torch.device("cuda"), [Term("a", Waits())]
    graphs = trained(lambda eager: GraphPasses(eager, CudaRecorder(device)), terms, device="cuda")
    assert torch.equal(graphs, trained(same, terms, device="cuda"))
    assert "are not recorded" in caplog.text
