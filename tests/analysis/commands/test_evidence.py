"""The commands attribution, selectors and power, from a store to text and figures."""

import pytest
from analysis_command import run
from mlflow.tracking import MlflowClient

from msl import schema


@pytest.fixture
def adapted(store, add_run):
    """A parent, its statistics, a twin and two objectives; two seeds each, with two evaluations."""
    settings = {"source": "s", "batch_size": 4, "lr": 0.01, "poly_power": 0.9}
    steps = {"round_num": 1, "epoch_each_round": 1, "epoch_iters": 20, **settings}

    def add(group, seed, start, parent=None, **more):
        curves = {
            name: [(10, start + seed, 1000), (20, start + seed + 1, 2000)] for name in ("target/mIoU", "source/mIoU")
        }
        scores = {"last/target/mIoU": start + seed + 1, "last/source/mIoU": start + seed + 1}
        run_id = add_run(group, seed, {**curves, **scores}, **more)
        if parent is not None:
            MlflowClient().set_tag(run_id, schema.PARENT, parent)
        return run_id

    for seed in range(2):
        parent = add("source only", seed, 30, stage="pretrain", **settings)
        add("bn", seed, 33 + seed / 4, parent, stage="bn", source="s")
        add("twin", seed, 35, parent, lambda_target=0, **steps)
        add("objective", seed, 36 - seed / 4, parent, lambda_target=0.1, target_mode="maxsquare", **steps)
        add("other", seed, 34 + seed / 2, parent, lambda_target=0.1, target_mode="hard", **steps)
    return store


def test_attribution_with_its_figure(adapted, tmp_path):
    result = run("attribution", "--figure", str(tmp_path / "gains"))
    assert result.exit_code == 0, result.output
    assert "+0.88 [-0.71, +2.46]" in result.output
    assert {file.name for file in tmp_path.glob("gains.*")} == {"gains.svg", "gains.png"}
    assert "no metric 'PAX' in this store" in run("attribution", "--metric", "PAX").output


def test_attribution_with_the_way_to_a_network_with_labels(adapted):
    result = run("attribution", "--supervised", "source only")
    assert result.exit_code == 0, result.output
    assert "source only is not better than source only" in result.output
    assert "no finished group 'oracle' in this store" in run("attribution", "--supervised", "oracle").output


def test_selectors_with_their_figure(adapted, tmp_path):
    result = run("selectors", "--figure", str(tmp_path / "regrets"))
    assert result.exit_code == 0, result.output
    assert "source_risk" in result.output
    assert (tmp_path / "regrets.png").exists()
    assert run("selectors", "--among", "runs").exit_code == 0
    assert "6 of 6" in run("selectors", "--stage", "adapt").output
    assert "no stage 'adopt' in this store; nearest: adapt" in run("selectors", "--stage", "adopt").output


def test_power(adapted):
    result = run("power", "--baseline", "twin", "--differences", "0.5,1")
    assert result.exit_code == 0, result.output
    assert "Pairs of runs" in result.output
    assert "Δ 0.5" in result.output
    assert "objective" in result.output
    assert "pass numbers above 0" in run("power", "--baseline", "twin", "--differences", "a").output


def test_the_table_has_intervals_and_corrected_p(adapted):
    text = run("table", "--baseline", "twin", "--metrics", "mIoU").output
    assert "corrected by Holm" in text
    assert "+0.88 [-0.71, +2.46]" in text
    assert "  p" in text.splitlines()[2]
