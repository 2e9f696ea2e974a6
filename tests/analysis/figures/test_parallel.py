"""Parallel coordinates: a line for each run, its score last, and runs that were ended early in grey."""

import pytest

from analysis.errors import AnalysisError
from analysis.figures import parallel_coordinates

ROWS = [
    {"lambda_target": 0.1, "target_mode": "hard", "source/mIoU": 10.0, "state": "COMPLETE"},
    {"lambda_target": 10.0, "target_mode": "maxsquare", "source/mIoU": 30.0, "state": "COMPLETE"},
    {"lambda_target": 1.0, "target_mode": "hard", "source/mIoU": None, "state": "PRUNED"},
]


def drawn(figure):
    """The points of each run's line, in the order in which they are drawn."""
    (plot,) = figure.axes
    lines = [line for line in plot.lines if len(line.get_xdata()) > 1 and line.get_color() != "black"]
    return [
        [(x, round(float(y), 6)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)] for line in lines
    ]


def test_each_run_is_a_line_and_the_best_is_on_top():
    figure = parallel_coordinates(ROWS, "source/mIoU")
    pruned, worse, better = drawn(figure)
    assert pruned == [(0, 0.5), (1, 0)]  # 1 is in the middle between 0.1 and 10 on a logarithmic axis
    assert worse == [(0, 0), (1, 0), (2, 0)]
    assert better == [(0, 1), (1, 1), (2, 1)]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == [
        *("lambda_target", "target_mode", "source/mIoU")
    ]


def test_one_value_is_in_the_middle():
    figure = parallel_coordinates([{"seed": 3, "source/mIoU": 5.0, "state": "COMPLETE"}], "source/mIoU")
    assert drawn(figure) == [[(0, 0.5), (1, 0.5)]]


def test_without_a_score_nothing_is_drawn():
    with pytest.raises(AnalysisError, match="no run has the score source/mIoU"):
        parallel_coordinates(ROWS[2:], "source/mIoU")
