import pytest

from analysis.comparison import PUBLISHED, published_rows
from msl.data.catalog import domain_names
from msl.labels import LABEL_SETS


def test_every_row_names_domains_and_classes_that_there_are():
    for row in PUBLISHED:
        assert {row.source, row.target} <= set(domain_names())
        assert row.label_set in LABEL_SETS
        assert row.note
        assert row.differences.keys() <= row.scores.keys()


@pytest.mark.parametrize(
    ("target", "expected"),
    [("cityscapes", [36.9, 42.2, 44.3, 45.2, 46.4]), ("crosscity_rome", [])],
)
def test_the_papers_table(target, expected):
    rows = [row for row in published_rows("gta5", target) if row.method.startswith("paper")]
    assert [row.scores["mIoU"] for row in rows] == expected


def test_the_reports_differences_are_to_its_own_reproduction():
    base, *others = (row for row in published_rows("gta5", "cityscapes") if row.method.startswith("report"))
    for row in others:
        for name, difference in row.differences.items():
            assert row.scores[name] - base.scores[name] == pytest.approx(difference, abs=0.02)


def test_by_label_set():
    assert [row.scores["mIoU"] for row in published_rows("synthia", "cityscapes", "synthia13")] == [48.2]
    assert [row.scores["mIoU"] for row in published_rows("cityscapes", "crosscity_taipei")] == [46.3, 49.8, 50.6]
