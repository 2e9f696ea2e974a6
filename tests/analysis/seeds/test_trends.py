import math

import pytest

from analysis import open_store
from analysis.seeds import with_trends


def curve(values, every=10):
    return [(every * (i + 1), value, 1000 + i) for i, value in enumerate(values)]


def test_final_losses_are_means_over_the_last_epoch(store, add_run):
    run_id = add_run("a", 0, {"loss/target": curve([-1.0, -2.0, -3.0, -5.0])}, epoch_iters=20)
    run = with_trends(opened := open_store(store), opened.runs()).set_index("run_id").loc[run_id]
    assert run["last/loss/target"] == -4.0
    assert math.isnan(run["last/loss/source"])


def test_intervals_weigh_by_their_length(store, add_run):
    add_run("a", 0, {"loss/source": [(20, 9.0, 1000), (40, 1.0, 1001), (50, 4.0, 1002)]}, epoch_iters=30)
    run = with_trends(opened := open_store(store), opened.runs()).iloc[0]
    assert run["last/loss/source"] == pytest.approx((20 * 1.0 + 10 * 4.0) / 30)


def test_a_loss_that_ended_before_the_last_epoch_has_no_final_value(store, add_run):
    losses = {"loss/source": curve([2.0, 1.0]), "loss/target": curve([-1.0] * 6)}
    add_run("solo", 0, losses, stage="target_solo", epoch_iters=20)
    run = with_trends(opened := open_store(store), opened.runs()).iloc[0]
    assert math.isnan(run["last/loss/source"])
    assert run["last/loss/target"] == -1.0


def test_how_a_run_developed(store, add_run):
    metrics = {"loss/source": curve([3.0, 2.5, 1.0]), "target/mIoU": curve([30.0, 34.0, 31.0, 35.0, 34.5])}
    add_run("a", 0, metrics)
    add_run("few", 0, {"target/mIoU": curve([30.0, 20.0, 31.0, 35.0])})
    runs = with_trends(opened := open_store(store), opened.runs()).set_index("msl.group")
    assert runs.loc["a", "fall/loss/source"] == -2.0
    assert runs.loc["a", "drop/target/mIoU"] == 3.0
    assert math.isnan(runs.loc["few", "drop/target/mIoU"])  # four evaluations show no fluctuation
