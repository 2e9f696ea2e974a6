"""A sweep: a run for each trial, a score without target labels, a picture of all, and what an early end leaves."""

from pathlib import Path

import own_data
import pytest
import tiny
from click.testing import CliRunner
from mlflow.tracking import MlflowClient

from entrypoints import sweep
from msl import schema
from msl.config import SweepConfig
from msl.inputs.fitting import find_request
from msl.studies.graph import Graph
from msl.studies.states import DONE, PRUNED, Standing
from msl.studies.sweep import Sweep
from msl.tracking.study_runs import SeenRun

pytest.importorskip("optuna", reason="Optuna is not installed: pip install msl[optuna]")
CONSTANTS = " ".join(f"{k}={','.join(map(str, v)) if isinstance(v, tuple) else v}" for k, v in tiny.SETTINGS.items())
SPACE = f"lambda_target=0.5:8:log target_mode=maxsquare|hard {CONSTANTS}"


@pytest.mark.xdist_group("warm jobs")
def test_a_grid_is_run_once_and_drawn(warm_jobs, tiny_store, monkeypatch):
    monkeypatch.setattr("msl.studies.conduct.frozen_copy", lambda folder, code: folder)  # the jobs are forks
    space = f"target_mode=maxsquare|hard {CONSTANTS}"
    options = ["--space", space, "--sampler", "grid", "--executor", "warm", "--slots", "2"]
    result = CliRunner().invoke(sweep.main, options)
    assert result.exit_code == 0, result.output
    assert "best source/mIoU: " in result.output
    runs = MlflowClient().search_runs(["0"])
    assert sorted(run.data.tags[schema.STAGE] for run in runs) == ["adapt", "adapt", "pretrain", "study"]
    parent = next(run for run in runs if schema.STUDY in run.data.tags)
    assert (parent.data.tags[schema.SWEEP_METRIC], parent.data.tags[schema.SWEEP_ORACLE]) == ("source/mIoU", "false")
    report = Path(parent.info.artifact_uri, schema.REPORT_FOLDER)
    assert "parallel_coordinates.png" in {path.name for path in report.iterdir()}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--space", "lamda_target=0.1:1"], "lambda_target"),
        (["--space", "target_mode=maxsquare|maxsqare"], "maxsqare"),
        (["--space", "lambda_target=0.1:1", "--metric", "target/mIoU"], "needs the target's labels"),
        (["--space", "recalibrate=2|4"], "no weights depend on recalibrate"),
        (["--space", "lambda_target=0.1:1 source=nowhere.yaml target=streets_real"], "nowhere.yaml: no such file"),
    ],
)
def test_a_dry_run_refuses_what_a_sweep_refuses(options, text, tmp_path):
    result = CliRunner().invoke(sweep.main, [*options, "--dry_run", "true"])
    assert result.exit_code == 1
    assert text in result.output
    assert not list(tmp_path.iterdir())


def test_a_sweep_over_data_of_ones_own_has_the_recipe_of_an_adaptation_to_them(tmp_path):
    source, target = (own_data.with_ids(tmp_path / name, {0: "road", 1: "sky"}) for name in ("day", "dusk"))
    space = f"lambda_target=0.1:1 source={source} target={target}"
    swept = Sweep(SweepConfig(space=space), Graph(), None, tmp_path, 1)
    (node,) = swept.more({})
    adapted = find_request(stage="adapt", overrides={"source": str(source), "target": str(target)})
    assert node.request.recipe == adapted.recipe != "streets"
    assert {k: v for k, v in node.request.settings.flat().items() if k != "lambda_target"} == {
        k: v for k, v in adapted.settings.flat().items() if k != "lambda_target"
    }


@pytest.fixture
def rows(monkeypatch):
    known = {}
    monkeypatch.setattr("msl.studies.sweep.metric_rows", lambda client, run_id, metric: known.get(run_id, []))
    return known


def seen(node, status="RUNNING", **metrics):
    return SeenRun(
        run_id=node.key,
        status=status,
        is_alive=status == "RUNNING",
        holder="",
        tags={},
        settings={},
        metrics=metrics,
        seconds=1.0,
    )


def trials(folder, slots=4, **settings):
    config = SweepConfig(space=SPACE, trials=6, sampler="random", **settings)
    return Sweep(config, Graph(), None, folder, slots)


def test_the_worse_half_is_ended_early(tmp_path, rows):
    tiny.write_domains(tmp_path)
    searched = trials(tmp_path)
    nodes = list(searched.more({}))
    assert len(nodes) == 4
    for place, node in enumerate(nodes):
        rows[node.key] = [(125, 30.0 - 10 * place)]
    running = {node.key: seen(node) for node in nodes}
    hopeless = searched.hopeless(running)
    assert hopeless == [node.key for node in nodes[1:]]
    ends = {key: Standing(state=PRUNED) for key in hopeless}
    ends |= {
        node.key: Standing(state=DONE, run=seen(node, "FINISHED", **{"last/source/mIoU": rows[node.key][0][1]}))
        for node in nodes
        if node.key not in hopeless
    }
    more = list(searched.more(ends))
    assert len(more) == 2  # six trials in all
    assert searched.best.value == 30.0


def test_trials_of_an_earlier_start_go_on(tmp_path, rows):
    tiny.write_domains(tmp_path)
    first = list(trials(tmp_path, slots=3).more({}))
    again = trials(tmp_path, slots=3)
    assert list(again.more({})) == []  # all slots have their trials
    assert [opened.node.key for opened in again._open] == [node.key for node in first]


def test_without_pruning_nothing_is_ended_early(tmp_path, rows):
    tiny.write_domains(tmp_path)
    searched = trials(tmp_path, prune=False)
    nodes = list(searched.more({}))
    rows |= {node.key: [(1, float(place))] for place, node in enumerate(nodes)}
    assert searched.hopeless({node.key: seen(node) for node in nodes}) == []
