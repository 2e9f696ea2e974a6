import csv
import io
import math
import re

import pytest
from click.testing import CliRunner

from analysis import open_store
from analysis.__main__ import main
from analysis.errors import AnalysisError
from analysis.statistics import Summary
from analysis.tables import as_csv, as_markdown, as_text, compare

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


def test_summary():
    summary = Summary.of([30.0, 31.0, math.nan, 32.0])
    assert (summary.n, summary.mean, summary.std) == (3, 31.0, 1.0)  # the sample's, with n - 1
    assert math.isnan(Summary.of([5.0]).std)
    assert (Summary.of([]).n, math.isnan(Summary.of([]).mean)) == (0, True)


def test_one_row_a_group_with_differences_to_the_baseline(three_groups):
    table = compare(three_groups, "source only")
    assert [row.group for row in table.rows] == ["source only", "adapt IW", "adapt MS"]  # then by mIoU
    source, iw, ms = table.rows
    assert (source.scores[0].n, source.scores[0].mean, source.scores[0].std) == (3, 31.0, 1.0)
    assert source.deltas == (0, 0, 0, 0)
    assert iw.scores[0].std == pytest.approx(math.sqrt(2))
    assert iw.deltas == (3.0, 1.5, 2.0, 4.0)
    assert ms.deltas == (1.5, 1.0, -1.0, 1.0)


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
    assert [row.group for row in table.rows] == ["a"]
    assert (table.rows[0].scores[0].n, table.rows[0].scores[0].mean) == (1, 20)
    assert as_text(table).endswith("* a: 1 unfinished left out; 1 older of the same seed left out")


def test_runs_that_only_evaluate_are_rows_too(store, add_run):
    add_run("source only", 0, scores(30, 60, 70, 31))
    add_run("evaluate", 0, {"target/mIoU": 34.0, "target/PA": 72.0}, stage="evaluate")
    row = compare(open_store(store).runs(), "source only").rows[1]
    assert (row.group, row.scores[0].mean, row.deltas[0]) == ("evaluate", 34.0, 4.0)
    assert row.scores[1].n == 0


def test_as_text(three_groups):
    lines = as_text(compare(three_groups, "source only")).splitlines()
    assert lines[0] == "Target scores in percent, mean ± std over n seeds; Δ to source only"
    columns = [re.split(r"\s{2,}", line) for line in lines[2:] if "--" not in line]
    assert columns[0] == [*("group", "n"), *("mIoU last", "Δ", "fwIoU last", "Δ", "PA last", "Δ", "mIoU best", "Δ")]
    assert columns[1][:4] == ["source only", "3", "31.00 ± 1.00", "60.00 ± 0.00"]  # no difference to itself
    assert columns[2][:5] == ["adapt IW", "2", "34.00 ± 1.41", "+3.00", "61.50 ± 0.00"]
    assert columns[3][:4] == ["adapt MS", "1", "32.50", "+1.50"]  # one seed has no spread
    assert len({len(line) for line in lines[2:4]}) == 1


def test_as_markdown(three_groups):
    lines = as_markdown(compare(three_groups, "source only")).splitlines()
    assert lines[2].startswith("| group | n | mIoU last | Δ |")
    assert lines[3].startswith("| --- | ---: |")
    assert all(line.count("|") == 11 for line in lines[2:7])


def test_as_csv_has_every_digit(three_groups):
    rows = list(csv.DictReader(io.StringIO(as_csv(compare(three_groups, "source only")))))
    assert [row["group"] for row in rows] == ["source only", "adapt IW", "adapt MS"]
    assert float(rows[1]["last/target/mIoU std"]) == math.sqrt(2)
    assert float(rows[1]["last/target/mIoU delta"]) == 3.0
    assert rows[2]["last/target/mIoU std"] == ""


def test_nothing_to_compare(store, add_run):
    with pytest.raises(AnalysisError, match="no run of msl here; `mlflow run"):
        compare(open_store(store).runs(), "a")
    add_run("a", 0, status="RUNNING")
    with pytest.raises(AnalysisError, match="none of the 1 runs here is finished"):
        compare(open_store(store).runs(), "a")


def test_the_command(three_groups, store):
    arguments = ["table", "--experiment", "exp", "--baseline", "source only", "--store", store]
    for style, beginning in (("text", "Target scores"), ("markdown", "Target scores"), ("csv", "group,n,")):
        result = CliRunner().invoke(main, [*arguments, "--format", style])
        assert result.exit_code == 0, result.output
        assert result.output.startswith(beginning)
    assert CliRunner().invoke(main, arguments[:-2]).exit_code == 0  # MLFLOW_TRACKING_URI names the store
    result = CliRunner().invoke(main, [*arguments[:-1], "sqlite:///none.db"])
    assert (result.exit_code, "Traceback" in result.output) == (1, False)
    assert "no such database" in result.output
