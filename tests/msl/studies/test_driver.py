"""Studies carried out: each run once, what is done is not repeated, a lost job goes on, a second driver is refused."""

import json
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

import own_data
import pytest
import study_kills
import tiny
from mlflow.tracking import MlflowClient
from terminals import CTRL_C, at_terminal
from trainings import journal_texts
from warm import start

from msl import schema
from msl.config import StudyConfig
from msl.errors import CheckpointError, ConfigError, TrackingError, TrainingError
from msl.runs import run as carry_out
from msl.studies import Graph, Row, Study
from msl.studies.conduct import conduct, plan_text
from msl.studies.folder import StudyFolder
from msl.studies.miniature import miniature

pytestmark = [pytest.mark.usefixtures("warm_jobs", "tiny_store"), pytest.mark.xdist_group("warm jobs")]


def config(**settings):
    return StudyConfig(name="tiny", executor="warm", slots=2, **settings)


@pytest.fixture(autouse=True)
def _code(monkeypatch):
    """The jobs are forks, so that a frozen copy would not be used."""
    monkeypatch.setattr("msl.studies.conduct.frozen_copy", lambda folder, code: folder)


def study(*rows, seeds=(0,), **settings):
    rows = tuple(Row(recipe="streets", **row) for row in rows)
    return Study(name="tiny", rows=rows, settings={**tiny.SETTINGS, **settings}, seeds=seeds)


def runs():
    return {run.info.run_id: run for run in MlflowClient().search_runs(["0"])}


def test_a_study_from_beginning_to_end_and_again(tmp_path):
    lines = []
    carry_out(tiny.request("adapt", seed=1).for_parent("pretrain"))  # is done already
    before = set(runs())
    conduct(study({"stage": "adapt", "twins": True}, seeds=(0, 1)), config(), lines.append, None)
    made = {run_id: run for run_id, run in runs().items() if run_id not in before}
    parent = next(run for run in made.values() if run.data.tags[schema.STAGE] == "study")
    nodes = [run for run in made.values() if run is not parent]
    assert parent.info.status == "FINISHED"
    assert sorted(run.data.tags[schema.STAGE] for run in nodes) == ["adapt"] * 4 + ["pretrain"]
    assert {run.data.tags["mlflow.parentRunId"] for run in nodes} == {parent.info.run_id}
    assert {run.info.status for run in nodes} == {"FINISHED"}
    planned = Graph.of(study({"stage": "adapt", "twins": True}, seeds=(0, 1)))
    assert {node.key for node in planned} >= {run.data.tags[schema.STUDY_NODE] for run in nodes}
    jobs = StudyFolder.of("tiny", None).path / "jobs"
    for run in nodes:  # as it was planned
        job = json.loads((jobs / f"{run.data.tags[schema.STUDY_NODE]}.json").read_text())
        assert job["fingerprint"] == run.data.tags[schema.FINGERPRINT]
    table = tiny.artifact(parent.info.run_id, "study/table.csv").read_text().splitlines()
    assert len(table) == 7
    assert table[1].startswith('"done","pretrain streets')

    conduct(study({"stage": "adapt", "twins": True}, seeds=(0, 1)), config(), lines.append, None)
    assert len(runs()) == len(made) + 2  # only another parent run
    assert {path.name for path in Path(".msl").iterdir()} == {"studies"}

    (line,) = [line for line in plan_text(study({"stage": "adapt"}), config()) if "adapt" in line]
    assert re.fullmatch(r"└─ ✓ adapt streets.* seed=0  done: run [0-9a-f]{8}", line)  # scored as it is wanted
    otherwise = study({"stage": "adapt"}, extra_metrics=("ECE",), eval_scales=(0.5, 1.0))
    (line,) = [line for line in plan_text(otherwise, config()) if "adapt" in line]
    assert line.endswith("; it was scored with eval_scales=1, not 0.5,1; extra_metrics=None, not ECE")


def test_a_user_says_what_every_job_needs(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    rows = study({"stage": "pretrain", "cores": 3, "cards": 0.25})
    said = {"cores": 2, "memory_gb": 0.5, "cards": 0.5}
    assert "1 at a time" in "\n".join(plan_text(rows, StudyConfig(name="tiny", cards=1)))
    conduct(rows, config(**said), print, None)
    (submission,) = StudyFolder.of("tiny", None).submissions().values()
    handle = json.loads(submission.handle)
    needs = {name: handle[name] for name in ("cores", "memory_gb", "cards", "share")}
    assert needs == {"cores": 2, "memory_gb": 0.5, "cards": ["7"], "share": 0.5}


def test_a_row_that_never_fits_is_refused_before_the_first_run(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    rows = study({"stage": "pretrain"}, {"stage": "pretrain", "settings": {"lr": 0.5}, "cards": 2})
    with pytest.raises(ConfigError, match="a job needs 2 graphics cards, and this machine has 1. Pass cards=1 for all"):
        conduct(rows, config(), print, None)
    assert not runs()
    plan = list(plan_text(rows, config()))  # a plan may be read on another machine
    assert plan[1].startswith("2 runs")


def test_what_exists_of_copies_is_in_the_plan(tmp_path):
    rows = (Row(stage="pretrain", recipe="paper/trans_alpha1wts1"),)
    styled, lines = Study(name="tiny", rows=rows, scaled=miniature(tmp_path / "data").of), []
    conduct(styled, config(), lines.append, None)
    before = len(runs())
    plan = list(plan_text(styled, config()))
    assert plan[1].startswith("4 runs: 4 done, 0 to do")
    assert sum("✓" in line for line in plan) == 4
    conduct(styled, config(), lines.append, None)
    assert len(runs()) == before + 1  # only another parent run
    assert not [line for line in lines if "not the planned one" in line]


def test_what_fails_is_said_and_the_rest_goes_on():
    rows = {"stage": "adapt"}, {"stage": "adapt", "settings": {"lr": 1e30}}
    lines = []
    with pytest.raises(TrainingError, match=r"1 of 3 runs are missing; the same command") as error:
        conduct(study(*rows), config(retries=1), lines.append, None)
    assert "seed=0: loss/source = nan" in str(error.value)
    assert "Error: loss/source = nan" in str(error.value)  # from its log
    assert not [line for line in lines if line.endswith("follows")]  # it would diverge again
    statuses = sorted(run.info.status for run in runs().values())
    assert statuses == ["FAILED", "FAILED", "FINISHED", "FINISHED"]


def test_what_may_work_later_is_tried_again(tmp_path):
    domain, image, lines = str(own_data.low_bit_labels(tmp_path)), tmp_path / "img/3.png", []

    def say(line):
        lines.append(line)
        if line.startswith("study tiny: run"):  # it is planned; now somebody copies the image once more
            image.write_bytes(image.read_bytes()[:200])

    with pytest.raises(TrainingError, match=r"its job ended 2 times without a finished run: low_bits/train: 1 of 4 "):
        conduct(study({"stage": "pretrain"}, source=domain, target=domain), config(retries=1), say, None)
    (again,) = (line for line in lines if line.endswith("start 2 of 2 follows"))
    assert "1 of 4 samples cannot be used: 1 unreadable; start" in again


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": "nowhere.pth"}, "weights = nowhere.pth: no such file"),
        ({"backbone": "mobilenet_v2", "weights": "imagenet"}, "weights = imagenet exist only for width = 1"),
    ],
)
def test_weights_are_looked_at_before_anything_is_trained(changes, message):
    rows = {"stage": "pretrain"}, {"stage": "adapt", "settings": changes}
    with pytest.raises(CheckpointError, match=message):
        conduct(study(*rows), config(), print, None)
    assert not runs()


def test_style_encoders_are_looked_at_before_anything_is_trained(tmp_path):
    (tmp_path / "encoder.pth").write_bytes(b"PK\x03\x04 cut")
    style = Row(
        stage="train_style", settings={"content": "tiny.yaml", "style": "tiny_real.yaml", "encoder": "encoder.pth"}
    )
    with pytest.raises(CheckpointError, match="encoder"):
        conduct(Study(name="tiny", rows=(style,)), config(), print, None)
    assert not runs()


def test_one_study_through_every_disturbance(tmp_path):
    tiny.write_study([{"stage": "pretrain", "recipe": "streets"}], max_iters=24, checkpoint_every=4)
    driver, log = drive(tmp_path), tmp_path / "driver.log"
    os.killpg(wait_for(lambda: job_at_work(tmp_path)), signal.SIGKILL)
    wait_for(lambda: "its job was lost; start 2 of 3 follows" in log.read_text() or None)

    with pytest.raises(TrackingError, match=rf"is driven by process {driver.pid} on "):
        conduct(study({"stage": "pretrain"}), config(), print, None)

    job = wait_for(lambda: job_at_work(tmp_path))
    os.kill(driver.pid, signal.SIGINT)
    driver.wait()
    assert not Path(f"/proc/{job}").exists()
    # FAILED: it had just been started; FINISHED: it had just ended
    assert {run.info.status for run in runs().values()} <= {"KILLED", "FAILED", "FINISHED"}

    drive(tmp_path).wait()
    assert {run.info.status for run in runs().values()} == {"FINISHED"}
    (run,) = [run for run in runs().values() if schema.STUDY_NODE in run.data.tags]
    assert run.data.tags[schema.ATTEMPTS] in ("2", "3")  # a start that ended before it took the run is none


def test_ctrl_c_at_a_terminal_asks_before_it_ends_the_jobs(tmp_path):
    tiny.write_study([{"stage": "pretrain", "recipe": "streets"}], max_iters=10_000, checkpoint_every=10_000)
    with at_terminal([sys.executable, "-m", "entrypoints.study", "--name", "tiny_study.yaml"]) as terminal:
        job = wait_for(lambda: job_at_work(tmp_path))
        terminal.type(CTRL_C)
        terminal.wait_for("End the study, and its 1 jobs, each with a checkpoint? [y/N]")
        terminal.type("n\n")
        time.sleep(1)
        assert (terminal.process.poll(), Path(f"/proc/{job}").exists()) == (None, True)

        terminal.type(CTRL_C)
        terminal.wait_for("[y/N]")
        terminal.type(CTRL_C)
        terminal.wait_for("ending 1 jobs; the same command continues the study")
        terminal.process.wait(60)
    stopped = runs().values()
    assert {run.info.status for run in stopped} == {"KILLED"}
    (of_study,) = [run.data.tags[schema.ERROR] for run in stopped if run.data.tags[schema.STAGE] == "study"]
    assert of_study == "stopped by SIGINT. The same command starts it again"


def test_a_killed_driver_is_taken_over():
    count = study_kills.plan(6)
    assert study_kills.disturb(2, 2, random.Random(1), 2.5)
    study_kills.check(count)


def drive(folder):
    options = ["--name", "tiny_study.yaml", "--executor", "warm", "--slots", "2"]
    return start("study", options, os.environ, folder, folder / "driver.log")


def job_at_work(folder):
    """The number of a living process whose run has trained a step."""
    submitted = folder / ".msl/studies/tiny/submissions.json"
    if not submitted.exists() or not any('"step":' in text for text in journal_texts(folder / ".msl")):
        return None
    (submission,) = json.loads(submitted.read_text()).values()
    pid = json.loads(submission["handle"])["process"]["pid"]
    return pid if Path(f"/proc/{pid}").exists() else None


def wait_for(condition):
    until = time.monotonic() + 300  # on a busy machine a driver takes a minute to start
    while (value := condition()) is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    return value
