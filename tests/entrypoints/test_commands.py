"""The commands: every setting is an option, MLproject names them as they are, and help and errors are plain."""

import json
import re
import subprocess
import sys

import data_factory as factory
import pytest
import yaml
from click import NoSuchOption
from click.testing import CliRunner
from conftest import REPOSITORY

from entrypoints import (
    adapt,
    backup,
    bn,
    clean,
    deeplabv3p,
    evaluate,
    joint_adain,
    package,
    predict,
    prepare,
    pretrain,
    report,
    restore,
    self_train,
    serve,
    study,
    stylize,
    sweep,
    sync,
    target_solo,
    train_style,
    validate,
)
from msl.commands.command import FROM_RECIPE, parse_options
from msl.commands.outcome import print_outcome
from msl.commands.values import setting_value, spell
from msl.config import (
    AdaptConfig,
    BnConfig,
    EvaluateConfig,
    JointAdainConfig,
    PackageConfig,
    PredictConfig,
    PrepareConfig,
    PretrainConfig,
    ReportConfig,
    RequestConfig,
    SelfTrainConfig,
    StudyConfig,
    StylizeConfig,
    SweepConfig,
    SyncConfig,
    TargetSoloConfig,
    TrainStyleConfig,
    ValidateConfig,
)
from msl.recipes import find_recipe
from msl.service.settings import BackupConfig, CleanConfig, RestoreConfig, ServeConfig

COMMANDS = {
    "pretrain": (pretrain.main, PretrainConfig.options()),
    "adapt": (adapt.main, AdaptConfig.options()),
    "bn": (bn.main, BnConfig.options()),
    "target_solo": (target_solo.main, TargetSoloConfig.options()),
    "self_train": (self_train.main, SelfTrainConfig.options()),
    "joint_adain": (joint_adain.main, JointAdainConfig.options()),
    "train_style": (train_style.main, TrainStyleConfig.options()),
    "stylize": (stylize.main, StylizeConfig.options()),
    "evaluate": (evaluate.main, EvaluateConfig.options()),
    "predict": (predict.main, PredictConfig.options()),
    "package": (package.main, PackageConfig.options()),
    "validate": (validate.main, ValidateConfig.options()),
    "prepare": (prepare.main, PrepareConfig.options()),
    "report": (report.main, ReportConfig.model_fields),
    "study": (study.main, StudyConfig.model_fields),
    "sweep": (sweep.main, SweepConfig.model_fields),
    "serve": (serve.main, ServeConfig.model_fields),
    "backup": (backup.main, BackupConfig.model_fields),
    "restore": (restore.main, RestoreConfig.model_fields),
    "clean": (clean.main, CleanConfig.model_fields),
    "sync": (sync.main, SyncConfig.model_fields),
    "deeplabv3p": (deeplabv3p.main, AdaptConfig.options() | PretrainConfig.options()),
}
del COMMANDS["deeplabv3p"][1]["network"]  # the command itself says which
PROJECT = yaml.safe_load((REPOSITORY / "MLproject").read_text())
REQUEST = set(RequestConfig.model_fields)
ASKED = {
    "evaluate": {"group", "dry_run"},
    "predict": {"dry_run"},
    "package": {"dry_run"},
    "validate": {"recipe", "group", "dry_run"},
    "prepare": {"recipe", "dry_run"},
    "report": set(),
    "study": {"dry_run"},
    "sweep": {"dry_run"},
}
ASKED |= {name: set() for name in ("serve", "backup", "restore", "clean", "sync")}


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_the_settings(name):
    command, settings = COMMANDS[name]
    options = {parameter.name: parameter for parameter in command.params if parameter.expose_value}
    assert set(options) == ASKED.get(name, REQUEST) | set(settings)
    for option, field in settings.items():
        assert options[option].opts == [f"--{option}"]
        assert options[option].help.startswith(field.description)
        assert options[option].required == field.is_required()


@pytest.mark.parametrize("name", COMMANDS)
def test_mlproject_names_options_with_their_defaults(name):
    entry, (_, settings) = PROJECT["entry_points"][name], COMMANDS[name]
    known = {**RequestConfig.model_fields, **settings}
    for parameter, spec in entry["parameters"].items():
        field = known[parameter]
        if field.is_required():
            assert "default" not in spec
        elif parameter == "recipe":
            assert spec["default"] == field.default
        else:
            assert str(spec["default"]) in (FROM_RECIPE, spell(field.default))
        # MLflow knows no integers; a number is a float to it.
        assert spec["type"] == ("float" if setting_value(field).metavar in ("INTEGER", "FLOAT") else "string")
    passed = re.findall(r"--(\w+) \{(\w+)\}", entry["command"])
    assert passed == [(parameter, parameter) for parameter in entry["parameters"]]
    assert entry["command"].startswith(f"python -m entrypoints.{name} ")


def test_main_is_adapt():
    assert PROJECT["entry_points"]["main"] == PROJECT["entry_points"]["adapt"]
    assert set(PROJECT["entry_points"]) == {"main", *COMMANDS}


def shown(config):
    """What a dry run prints: not the number of classes, which the data tells."""
    return {name: value for name, value in config.flat().items() if name != "num_classes"}


def dry_run(command, *arguments):
    result = CliRunner().invoke(command, ["--dry_run", *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_dry_run_prints_the_resolved_settings():
    plain = dry_run(adapt.main)
    assert plain == shown(find_recipe("streets").adapt)
    assert dry_run(adapt.main, "--lambda_target", "0.09")["lambda_target"] == 0.09
    assert dry_run(evaluate.main, "--checkpoint", "x.pt")["checkpoint"] == "x.pt"


def test_validate_checks_the_recipes_domains_or_others():
    plain = dry_run(validate.main, "--recipe", "camvid_day_dusk")
    assert (plain["source"], plain["target"], plain["split"]) == ("camvid_day", "camvid_dusk", "train,val")
    other = dry_run(validate.main, "--source", "none", "--target", "cityscapes", "--split", "test")
    assert (other["source"], other["target"], other["split"]) == (None, "cityscapes", "test")


def test_validate_exits_with_1_if_there_are_problems(store, tmp_path):
    wrong = factory.damaged_gta5(tmp_path)
    arguments = ["--source", "gta5", "--target", "none", "--data_root", str(tmp_path)]
    result = CliRunner().invoke(validate.main, arguments)
    assert result.exit_code == 1
    assert "Error: gta5/train: 8 of 12 samples cannot be used: 2 missing, " in result.output
    assert all(f"{name}.png: " in result.output for name in wrong)
    assert "Traceback" not in result.output
    result = CliRunner().invoke(validate.main, [*arguments, "--split", "val"])
    assert result.exit_code == 0, result.output
    assert "gta5/val: 12 samples, all usable" in result.output


def test_deeplabv3p_pretrains_and_from_a_checkpoint_adapts():
    plain, adapted = dry_run(deeplabv3p.main), dry_run(deeplabv3p.main, "--checkpoint", "x.pt")
    assert plain == shown(find_recipe("streets").pretrain.edit(network="deeplabv3plus"))
    assert adapted == shown(find_recipe("streets").adapt.edit(network="deeplabv3plus", checkpoint="x.pt"))


def test_what_mlproject_passes_leaves_everything_to_the_recipe():
    entry = PROJECT["entry_points"]["adapt"]
    defaults = {name: str(spec["default"]) for name, spec in entry["parameters"].items()}
    arguments = entry["command"].format(**defaults).split()[3:]
    assert dry_run(adapt.main, *arguments) == shown(find_recipe("streets").adapt)


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--multi"], "multi", True),
        (["--multi", "true"], "multi", True),
        (["--multi", "False"], "multi", False),
        (["--IW_ratio", "0.5"], "iw_ratio", 0.5),
        (["--lambda-target", "0.5"], "lambda_target", 0.5),
        (["--crop_size", "1280,720"], "crop_size", "1280,720"),
        (["--max_iters", "none"], "max_iters", None),
        (["--recipe", "camvid_day_dusk"], "weights", "imagenet"),
        (["--weights", "none"], "weights", "none"),
        (["--optimizer", "adamw", "--lr", "6e-5", "--betas", "0.8,0.99"], "betas", "0.8,0.99"),
        (["--clip_norm", "none"], "clip_norm", None),
        (["--extra_metrics", "ECE"], "extra_metrics", "ECE"),
        (["--extra_metrics", "none"], "extra_metrics", None),
    ],
)
def test_spellings(arguments, name, value):
    assert dry_run(adapt.main, *arguments)[name] == value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lambda_target", "-1"], "Error: lambda_target = '-1': input should be greater than or equal to 0"),
        (["--recipe", "street"], "Error: recipe = 'street' is unknown. Did you mean streets?"),
        (["--target_mode", "max"], "Error: target_mode = 'max': unknown; did you mean maxsquare"),
        (["--lambda_targt", "1"], NoSuchOption("--lambda_targt").format_message()),  # each click has its own words
        (["--lambda_targt", "1"], "--lambda_target"),
        (["--network", "deeplabv3plus", "--batch_size", "1"], "needs two images. Pass batch_size=2 or freeze_bn=true"),
        (["--extra_metrics", "ec"], "Error: extra_metrics = 'ec': unknown; "),
        (["--width", "0.5", "--backbone", "resnet18"], "width = 0.5 needs backbone = mobilenet_v2"),
        (["--optimizer", "adamw", "--momentum", "0.8"], "Error: momentum = 0.8: optimizer = adamw has no such setting"),
        (["--betas", "0.8,0.9"], "Leave betas out, or pass optimizer=adamw."),
    ],
)
def test_a_bad_option_ends_with_one_message(arguments, message):
    result = CliRunner().invoke(adapt.main, arguments)
    assert result.exit_code != 0
    assert message in result.output
    assert "Traceback" not in result.output


def test_the_scores_printed_at_the_end_include_those_asked_for(capsys):
    usual = {"source/mIoU": 60, "target/mIoU": 40.126, "target/mIoU_resized": 41, "target/PA": 80, "target/IoU/road": 9}
    print_outcome("123", usual)
    assert capsys.readouterr().out.splitlines()[:2] == ["target: mIoU 40.13, PA 80.00", "source: mIoU 60.00"]
    print_outcome("123", usual | {"target/ECE": 7.5})
    assert capsys.readouterr().out.splitlines()[0] == "target: mIoU 40.13, PA 80.00, ECE 7.50"


@pytest.mark.parametrize(
    ("store", "hint"),
    [
        (None, "`mlflow ui`"),
        ("sqlite:///elsewhere.db", '`mlflow ui --backend-store-uri "$MLFLOW_TRACKING_URI"`'),
        ("http://me:secret@host", "the tracking server of MLFLOW_TRACKING_URI"),
    ],
)
def test_the_end_says_where_the_run_is_shown(store, hint, monkeypatch, capsys):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if store is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    print_outcome("123", {})
    assert capsys.readouterr().out == f"run 123; {hint} shows it\n"


def test_names_to_list_are_shown_as_such():
    assert setting_value(EvaluateConfig.options()["extra_metrics"]).metavar == "NAME,NAME,…"
    assert spell(("ECE", "other")) == "ECE,other"


def test_only_what_was_given_overrides():
    assert parse_options({"lr": "0.1", "seed": None, "source": "recipe", "max_iters": "None"}) == {
        "lr": "0.1",
        "max_iters": None,
    }


@pytest.mark.parametrize("name", [*COMMANDS, "analysis"])
def test_help_loads_nothing_that_takes_long(name):
    """So it comes in under a second; `make bench` says how much sooner than torch alone could be there."""
    module = "analysis" if name == "analysis" else f"entrypoints.{name}"
    command = [sys.executable, "-X", "importtime", "-m", module, "--help"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True, text=True)
    assert "Usage:" in done.stdout
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "click" in loaded
    assert not loaded & {"torch", "torchvision", "mlflow", "pandas", "numpy", "sqlalchemy", "matplotlib"}
