import csv
import io
import math
import re

import planted
import pytest

from analysis import open_store
from analysis.comparison import REPORT_MEASURES, compare, comparison_table, published_rows
from analysis.errors import AnalysisError
from analysis.tables import as_csv, as_markdown, as_text

SCORES = ("last/target/mIoU", "last/target/fwIoU", "last/target/PA", "best/target/mIoU")


def scores(*values):
    return dict(zip(SCORES, values, strict=True))


@pytest.fixture
def three_groups(store, add_run):
    for seed, miou in enumerate((30.0, 31.0, 32.0)):
        add_run("source only", seed, scores(miou, 60.0, 70.0, miou + 1), stage="pretrain")
    for seed, miou in enumerate((33.0, 35.0)):
        add_run("adapt IW", seed, scores(miou, 61.5, 72.0, miou + 2))
    add_run("adapt MS", 0, scores(32.5, 61.0, 69.0, 33.0))
    return open_store(store).runs()


def test_one_row_a_group_with_differences_to_the_baseline(three_groups):
    table = compare(three_groups, "source only")
    assert [row.label for row in table.rows] == ["source only", "adapt IW", "adapt MS"]  # then by mIoU
    source, iw, ms = table.rows
    assert (source.scores[0].n, source.scores[0].mean, source.scores[0].std) == (3, 31.0, 1.0)
    assert source.deltas == (0, 0, 0, 0)
    assert iw.scores[0].std == pytest.approx(math.sqrt(2))
    assert iw.deltas == (3.5, 1.5, 2.0, 4.5)  # over the two seeds that both have
    assert ms.deltas == (2.5, 1.0, -1.0, 2.0)  # over seed 0


def test_the_baseline_by_a_part_of_its_name(three_groups):
    assert compare(three_groups, "source").baseline == "source only"
    with pytest.raises(AnalysisError, match="'adapt' fits several groups: adapt IW; adapt MS. Give more of the name"):
        compare(three_groups, "adapt")
    with pytest.raises(AnalysisError, match="no finished group 'sourse onli' in this store; nearest: source only"):
        compare(three_groups, "sourse onli")


def test_unfinished_runs_and_older_ones_of_a_seed_do_not_count_and_it_says_so(store, add_run):
    add_run("a", 0, scores(10, 10, 10, 10), start=1000)
    add_run("a", 0, scores(20, 20, 20, 20), start=9000)
    add_run("a", 1, scores(99, 99, 99, 99), status="FAILED")
    add_run("b", 1, scores(99, 99, 99, 99), status="RUNNING")
    table = compare(open_store(store).runs(), "a")
    assert [row.label for row in table.rows] == ["a"]
    assert (table.rows[0].scores[0].n, table.rows[0].scores[0].mean) == (1, 20)
    text = as_text(comparison_table(table))
    assert "\na [1,2,3]  1" in text
    assert "[1] 1 unfinished left out\n[2] 1 older of the same seed left out\n[3] a single seed" in text


def test_runs_that_only_evaluate_are_rows_too(store, add_run):
    add_run("source only", 0, scores(30, 60, 70, 31))
    add_run("evaluate", 0, {"target/mIoU": 34.0, "target/PA": 72.0}, stage="evaluate")
    row = compare(open_store(store).runs(), "source only").rows[1]
    assert (row.label, row.scores[0].mean, row.deltas[0]) == ("evaluate", 34.0, 4.0)
    assert row.scores[1].n == 0
    assert row.scores[3].mean == 34.0


def test_decoders_and_styled_copies_are_no_rows_unless_they_have_what_is_compared(store, add_run):
    add_run("adapt", 0, scores(30.0, 60.0, 70.0, 31.0))
    add_run("stylize", 0, {}, stage="stylize")
    add_run("validate", 0, {}, stage="validate")
    add_run("train_style", 0, {"last/style/content": 2.5}, stage="train_style")
    add_run("diverged", 0, {})
    runs = open_store(store).runs()
    assert [row.label for row in compare(runs, "adapt").rows] == ["adapt", "diverged"]
    assert {row.label for row in compare(runs, "train", ["last/style/content"]).rows} >= {"train_style", "adapt"}


def test_runs_whose_target_has_no_labels_are_compared_by_their_source(store, add_run):
    add_run("pretrain", 0, {"last/source/mIoU": 40.0, "last/source/PA": 80.0}, stage="pretrain")
    add_run("adapt", 0, {"last/source/mIoU": 38.0, "last/source/PA": 81.0})
    runs = open_store(store).runs()
    table = compare(runs, "pretrain")
    assert [measure.key for measure in table.measures] == ["last/source/mIoU", "last/source/PA"]
    assert table.rows[1].deltas == (-2.0, 1.0)
    assert as_text(comparison_table(table)).startswith(
        "Source scores in percent, mean ± std over n seeds; Δ to pretrain"
    )


def test_runs_without_scores_are_refused_with_what_they_record(store, add_run):
    add_run("adapt", 0, {"last/loss/target": 0.5})
    with pytest.raises(AnalysisError, match=r"no metric 'last/mIoU' in this store; it has loss/target, target_loss$"):
        compare(open_store(store).runs(), "adapt")


def test_as_text(three_groups):
    lines = as_text(comparison_table(compare(three_groups, "source only"))).splitlines()
    assert lines[0].startswith("Target scores in percent, mean ± std over n seeds; best is chosen by target labels")
    assert lines[0].endswith("Δ to source only")
    columns = [re.split(r"\s{2,}", line) for line in lines[2:7] if "--" not in line]
    assert columns[0] == [*("group", "n"), *("mIoU last", "Δ", "fwIoU last", "Δ", "PA last", "Δ", "mIoU best", "Δ")]
    assert columns[1][:4] == ["source only", "3", "31.00 ± 1.00", "60.00 ± 0.00"]  # no difference to itself
    assert columns[2][:5] == ["adapt IW [1]", "2", "34.00 ± 1.41", "+3.50", "61.50 ± 0.00"]
    assert columns[3][:4] == ["adapt MS [2,3]", "1", "32.50", "+2.50"]  # one seed has no spread
    assert lines[-3:] == [
        "[1] Δ over the 2 seeds that it has in common with the baseline",
        "[2] a single seed: no spread, no interval",
        "[3] Δ over the one seed that it has in common with the baseline, so without interval",
    ]


def test_intervals_instead_of_standard_deviations(three_groups):
    table = compare(three_groups, "source only", ["mIoU"])
    source, iw, ms = comparison_table(table, spread="t").rows
    assert source[2].text == "31.00 [28.52, 33.48]"  # 1 / √3 times t's 4.303
    assert iw[3].text == "+3.50 [-2.85, +9.85]"  # of 3 and 4: 0.5 times t's 12.706
    assert (ms[2].text, ms[3].text) == ("32.50", "+2.50")
    assert comparison_table(table, spread="bootstrap").rows[1][3].text == "+3.50 [+3.00, +4.00]"


PLAIN, STYLED = (44.7, 77.8, 87.12, -5.6e-3, 0.12), (43.7, 80.98, 89.0, -6.15e-3, 0.102)


def test_the_layout_of_the_reports_last_table():
    names = ("last/target/mIoU", "last/target/fwIoU", "last/target/PA", "last/loss/target", "last/loss/source")
    runs = planted.frame(
        planted.group("plain", {n: [v] * 2 for n, v in zip(names, PLAIN, strict=True)}, seeds=(0, 1)),
        planted.group("styled", {n: [v] * 2 for n, v in zip(names, STYLED, strict=True)}, seeds=(0, 1)),
    )
    table = compare(runs, "plain", REPORT_MEASURES)
    written = comparison_table(table, layout="report", published=published_rows("gta5", "cityscapes"))
    assert [column.heading for column in written.columns][2:] == ["mIoU", "fwIoU", "PA", "target_loss", "train_loss"]
    rows = {row[0].text: [cell.text for cell in row[2:]] for row in written.rows}
    assert rows["styled"][:3] == ["43.70 ± 0.00 (-1.00)", "80.98 ± 0.00 (+3.18)", "89.00 ± 0.00 (+1.88)"]
    assert rows["styled"][3:] == ["-0.00615 ± 0 (-0.00055)", "0.102 ± 0 (-0.018)"]
    name = "report: auxiliary domain, alpha 1, style_weight 1"
    assert rows[name] == ["43.70 (-1.00)", "80.98 (+3.19)", "89.00 (+1.88)", "-0.00615", "0.102"]
    assert rows["paper: MS+IW+Multi"] == ["46.40", "–", "–", "–", "–"]
    assert "arXiv:1909.13589" in written.notes[written.rows[2][0].marks[0] - 1]


def test_published_scores_stand_with_the_best_checkpoints(three_groups):
    table = compare(three_groups, "source only")
    row = comparison_table(table, published=published_rows("gta5", "cityscapes")[:1]).rows[-1]
    assert [cell.text for cell in row] == ["paper: source only", "", "–", "", "–", "", "–", "", "36.90", ""]


def test_as_markdown(three_groups):
    lines = as_markdown(comparison_table(compare(three_groups, "source only"))).splitlines()
    assert lines[2].startswith("| group | n | mIoU last | Δ |")
    assert lines[3].startswith("| --- | ---: |")
    assert all(line.count("|") == 11 for line in lines[2:7])
    assert lines[5].startswith("| adapt IW<sup>1</sup> | 2 |")


def test_as_csv_has_every_digit(three_groups):
    rows = list(csv.DictReader(io.StringIO(as_csv(comparison_table(compare(three_groups, "source only"))))))
    assert [row["group"] for row in rows] == ["source only", "adapt IW", "adapt MS"]
    assert float(rows[1]["last/target/mIoU std"]) == math.sqrt(2)
    assert float(rows[1]["last/target/mIoU delta"]) == 3.5
    assert float(rows[1]["last/target/mIoU delta low"]) == pytest.approx(-2.853, abs=1e-3)
    assert rows[2]["last/target/mIoU std"] == ""
    assert rows[2]["notes"].startswith("a single seed: no spread, no interval; Δ over the one seed")


def test_a_metric_that_is_no_number_and_one_that_is_not_there(store, add_run):
    add_run("a", 0, {"last/target/mIoU": 30.0, "last/target/PA": math.nan})
    runs = open_store(store).runs()
    assert [measure.heading for measure in compare(runs, "a").measures] == ["mIoU last"]
    with pytest.raises(AnalysisError, match="metric 'PA' is no number in any finished run here"):
        compare(runs, "a", ["PA"])
    with pytest.raises(AnalysisError, match="no metric 'mIuO' in this store; nearest: mIoU"):
        compare(runs, "a", ["mIuO"])


def test_a_number_missing_in_one_run_is_said(store, add_run):
    add_run("a", 0, {"last/target/mIoU": 30.0, "last/target/PA": 60.0})
    add_run("a", 1, {"last/target/mIoU": 31.0, "last/target/PA": math.nan})
    (row,) = compare(open_store(store).runs(), "a", ["mIoU", "PA"]).rows
    assert row.notes == ("PA last is no number in 1 of 2 runs, which its mean leaves out",)
    assert [score.n for score in row.scores] == [2, 1]


def test_nothing_to_compare(store, add_run):
    with pytest.raises(AnalysisError, match="no run of msl here; `mlflow run"):
        compare(open_store(store).runs(), "a")
    add_run("a", 0, status="RUNNING")
    with pytest.raises(AnalysisError, match="none of the 1 runs here is finished"):
        compare(open_store(store).runs(), "a")
