"""The table of scores: every entry names a metric, and every name is there once."""

import pytest

from msl import schema
from msl.config.catalog import EXTRA_METRICS, METRICS
from msl.metrics import Metric, PixelCounts


@pytest.mark.parametrize("score", schema.SCORES, ids=lambda score: score.name)
def test_every_score_has_its_metric(score):
    metric = METRICS.load(score.name)
    assert isinstance(metric, Metric)
    assert issubclass(metric.counts, PixelCounts)
    assert metric.counts(3).counts.sum() == 0


def test_names_are_there_once():
    assert len({score.name for score in schema.SCORES}) == len(schema.SCORES)


def test_what_every_evaluation_gives_stays():
    always = [score.name for score in schema.SCORES if score.always]
    assert always == ["mIoU", "fwIoU", "PA", "MPA", "mIoU_resized", "mIoU_13"]
    assert "ECE" in EXTRA_METRICS
    assert not set(always) & set(EXTRA_METRICS)
