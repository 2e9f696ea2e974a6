import pytest

from msl.config import OptimizerConfig
from msl.training.schedules import Inverse, Poly, Warmup, lr_schedule


@pytest.mark.parametrize(
    ("step", "lr"),
    [(0, 2.5e-4), (1, 2.4999887e-4), (80_000, 1.5786e-4), (100_000, 1.33973e-4), (199_999, 4.23656e-9), (200_000, 0.0)],
)
def test_poly_at_named_steps(step, lr):
    """The pretraining of the paper; at its stop the learning rate is still 1.58e-4."""
    assert 2.5e-4 * Poly(200_000, 0.9).factor(step) == pytest.approx(lr, rel=1e-4)


def test_power_zero_is_constant_until_the_horizon():
    assert [Poly(10, 0).factor(step) for step in (0, 5, 9)] == [1, 1, 1]


def test_a_warm_up_rises_in_a_straight_line_to_the_schedule():
    assert [Warmup(Poly(100, 0), 4, 0.5).factor(step) for step in range(6)] == [0.5, 0.625, 0.75, 0.875, 1, 1]
    assert [Warmup(Poly(8, 1), 4, 0).factor(step) for step in range(9)] == [
        *(0, 0.25 * 0.875, 0.5 * 0.75, 0.75 * 0.625),
        *(0.5, 0.375, 0.25, 0.125, 0),
    ]


@pytest.mark.parametrize(
    ("step", "lr"),
    [
        (0, 6e-11),
        (1, 4.0058958501e-8),
        (750, 2.94375294375e-5),
        (1499, 5.7712999038501e-5),
        (1500, 5.775e-5),
        (20_000, 3e-5),
        (39_999, 1.5e-9),
    ],
)
def test_the_usual_schedule_of_a_transformer_at_named_steps(step, lr):
    """DAFormer's: 1500 of 40 000 steps from a millionth, power 1; by hand, 6e-5 (1 - t/T) (r + (1 - r) t/W)."""
    schedule = lr_schedule(OptimizerConfig(warmup_iters=1500, poly_power=1.0), 40_000)
    assert 6e-5 * schedule.factor(step) == pytest.approx(lr, rel=1e-10)


@pytest.mark.parametrize("warmup_iters", [0, 7])
def test_after_the_warm_up_the_curve_is_the_plain_one(warmup_iters):
    warmed = lr_schedule(OptimizerConfig(warmup_iters=warmup_iters), 50)
    assert all(warmed.factor(step) == Poly(50, 0.9).factor(step) for step in range(warmup_iters, 52))


def test_inverse_decay():
    assert [Inverse(0.5).factor(step) for step in (0, 2, 6)] == [1, 0.5, 0.25]
