"""The verdicts of docs/study can be made again, to the last digit, from the runs that are kept beside it."""

import re

import pytest
from conftest import REPOSITORY

from analysis import open_store
from analysis.claims.claims import CLAIMS
from analysis.claims.verdicts import judge
from analysis.seeds import with_trends
from analysis.store.load import load

STUDY = REPOSITORY / "docs/study"


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    uri = f"sqlite:///{tmp_path_factory.mktemp('study')}/study.db"
    for folder in sorted((STUDY / "stores").iterdir()):
        load(folder, uri, None, lambda text: None)
    store = open_store(uri)
    runs, _ = store.marked_runs(None)
    return {finding.claim.id: finding for finding in judge(with_trends(store, runs), CLAIMS)}


def shown(evidence):
    low, high = evidence.interval.low, evidence.interval.high
    sign = "" if evidence.statement.of_std else "+"
    return f"{evidence.value:{sign}.1f} [{low:{sign}.1f}, {high:{sign}.1f}]"


@pytest.mark.parametrize("claim", [claim.id for claim in CLAIMS])
def test_a_verdict_of_the_page(findings, claim):
    (row,) = re.findall(rf"^\| {claim} .*$", (STUDY / "README.md").read_text(), re.MULTILINE)
    finding = findings[claim]
    assert row.split("|")[-2].strip(" *").startswith(finding.verdict)
    for evidence in finding.evidence:
        if evidence.interval is not None and "loss" not in evidence.statement.metric:
            assert shown(evidence) in row
