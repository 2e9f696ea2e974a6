import math

import pandas as pd
import pytest

from analysis import open_store
from analysis.errors import AnalysisError
from analysis.figures import class_bars, curve_plots, group_curves, save, scatter
from analysis.seeds import Summary, find_measure, seed_groups, short_names, smooth

MIOU = "target/mIoU"
NASTY = "a'b\" 100% $x_1$ <b>\n\u202e"


def points(*values):
    return [(10 * place, value, 1000 + place) for place, value in enumerate(values)]


@pytest.fixture
def filled(store, add_run):
    for seed, shift in enumerate((0.0, 1.0, 5.0)):
        metrics = {MIOU: points(30 + shift, 32 + shift, 31 + shift), "last/target/IoU/road": 60 + shift}
        add_run("plain", seed, {**metrics, "last/target/mIoU": 31 + shift}, epoch_iters=5, lambda_target=0.1)
    add_run(NASTY, 0, {MIOU: points(20.0, math.nan, 22.0), "last/target/mIoU": 22.0}, lambda_target=2.0)
    return open_store(store)


def test_a_curve_is_the_statistics_of_the_seeds(filled):
    groups = seed_groups(filled.runs("exp"))
    plain, nasty = sorted(group_curves(filled, groups, [MIOU, "loss/source"])[MIOU], key=lambda curve: -curve.means[0])
    assert plain.x == (0, 10, 20)
    for place, start in enumerate((30.0, 32.0, 31.0)):
        expected = Summary((start, start + 1, start + 5))
        assert plain.seeds[place] == expected
        assert plain.means[place] == expected.mean
        assert plain.highs[place] - plain.means[place] == pytest.approx(expected.std)
        assert plain.means[place] - plain.lows[place] == pytest.approx(expected.std)
    assert nasty.x == (0, 20)  # what is no number is no point
    assert nasty.means == nasty.lows == nasty.highs == [20.0, 22.0]


def test_epochs_smoothing_and_seeds_of_unequal_length(store, add_run):
    add_run("g", 0, {MIOU: points(1.0, 2.0, 4.0)}, epoch_iters=5)
    add_run("g", 1, {MIOU: [(0, 3.0, 1), (15, 6.0, 2)]}, epoch_iters=5)
    opened = open_store(store)
    groups = seed_groups(opened.runs())
    (curve,) = group_curves(opened, groups, [MIOU], "epoch")[MIOU]
    assert curve.x == (0.0, 2.0, 3.0)  # up to where the shorter one ends
    assert [summary.values for summary in curve.seeds] == [(1.0, 3.0), (2.0, 5.0), (3.0, 6.0)]
    (soft,) = group_curves(opened, groups, [MIOU], smoothing=0.5)[MIOU]
    assert soft.seeds[1].values[0] == pytest.approx(smooth(pd.Series([1.0, 2.0, 4.0]), 0.5)[1])


def test_epochs_of_unknown_length(filled):
    groups = seed_groups(filled.runs("exp"))
    with pytest.raises(AnalysisError, match="do not say how long an epoch is; use the axis step"):
        group_curves(filled, groups, [MIOU], "epoch")


def test_what_is_drawn_are_the_means(filled, tmp_path):
    groups = seed_groups(filled.runs("exp"))
    drawn = group_curves(filled, groups, [MIOU])
    figure = curve_plots(drawn)
    for line, curve in zip(figure.axes[0].lines, drawn[MIOU], strict=True):
        assert list(line.get_xdata()) == list(curve.x)
        assert list(line.get_ydata()) == curve.means
    svg, png = save(figure, tmp_path / "a figure")
    assert svg.read_text().startswith("<?xml")
    assert png.stat().st_size > 10_000


def test_names_at_the_ends_of_lines_do_not_overlap(filled):
    figure = curve_plots(group_curves(filled, seed_groups(filled.runs("exp")), [MIOU]))
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 2
    assert not boxes[0].overlaps(boxes[1])
    assert min(box.x0 for box in boxes) >= figure.axes[0].bbox.x1


def test_bars_and_scatter(filled):
    runs = filled.runs("exp")
    groups = [group for group in seed_groups(runs).values() if group.name == "plain"]
    (bar,) = class_bars(groups).axes[0].patches
    assert bar.get_width() == 62.0
    with pytest.raises(AnalysisError, match="IoU of single classes on the source"):
        class_bars(groups, "source")
    plot = scatter(list(seed_groups(runs).values()), "lambda_target", find_measure("mIoU", runs)).axes[0]
    assert [text.get_text() for text in plot.get_xticklabels()] == ["0.1", "2.0"]
    assert [list(line.get_ydata()) for line in plot.lines] == [[31.0, 32.0, 36.0], [22.0]]
    with pytest.raises(AnalysisError, match="both 'lamda'"):
        scatter(groups, "lamda", find_measure("mIoU", runs))


def test_short_names_keep_what_tells_groups_apart():
    assert short_names(["adapt streets", "adapt streets multi=True"]) == ["streets", "streets multi=True"]
    assert short_names(["adapt streets"]) == ["adapt streets"]
    assert short_names(["a", "b"]) == ["a", "b"]
