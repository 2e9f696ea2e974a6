"""Figures of seed groups: curves over training, bars and dots for matplotlib, curves for a page, and panels.

`curves` computes, `plots` and `svg` draw, in the `style` and with the
`fonts` that all figures share. `evidence` draws the parts of gains and the regrets of criteria, `parallel` the runs of
a sweep. `panels` puts the predictions of several groups side by side: `measured` reads the panels of older runs,
`composition` draws.
"""

from analysis.figures.curves import Axis, GroupCurve, group_curves, report_metrics
from analysis.figures.evidence import gains_plot, regrets_plot
from analysis.figures.fonts import replacement_note
from analysis.figures.intervals import interval_plot
from analysis.figures.panels import Panel, SideBySide, side_by_side
from analysis.figures.parallel import parallel_coordinates
from analysis.figures.plots import axis_label, class_bars, curve_plots, scatter
from analysis.figures.style import save
from analysis.figures.svg import svg_chart

__all__ = [
    "Axis",
    "GroupCurve",
    "Panel",
    "SideBySide",
    "axis_label",
    "class_bars",
    "curve_plots",
    "gains_plot",
    "group_curves",
    "interval_plot",
    "parallel_coordinates",
    "regrets_plot",
    "replacement_note",
    "report_metrics",
    "save",
    "scatter",
    "side_by_side",
    "svg_chart",
]
