"""Names that people type, and that one entry in `schema.SCORES` brings a new score into tables, curves and reports."""

import pandas as pd
import planted
import pytest

from analysis import open_store
from analysis.comparison import ablation, compare, comparison_table, published_rows
from analysis.figures import axis_label
from analysis.report import as_page, gather
from analysis.seeds import Measure, find_measure
from analysis.tables import as_csv
from msl import schema
from msl.schema import scores as scores_of_schema


@pytest.mark.parametrize(
    ("measure", "heading", "unit", "is_loss", "lower_is_better"),
    [
        (Measure("last", "target/mIoU"), "mIoU last", "percent", False, False),
        (Measure("best", "source/PA"), "source/PA best", "percent", False, False),
        (Measure("last", "target/IoU/road"), "IoU/road last", "percent", False, False),
        (Measure("last", "loss/target"), "target_loss last", "", True, True),
        (Measure("last", "loss/source_aux"), "loss/source_aux last", "", True, True),
        (Measure("last", "style/content"), "style/content last", "", True, True),
        (Measure("last", "predicted/images"), "predicted/images last", "", False, False),
        (Measure("fall", "loss/source"), "train_loss fall", "", True, True),
        (Measure("drop", "target/mIoU"), "mIoU drop", "percent", False, False),
    ],
)
def test_what_a_measure_is(measure, heading, unit, is_loss, lower_is_better):
    assert (measure.heading, measure.unit) == (heading, unit)
    assert (measure.is_loss, measure.lower_is_better) == (is_loss, lower_is_better)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("mIoU", "last/target/mIoU"),
        ("target/mIoU", "last/target/mIoU"),
        ("best/mIoU", "best/target/mIoU"),
        ("source/PA", "last/source/PA"),
        ("IoU/traffic light", "last/target/IoU/traffic light"),
        ("target_loss", "last/loss/target"),
        ("last/loss/source_aux", "last/loss/source_aux"),
    ],
)
def test_names_that_people_type(name, key):
    assert find_measure(name, pd.DataFrame({"status": ["FINISHED"], key: [1.0]})).key == key


@pytest.fixture
def new_scores(monkeypatch):
    """Two scores of which less is better, one of them with a unit of its own."""
    source = "msl.metrics.confusion:ConfusionMatrix"
    brier = schema.Score("Brier", "Brier score", "percent", False, source)
    likelihood = schema.Score("NLL", "NLL", "nats", False, source)
    table = (*schema.SCORES, brier, likelihood)
    for module in (schema, scores_of_schema):
        monkeypatch.setattr(module, "SCORES", table)


def scores(miou, brier, nll):
    return {"last/target/mIoU": (miou,), "last/target/Brier": (brier,), "last/target/NLL": (nll,)}


def runs():
    worse = planted.group("worse", scores(40.0, 9.0, 1.234567), seeds=(0,), lambda_target=0.2)
    better = planted.group("better", scores(41.0, 7.0, 0.75), seeds=(0,), lambda_target=0.3)
    return planted.frame(worse, better, planted.group("plain", scores(39.0, 8.0, 1.0), seeds=(0,)))


def test_a_new_score_is_in_every_table(new_scores):
    table = comparison_table(compare(runs(), "plain"), published=published_rows("gta5", "cityscapes")[:1])
    assert [column.heading for column in table.columns[2::2]] == ["mIoU last", "Brier score last", "NLL last"]
    assert table.caption.startswith(
        "Target scores in percent (NLL in nats), mean ± std over n seeds; lower is better for Brier score, NLL; "
    )
    rows = {row[0].text: [cell.text for cell in row[2:]] for row in table.rows}
    assert rows["worse"] == ["40.00", "+1.00", "9.00", "+1.00", "1.23", "+0.235"]
    assert "last/target/Brier mean" in as_csv(table)
    (family,) = ablation(runs(), "lambda_target").values()
    assert [measure.name for measure in family.measures] == ["mIoU", "Brier score", "NLL"]


@pytest.mark.parametrize("name", ["Brier", "NLL"])
def test_the_lowest_is_first_where_lower_is_better(new_scores, name):
    assert [row.label for row in compare(runs(), "plain", [name]).rows] == ["plain", "better", "worse"]
    assert [row.label for row in compare(runs(), "plain", ["mIoU"]).rows] == ["plain", "better", "worse"]


def test_the_first_loss_ranks_from_the_lowest():
    groups = (
        planted.group(name, {"last/loss/target": (value,)}, seeds=(0,)) for name, value in (("a", 0.5), ("b", -1.0))
    )
    table = compare(planted.frame(*groups, planted.group("plain", {}, seeds=(0,))), "plain", ["target_loss"])
    assert [row.label for row in table.rows] == ["plain", "b", "a"]
    assert comparison_table(table).caption.startswith("Losses, mean ± std over n seeds; losses are weighted")


def test_a_new_score_is_in_every_report(new_scores, store, add_run):
    curve = [(0, 1.5, 1), (100, 1.25, 2)]
    add_run("g", 0, {"target/NLL": curve, "target/Brier": curve, "last/target/NLL": 1.25, "last/target/mIoU": 40.0})
    page = as_page(gather(open_store(store), "exp", "g"))
    assert "<figcaption>target NLL, nats</figcaption>" in page
    assert "<figcaption>target Brier score, %</figcaption>" in page
    assert "NLL last" in page


def test_axes_name_metric_and_unit(new_scores):
    labels = [axis_label(metric) for metric in ("target/mIoU", "source/IoU/road", "loss/target", "lr", "target/NLL")]
    assert labels == ["target mIoU, %", "source IoU/road, %", "target loss", "lr", "target NLL, nats"]
