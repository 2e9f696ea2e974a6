import pytest
import torch
from tolerances import SINGLE

from msl.config import AdaptationConfig
from msl.data import Batch
from msl.losses import (
    confident_labels,
    cross_entropy,
    entropy,
    guidance_labels,
    iw_entropy,
    iw_max_square,
    max_square,
)
from msl.models import SegOutput
from msl.training.objectives.adaptation import Adaptation
from msl.training.objectives.supervised import Supervised


def logits(seed, sharp=3.0):
    return sharp * torch.randn(2, 5, 6, 7, generator=torch.Generator().manual_seed(seed))


BATCH = Batch(torch.zeros(2, 3, 6, 7, dtype=torch.uint8), torch.randint(0, 5, (2, 6, 7)), ("a", "b"))
MAIN, AUX = logits(1), logits(2)


def single(_):
    return SegOutput(MAIN, None)


def double(_):
    return SegOutput(MAIN, AUX)


def test_supervision_of_one_and_of_two_outputs():
    assert Supervised(0.1)(single, BATCH).keys() == {"source"}
    parts = Supervised(0.1)(double, BATCH)
    torch.testing.assert_close(parts["source"], cross_entropy(MAIN, BATCH.label), **SINGLE)
    torch.testing.assert_close(parts["source_aux"], 0.1 * cross_entropy(AUX, BATCH.label), **SINGLE)


PROB = MAIN.softmax(1)
EXPECTED = {
    "maxsquare": max_square(PROB),
    "IW_maxsquare": iw_max_square(PROB, 0.3),
    "entropy": entropy(PROB),
    "IW_entropy": iw_entropy(PROB, 0.3),
    "hard": cross_entropy(MAIN, confident_labels(PROB, 0.8)),
}


@pytest.mark.parametrize("mode", EXPECTED)
def test_every_target_mode_is_its_function_times_lambda(mode):
    config = AdaptationConfig(target_mode=mode, lambda_target=0.07, iw_ratio=0.3, threshold=0.8)
    parts = Adaptation(config, lambda_seg=0.1)(single, BATCH)
    assert parts.keys() == {"target"}
    torch.testing.assert_close(parts["target"], 0.07 * EXPECTED[mode], **SINGLE)


def test_guidance_trains_the_second_output_and_the_objective_only_the_first():
    config = AdaptationConfig(target_mode="IW_maxsquare", lambda_target=0.09, threshold=0.8)
    main, aux = MAIN.clone().requires_grad_(), AUX.clone().requires_grad_()
    parts = Adaptation(config, lambda_seg=0.1)(lambda _: SegOutput(main, aux), BATCH)
    label = guidance_labels(PROB, AUX.softmax(1), 0.8)
    torch.testing.assert_close(parts["target_aux"], 0.1 * 0.09 * cross_entropy(AUX, label), **SINGLE)
    torch.testing.assert_close(parts["target"], 0.09 * iw_max_square(PROB), **SINGLE)
    assert torch.autograd.grad(parts["target"], aux, allow_unused=True, retain_graph=True) == (None,)
    assert torch.autograd.grad(parts["target_aux"], main, allow_unused=True) == (None,)


def test_the_target_objective_does_not_look_at_labels():
    config = AdaptationConfig(target_mode="maxsquare")
    other = Batch(BATCH.image, torch.full_like(BATCH.label, 255), BATCH.names)
    first, second = (Adaptation(config, 0.1)(double, batch) for batch in (BATCH, other))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("mode", EXPECTED)
def test_half_precision_logits_give_nearly_the_same(mode, dtype):
    config = AdaptationConfig(target_mode=mode, iw_ratio=0.3, threshold=0.8)
    half = Adaptation(config, 0.1)(lambda _: SegOutput(MAIN.to(dtype), None), BATCH)["target"]
    rounded = Adaptation(config, 0.1)(lambda _: SegOutput(MAIN.to(dtype).float(), None), BATCH)["target"]
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, rounded, **SINGLE)
