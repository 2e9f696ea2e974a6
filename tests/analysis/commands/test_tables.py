import csv
import io

import pytest
from analysis_command import run

NASTY = "a'b\" 100% <b>\n| & {x}"
BEGINNINGS = {"text": "Target", "markdown": "Target", "latex": "\\begin{table}", "csv": "group,n,", "html": "<figure"}


@pytest.fixture
def two_groups(store, add_run):
    for name, gain in (("plain", 0.0), (NASTY, 1.0)):
        for seed in range(2):
            scores = {"last/target/mIoU": 30 + gain + seed, "last/target/IoU/road": 60 + gain + seed}
            add_run(name, seed, {**scores, "loss/target": -0.5}, lambda_target=0.1 + gain)
    return store


@pytest.mark.parametrize("form", BEGINNINGS)
def test_table(two_groups, form):
    result = run("table", "--experiment", "exp", "--baseline", "plain", "--store", two_groups, "--format", form)
    assert result.exit_code == 0, result.output
    assert result.output.startswith(BEGINNINGS[form])
    assert "+1.00" in result.output or form == "csv"


def test_the_store_is_the_one_that_mlflow_is_told_of(two_groups):
    assert run("table", "--baseline", NASTY).exit_code == 0


def test_columns_by_name_and_published_rows(two_groups):
    result = run("table", "--baseline", "plain", "--metrics", "IoU/road, target_loss", "--published", "gta5_cityscapes")
    assert "IoU/road last" in result.output
    assert "target_loss last" in result.output
    assert "paper: MS+IW+Multi" in result.output
    assert (
        "(+1.00 [+1.00, +1.00])"
        in run("table", "--baseline", "plain", "--layout", "report", "--metrics", "mIoU").output
    )


def test_classes_ablation_and_claims(two_groups):
    assert "+1.0" in run("classes", "--baseline", "plain").output
    result = run("ablation", "--parameter", "lambda_target", "--metrics", "mIoU", "--spread", "t")
    assert "lambda_target; Δ to the first row" in result.output
    assert "+1.00 [+1.00, +1.00]" in result.output
    assert "C5 target_solo" in run("claims", "--claim", "C5").output


def test_an_ablation_of_several_families_is_one_csv(store, add_run):
    for multi in (True, False):
        for weight in (0.1, 0.2):
            metrics = {"last/target/mIoU": 30 + weight}
            add_run(f"{multi} {weight}", 0, metrics, lambda_target=weight, multi=multi)
    result = run("ablation", "--parameter", "lambda_target", "--metrics", "mIoU", "--format", "csv")
    header, *rows = csv.reader(io.StringIO(result.output))
    assert header[:4] == ["with", "lambda_target", "n", "last/target/mIoU mean"]
    assert [row[:2] for row in rows] == [[f"multi={m}", w] for m in (False, True) for w in ("0.1", "0.2")]
    assert {row[-1] for row in rows} == {"a single seed: no spread, no interval"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("table", "--baseline", "plan"), "no finished group 'plan' in this store; nearest: plain"),
        (("table", "--baseline", "pliant"), "no finished group 'pliant' in this store; nearest: plain\n"),
        (("table", "--baseline", "xyzzy"), "no finished group 'xyzzy' in this store; it has "),
        (("table", "--baseline", "plain", "--store", "sqlite:///none.db"), "no such database"),
        (("table", "--baseline", "plain", "--published", "gta5"), "nearest: gta5_cityscapes"),
        (("table", "--baseline", "plain", "--experiment", "ex'p"), 'no experiment "ex\'p"'),
        (("table", "--baseline", "plain", "--layout", "report"), "no metric 'fwIoU'"),
        (("classes", "--domain", "source"), "IoU of single classes on the source"),
        (("ablation", "--parameter", "lamda"), "no parameter 'lamda' in this store; nearest: lambda_target"),
        (("claims", "--claim", "C0"), "no claim 'C0' in this store"),
    ],
)
def test_what_is_not_there(two_groups, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 1
    assert message in result.output


@pytest.mark.parametrize("command", ["table", "classes", "ablation", "claims"])
def test_every_command_explains_itself(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "--experiment" in result.output
