"""Regrets of criteria, from stores whose best choices are known."""

import pytest

from analysis import open_store
from analysis.comparison import selector_table, selectors
from analysis.errors import AnalysisError
from analysis.tables import as_text

MIOU, SND, ENTROPY = "target/mIoU", "target/criteria/SND", "target/criteria/entropy"


def curve(*values):
    return [(step, value, 1000 + step) for step, value in zip((0, 10, 20, 30), values, strict=True)]


@pytest.fixture
def two_runs(store, add_run):
    """SND chooses the best of the first run and loses 1 point in the second; entropy chooses the last step of both."""
    add_run("a", 0, {MIOU: curve(99, 40, 42, 41), SND: curve(9, 1, 3, 2), ENTROPY: curve(0, 3, 2, 1)})
    add_run("a", 1, {MIOU: curve(99, 40, 39, 38), SND: curve(9, 1, 2, 1), ENTROPY: curve(0, 3, 2, 1)})
    add_run("b", 0, {MIOU: [(10, 50.0, 1000)]})  # a single evaluation leaves no choice
    return open_store(store)


def test_regrets_among_the_evaluations_of_a_run(two_runs):
    by_name = {selector.name: selector for selector in selectors(two_runs, two_runs.runs())}
    assert set(by_name) == {"SND", "entropy", "last step", "chance"}  # no source score is recorded
    assert sorted(by_name["SND"].regrets) == [0, 1]
    assert sorted(by_name["entropy"].regrets) == sorted(by_name["last step"].regrets) == [1, 2]
    assert sorted(by_name["chance"].regrets) == [1, 1]
    assert (by_name["SND"].hits, by_name["entropy"].worst) == (1, 2)


def test_the_table_ranks_them(two_runs):
    text = as_text(selector_table(selectors(two_runs, two_runs.runs()), "checkpoints"))
    lines = text.splitlines()
    assert "in points of target mIoU" in lines[0]
    assert lines[4].split()[:5] == ["SND", "target", "SND,", "highest", "2"]
    assert "0.50 [-5.85, 6.85]" in lines[4]
    assert lines[4].endswith("1 of 2")


def test_regrets_among_runs_of_one_parent_and_seed(store, add_run):
    from mlflow.tracking import MlflowClient

    from msl import schema

    def scored(miou, snd):
        return {f"last/{MIOU}": miou, f"last/{SND}": snd}

    parent = add_run("source only", 0, scored(30.0, 1.0), stage="pretrain")
    for number, (miou, snd) in enumerate(((35.0, 2.0), (34.0, 3.0))):
        run_id = add_run(f"adapt {number}", 0, scored(miou, snd))
        MlflowClient().set_tag(run_id, schema.PARENT, parent)
    add_run("of another parent", 0, scored(99.0, 9.0))
    opened = open_store(store)
    by_name = {selector.name: selector for selector in selectors(opened, opened.runs(), "runs")}
    assert by_name["SND"].regrets == (1.0,)
    assert by_name["chance"].regrets == (2.0,)
    assert "last step" not in by_name


def test_nothing_to_choose(store, add_run):
    add_run("b", 0, {MIOU: [(10, 50.0, 1000)]})
    opened = open_store(store)
    with pytest.raises(AnalysisError, match="no finished run here has two evaluations with target mIoU"):
        selectors(opened, opened.runs())
    with pytest.raises(AnalysisError, match="no finished run here has a parent and a seed with another"):
        selectors(opened, opened.runs(), "runs")
