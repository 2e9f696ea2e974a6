"""Search spaces as they are typed."""

import pytest

from msl.config import SweepConfig
from msl.errors import ConfigError
from msl.studies.space import Choice, Range, Space
from msl.studies.sweep import check_metric, check_sweep


def test_ranges_choices_and_constants():
    space = Space.of("lambda_target=0.1:10:log round-num=2:8 target_mode=maxsquare|hard crop_size=64,32")
    assert space.dimensions == {
        "lambda_target": Range(low=0.1, high=10, is_log=True),
        "round_num": Range(low=2, high=8, is_whole=True),
        "target_mode": Choice(values=("maxsquare", "hard")),
    }
    assert space.constants == {"crop_size": "64,32"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lambda_target", "is no setting with values"),
        ("lambda_target=1", "no setting varies"),
        ("lambda_target=2:1", "LOW is less than HIGH"),
        ("lambda_target=0:1:log", "with log above 0"),
        ("lambda_target=0:1:lin", "LOW is less than HIGH"),
        ("lambda_target=a:b", "is no number"),
        ("lr=1:2 lr=3", "space: lr is given 2 times, as lr=1:2 and lr=3: give it once"),
    ],
)
def test_a_wrong_space_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        Space.of(text)


@pytest.mark.parametrize(
    ("metric", "needs_labels"),
    [
        *[("source/mIoU", False), ("target/mIoU", True), ("target/IoU/road", True), ("loss/target", False)],
        *[("target/criteria/entropy", False), ("last/target/PA", True)],
    ],
)
def test_a_choice_by_target_labels_must_be_said(metric, needs_labels):
    config = SweepConfig(space="lr=1:2", metric=metric)
    check_metric(config.model_copy(update={"oracle": True}))
    if needs_labels:
        with pytest.raises(ConfigError, match="oracle=true"):
            check_metric(config)
    else:
        check_metric(config)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ("lambda_targt=1:2", "lambda_targt is not a setting of AdaptConfig; did you mean lambda_target"),
        ("lambda_target=-1:2", "lambda_target = '-1': input should be greater than or equal to 0"),
        ("target_mode=maxsquare|max", "target_mode = 'max'"),
    ],
)
def test_a_sweep_is_checked_before_a_run_is_opened(space, message):
    pytest.importorskip("optuna", reason="Optuna is an extra")
    with pytest.raises(ConfigError, match=message):
        check_sweep(SweepConfig.of(space=space))
