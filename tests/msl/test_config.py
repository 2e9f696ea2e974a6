import pytest

from msl import schema
from msl.config import (
    AdaptConfig,
    EvaluateConfig,
    Group,
    JointAdainConfig,
    ModelConfig,
    OptimizerConfig,
    PretrainConfig,
    TargetSoloConfig,
)
from msl.config.catalog import OPTIMIZERS
from msl.config.choice import OnlyWith
from msl.errors import ConfigError

STAGES = [PretrainConfig, AdaptConfig, TargetSoloConfig, JointAdainConfig, EvaluateConfig]


@pytest.mark.parametrize("stage", STAGES)
def test_names_are_unique_within_a_stage(stage):
    names = [name for _, name, _ in stage.fields()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("stage", STAGES)
def test_every_option_is_described_and_spelled_with_underscores(stage):
    for name, field in stage.options().items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert name == name.lower()
        assert name.replace("_", "").isalnum()


def test_the_original_commands_options_are_there():
    names = "lambda_target target_mode multi lambda_seg threshold round_num epoch_each_round target_solo_epoch lr"
    names += " weight_decay momentum poly_power freeze_bn crop_size target_crop_size batch_size seed iw_ratio"
    assert set(names.split()) <= set(TargetSoloConfig.options())
    assert {"iter_max", "iter_stop"} <= set(PretrainConfig.options())


def test_defaults_are_the_papers():
    config = AdaptConfig()
    assert (config.optimizer.lr, config.optimizer.weight_decay, config.optimizer.momentum) == (2.5e-4, 5e-4, 0.9)
    assert (config.adaptation.lambda_target, config.adaptation.iw_ratio, config.adaptation.threshold) == (
        0.1,
        0.2,
        0.95,
    )
    assert (config.objective.lambda_seg, config.optimizer.head_lr_ratio, config.optimizer.poly_power) == (0.1, 10, 0.9)
    assert (PretrainConfig().schedule.iter_max, PretrainConfig().schedule.iter_stop) == (200_000, 80_000)
    assert (config.schedule.round_num, config.schedule.epoch_each_round) == (5, 2)
    assert TargetSoloConfig().schedule.target_solo_epoch == 20


def test_text_from_a_command_line_becomes_values():
    config = AdaptConfig.of(lambda_target="0.09", multi="true", crop_size="1280,720", batch_size="2", max_iters=None)
    assert config.adaptation.lambda_target == 0.09
    assert config.model.multi is True
    assert config.source.crop_size == (1280, 720)
    assert config.flat()["crop_size"] == "1280,720"
    assert config.edit(dilations="2,4").flat()["dilations"] == "2,4"
    assert config.edit(eval_scales="0.75,1,1.25").evaluation.eval_scales == (0.75, 1, 1.25)
    assert config.edit(eval_scales="0.75,1").flat()["eval_scales"] == "0.75,1"
    assert config.edit(extra_metrics="ECE, ECE").evaluation.extra_metrics == ("ECE",)
    assert config.edit(extra_metrics="ECE").flat()["extra_metrics"] == "ECE"
    assert config.flat()["extra_metrics"] is None
    assert config.edit(output_stride="16").model.output_stride == 16


def test_what_is_left_open_follows_the_network():
    def architecture(**settings):
        return ModelConfig(**settings).architecture()

    assert architecture()["output_stride"] == 8
    assert architecture()["dilations"] == (6, 12, 18, 24)
    assert architecture(network="deeplabv3plus")["output_stride"] == 16
    assert architecture(network="deeplabv3plus")["dilations"] == (6, 12, 18)
    assert architecture(network="deeplabv3plus", output_stride=8)["dilations"] == (12, 24, 36)
    assert architecture(dilations=(1, 2)) == architecture(dilations="1,2", output_stride=8)


def test_what_is_flattened_can_be_read_back():
    config = TargetSoloConfig.of(source="a.yaml", crop_size=(64, 32), iw_ratio=0.5, data_root="/data")
    assert TargetSoloConfig.of(**config.flat()) == config
    config = config.edit(optimizer="adamw", betas="0.85,0.9999", clip_norm="1", decay_norms="true")
    assert config.flat()["betas"] == "0.85,0.9999"
    assert TargetSoloConfig.of(**config.flat()) == config


def test_a_mark_names_a_setting_and_choices_that_there_are():
    marks = [m for field in OptimizerConfig.model_fields.values() for m in field.metadata if isinstance(m, OnlyWith)]
    assert marks
    assert {mark.setting for mark in marks} == {"optimizer"}
    assert {value for mark in marks for value in mark.values} <= set(OPTIMIZERS)


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        AdaptConfig().model.multi = True


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lambda_target": -1}, r"lambda_target = -1: input should be greater than or equal to 0 \(Weight of the"),
        ({"lambda_target": "nan"}, "lambda_target = 'nan'"),
        ({"target_mode": "maxsquares"}, "target_mode = 'maxsquares': unknown; did you mean maxsquare or IW_maxsquare"),
        ({"crop_size": "1280x720"}, "crop_size = '1280x720': a size is width,height in pixels"),
        ({"crop_size": "1280,7"}, "crop_size"),
        ({"dilations": "6;12"}, "dilations = '6;12': dilations are whole numbers with commas between"),
        ({"dilations": "6,0"}, "dilations"),
        ({"eval_scales": "1;2"}, "eval_scales = '1;2': scales are numbers with commas between"),
        ({"eval_scales": "0.1"}, "eval_scales = .* greater than or equal to 0.25"),
        ({"extra_metrics": "ECE,EC"}, "extra_metrics = 'EC': unknown; did you mean ECE. Choose one of ECE"),
        ({"extra_metrics": "ECE,mIoU"}, "extra_metrics = 'mIoU': every evaluation computes mIoU; leave it out"),
        ({"batch_size": "two"}, "batch_size = 'two'"),
        ({"multi": "perhaps"}, "multi = 'perhaps'"),
        ({"width": 0.5, "backbone": "resnet18"}, "width = 0.5 needs backbone = mobilenet_v2, not resnet18"),
        ({"extra_metrics": "ece"}, r"extra_metrics = 'ece': unknown; did you mean ECE\? Choose one of ECE \([^()]*\)$"),
        ({"dilations": "0"}, "^dilations = 0: input should be greater than or equal to 1 (?!.*at least 1 item)"),
        ({"optimizer": "SGD"}, "optimizer = 'SGD': unknown; did you mean sgd"),
        ({"optimizer": "adam"}, "optimizer = 'adam': unknown; did you mean adamw.* Choose one of sgd, adamw"),
        ({"betas": "0.9"}, "betas = '0.9': betas are two numbers with a comma between"),
        ({"betas": "0.9,0.99,0.999"}, "betas are two numbers"),
        ({"betas": "0.9,1"}, "betas = .* less than 1"),
        ({"clip_norm": 0}, "clip_norm = 0: input should be greater than 0"),
        ({"warmup_iters": -1}, "warmup_iters = -1"),
        ({"lambda_targets": 1}, "lambda_targets is not a setting of AdaptConfig"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_meaning(values, message):
    with pytest.raises(ConfigError, match=message):
        AdaptConfig.of(**values)


def test_every_bad_value_is_told_at_once():
    with pytest.raises(ConfigError, match=r"lr = 0.*lambda_target = -1"):
        AdaptConfig.of(lr=0, lambda_target=-1)


def test_schedules_that_never_come_to_their_point_are_refused():
    with pytest.raises(ConfigError, match="iter_stop = 11 is larger than iter_max = 10"):
        PretrainConfig.of(iter_max=10, iter_stop=11)
    with pytest.raises(ConfigError, match="target_solo_epoch = 20 is never reached in 10 epochs"):
        TargetSoloConfig.of(round_num=5, target_solo_epoch=20)


def test_a_warm_up_that_training_does_not_outlast_is_refused():
    with pytest.raises(ConfigError, match="warmup_iters = 10 is not smaller than the 10 iterations of training"):
        PretrainConfig.of(iter_max=20, iter_stop=10, warmup_iters=10)
    with pytest.raises(ConfigError, match="warmup_iters = 50 is not smaller than the 50 iterations"):
        AdaptConfig.of(epoch_iters=5, warmup_iters=50)
    assert AdaptConfig.of(warmup_iters=1500).edit(epoch_iters=151).optimizer.warmup_iters == 1500
    with pytest.raises(ConfigError, match="warmup_iters = 1500"):  # known when the images have been counted
        AdaptConfig.of(warmup_iters=1500).edit(epoch_iters=150)


def test_schedules():
    assert PretrainConfig().schedule.horizon(123) == 200_000
    assert PretrainConfig().schedule.stop(123) == 80_000
    assert PretrainConfig.of(iter_stop=None).schedule.stop(123) == 200_000
    assert AdaptConfig().schedule.horizon(2976) == AdaptConfig().schedule.stop(2976) == 29_760


def test_only_what_decides_the_weights_is_decisive():
    plain = PretrainConfig()
    for inert in (
        {"target": "cityscapes"},
        {"device": "cuda"},
        {"num_workers": 4},
        {"extra_metrics": "ECE"},
        {"panels": 0},
    ):
        assert plain.edit(**inert).decisive() == plain.decisive()
    for decisive in ({"source": "gta5"}, {"lr": 1.0}, {"seed": 1}, {"max_iters": 5}, {"precision": "bfloat16"}):
        assert plain.edit(**decisive).decisive() != plain.decisive()
    assert AdaptConfig.of(target="cityscapes").decisive() != AdaptConfig().decisive()


def test_how_scores_are_made_decides_what_they_are_compared_with():
    plain = PretrainConfig()
    for scoring in ({"eval_flip": True}, {"eval_scales": "0.5,1"}, {"resize_labels": True}):
        assert plain.edit(**scoring).decisive() == plain.decisive()
        assert plain.edit(**scoring).comparable() != plain.comparable()
    assert plain.edit(panels=0, extra_metrics="ECE", device="cpu").comparable() == plain.comparable()


def test_all_groups_refuse_what_they_do_not_know():
    assert Group.model_config["extra"] == "forbid"


def test_what_older_runs_did_is_what_the_settings_added_since_say_by_default():
    defaults = AdaptConfig().flat()
    assert {name: str(defaults[name]) for name in schema.ADDED_SETTINGS} == schema.ADDED_SETTINGS
