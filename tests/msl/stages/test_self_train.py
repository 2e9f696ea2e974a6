"""Self-training as a stage; its curves are in test_golden.py, its resume in tests/msl/runs/test_resume.py."""

import pytest
from mlflow.tracking import MlflowClient
from tiny import checkpoint, request, varied_checkpoint

from msl.config import SelfTrainConfig
from msl.errors import ConfigError
from msl.runs import run as carry_out

TWO = {"max_iters": 2, "epoch_iters": 2, "eval_every": 2, "log_every": 1}


def test_a_twin_learns_from_the_source_alone_and_its_teacher_is_in_the_checkpoint(tiny_store, tmp_path):
    start = varied_checkpoint(tmp_path / "start.pt")
    run = carry_out(request("self_train", checkpoint=start, lambda_mixed=0, pseudo_threshold=0.1, **TWO))
    logged = MlflowClient().get_run(run.run_id).data.metrics
    assert (logged["loss/mixed"], logged["adaptation/gradient_ratio"]) == (0, 0)
    assert 0 < logged["self_train/confident_share"] <= 100
    saved = checkpoint(run.run_id)
    teacher = saved["callbacks"]["teacher"]
    assert teacher["steps"] == 2
    assert teacher["weights"].keys() == saved["weights"].keys()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mix_crop": (512, 64)}, "mix_crop = 512,64 is larger than crop_size = 256,128"),
        ({"mix_crop": (200, 120), "target_crop_size": (200, 100)}, "larger than target_crop_size = 200,100"),
        ({"teacher_decay": 1.0}, "teacher_decay"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        SelfTrainConfig.of(**settings)


def test_a_setting_that_nothing_reads_is_refused():
    with pytest.raises(ConfigError, match="mask_block = 32: masking = none has no such setting"):
        SelfTrainConfig().override(mask_block=32)
