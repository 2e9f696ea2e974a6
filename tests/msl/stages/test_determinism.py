"""What cannot give the same bits every time is refused by name; what can, does so on every device."""

import pytest
import torch
from torch import nn

from msl.checkpoints import About, read, write
from msl.config import AdaptationConfig, ModelConfig
from msl.data import Batch
from msl.errors import TrainingError
from msl.models import build_model
from msl.models.devices import to_device
from msl.stages.stage import Training
from msl.training import Schedule, State, Term
from msl.training.callbacks.checkpoints import capture, restore
from msl.training.objectives.adaptation import Adaptation
from msl.training.objectives.supervised import Supervised
from msl.training.random_states import random_states, restore_random_states
from msl.training.scaling import Scaling
from msl.training.schedules import Poly

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
MODES = ("maxsquare", "IW_maxsquare", "entropy", "IW_entropy", "hard")


class Noise:
    """A stream of random images with random labels."""

    def __init__(self, device, seed):
        self.position, self._device, self._generator = 0, device, torch.Generator().manual_seed(seed)

    def __next__(self):
        self.position += 1
        image = torch.randint(0, 256, (2, 3, 32, 64), dtype=torch.uint8, generator=self._generator)
        label = torch.randint(0, 5, (2, 32, 64), dtype=torch.uint8, generator=self._generator)
        return Batch(image.to(self._device), label.to(self._device), (f"n{self.position}",))

    def close(self):
        pass


def training(device="cpu", mode="IW_maxsquare", network="deeplabv2", terms=None, **options):
    torch.manual_seed(0)
    config = ModelConfig(width=0.25, num_classes=5, multi=True, network=network)
    model = to_device(build_model(config), torch.device(device))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    optimizer.param_groups[0]["initial_lr"] = 0.01
    streams = {"source": Noise(device, 1), "target": Noise(device, 2)}
    schedule = Schedule(lr=Poly(10, 0.9), stop=3, epoch_iters=3)
    state = State(model=model, optimizer=optimizer, streams=streams, schedule=schedule)
    adaptation = Adaptation(AdaptationConfig(target_mode=mode, threshold=0.3), 0.1)
    both = [Term("source", Supervised(0.1)), Term("target", adaptation)]
    return Training(state=state, terms=terms or both, callbacks={}, **options)


def weights(**options):
    course = training(**options)
    course.run()
    return torch.cat([value.double().flatten().cpu() for value in course.state.model.state_dict().values()])


def put(model, batch):
    cells = torch.zeros(2)
    cells.put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))
    return {"source": next(model.parameters()).sum()}


def test_an_operation_whose_bits_vary_is_refused_by_name():
    refusal = r"deterministic = True: put_ gives other bits .* Pass deterministic=false"
    with pytest.raises(TrainingError, match=refusal):
        training(terms=[Term("source", put)]).run()
    training(terms=[Term("source", put)], deterministic=False).run()


def test_the_setting_changes_nothing_on_a_cpu():
    assert torch.equal(weights(deterministic=True), weights(deterministic=False))


@needs_gpu
@pytest.mark.parametrize("network", ["deeplabv2", "deeplabv3plus"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_two_runs_have_the_same_bits_on_a_gpu(mode, network, precision):
    options = {"device": "cuda", "mode": mode, "network": network, "precision": precision}
    assert torch.equal(weights(**options), weights(**options))


def test_a_checkpoint_has_the_random_state_of_every_device():
    state = training(device="cuda" if torch.cuda.is_available() else "cpu").state
    states = capture(state, {}, None).progress.random
    assert set(states) >= {"cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))}
    expected = torch.rand(3)
    restore_random_states(states, torch.device("cpu"))
    assert torch.equal(torch.rand(3), expected)


def test_a_checkpoint_keeps_the_factor_of_losses_in_float16(tmp_path):
    course, fresh = (training(precision=torch.float16) for _ in range(2))
    for each in (course, fresh):
        each.state.scaling = Scaling(torch.device("cpu"), torch.float16)
    course.state.scaling.load_state_dict(course.state.scaling.state_dict() | {"scale": 8.0, "_growth_tracker": 3})
    write(tmp_path / "last.pt", capture(course.state, {}, About(group="g")))
    restore(read(tmp_path / "last.pt"), fresh.state, {})
    assert fresh.state.scaling.state_dict() == course.state.scaling.state_dict()
    assert fresh.state.scaling.state_dict()["scale"] == 8


@needs_gpu
@pytest.mark.parametrize("old", [False, True])
def test_the_state_of_the_gpu_that_trains_is_restored(old):
    """An older file has only ``cuda``."""
    device = torch.device("cuda", torch.cuda.device_count() - 1)
    states = random_states(device)
    states = {name: states[name] for name in ("cpu", "cuda")} if old else states
    expected = nn.functional.dropout(torch.ones(64, device=device))
    restore_random_states(states, device)
    assert torch.equal(nn.functional.dropout(torch.ones(64, device=device)), expected)
