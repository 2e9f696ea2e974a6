"""The numbers of docs/study can be made again, to the last digit, from the runs that are kept beside it."""

import re

import pytest
from conftest import REPOSITORY

from analysis import open_store
from analysis.claims.claims import CLAIMS
from analysis.claims.verdicts import judge
from analysis.comparison import Gap, attribution
from analysis.seeds import Difference, Summary, find_measure, holm, seed_groups, with_trends
from analysis.store.load import load

pytestmark = pytest.mark.xdist_group("study page")  # the runs are read once

STUDY = REPOSITORY / "docs/study"


SUPERVISED = "pretrain camvid/MS source=camvid_dusk"
GROUPS = {
    "source only": "pretrain camvid/MS",
    "BatchNorm statistics of the dusk, no step (`bn`)": "bn camvid/MS",
    "λ 0, the twin": "adapt camvid/MS lambda_target=0.0",
    "MS": "adapt camvid/MS",
    "IW_MS": "adapt camvid/IW_MS",
    "self-training, λ 0": "self_train camvid/MS lambda_mixed=0.0",
    "self-training": "self_train camvid/MS",
    "self-training of 900 iterations, λ 0": "self_train camvid/MS round_num=15 lambda_mixed=0.0",
    "self-training of 900 iterations": "self_train camvid/MS round_num=15",
    "two outputs: source only": "pretrain camvid/multi_MS_IW",
    "two outputs: statistics of the dusk, no step": "bn camvid/multi_MS_IW",
    "two outputs: λ 0, the twin": "adapt camvid/multi_MS_IW lambda_target=0.0",
    "two outputs: multi_MS_IW": "adapt camvid/multi_MS_IW",
    "trained on the labelled dusk (62 images)": SUPERVISED,
}
PAGE = (STUDY / "README.md").read_text()


def store_of(folders, path):
    uri = f"sqlite:///{path / 'study.db'}"
    for folder in folders:
        load(folder, uri, None, lambda text: None)
    return open_store(uri)


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    store = store_of(sorted((STUDY / "stores").iterdir()), tmp_path_factory.mktemp("study"))
    runs, _ = store.marked_runs(None)
    return {finding.claim.id: finding for finding in judge(with_trends(store, runs), CLAIMS)}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The runs of the first table, by stage and settings."""
    return store_of([STUDY / "stores/report"], tmp_path_factory.mktemp("report")).runs()


def first_table():
    """The cells of each row, by its first one."""
    _, table, *_ = re.split(r"^(?=\|.*over the twin, mIoU)", PAGE, flags=re.MULTILINE)
    lines = table.partition("\n\n")[0].splitlines()[2:]
    return {row: cells for row, *cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)}


def difference(part, p):
    low, high = part.interval().low, part.interval().high
    text = f"{part.mean:+.2f} [{low:+.2f}, {high:+.2f}]"
    return f"**{text}**" if p < 0.05 else text


def test_the_first_table_has_these_rows():
    assert first_table().keys() == GROUPS.keys()


@pytest.mark.parametrize("row", GROUPS)
def test_a_score_of_the_first_table(report, row):
    values = seed_groups(report)[GROUPS[row]].values(find_measure("mIoU", report))
    score = Summary.of(values.values())
    assert first_table()[row][:2] == [str(score.n), f"{score.mean:.1f} ± {score.std:.1f}"]


def test_statistics_of_the_first_table(report):
    groups = seed_groups(report)
    for column, name in ((2, "mIoU"), (3, "PA")):
        values = [
            groups[group].values(find_measure(name, report)) for group in ("bn camvid/MS", GROUPS["λ 0, the twin"])
        ]
        cell = first_table()["BatchNorm statistics of the dusk, no step (`bn`)"][column]
        assert cell.strip("*") == difference(Difference.between(*values), 1.0)


def test_gains_of_the_first_table(report):
    table, rows = first_table(), {group: row for row, group in GROUPS.items()}
    columns = {"mIoU": 2, "PA": 3}
    for name, column in columns.items():
        parts = attribution(report, name)
        for part, p in zip(parts, holm([part.objective.p_value for part in parts]), strict=True):
            if part.group.name in rows:
                assert table[rows[part.group.name]][column] == difference(part.objective, p)
    miou = find_measure("mIoU", report)
    gap = Gap(seed_groups(report)[SUPERVISED], miou)
    for part in attribution(report):
        if part.group.name in rows:
            share = gap.closed(part)
            ends = f"[{share.interval.low:.0%}, {share.interval.high:.0%}]"
            assert table[rows[part.group.name]][4] in ("", f"{share.value:.0%} {ends}".replace("%", " %"))


def shown(evidence):
    low, high = evidence.interval.low, evidence.interval.high
    sign = "" if evidence.statement.of_std else "+"
    return f"{evidence.value:{sign}.1f} [{low:{sign}.1f}, {high:{sign}.1f}]"


@pytest.mark.parametrize("claim", [claim.id for claim in CLAIMS])
def test_a_verdict_of_the_page(findings, claim):
    (row,) = re.findall(rf"^\| {claim} .*$", PAGE, re.MULTILINE)
    finding = findings[claim]
    assert row.split("|")[-2].strip(" *").startswith(finding.verdict)
    for evidence in finding.evidence:
        if evidence.interval is not None and "loss" not in evidence.statement.metric:
            assert shown(evidence) in row
