"""Seed groups side by side: compared with a baseline, class by class, or by one setting.

`compare` and `ablation` find the numbers, `table` writes them; `classes` does both. `published` holds the rows of other
people's tables.
"""

from analysis.comparison.ablation import ablation
from analysis.comparison.attribution import ADAPTING, Attribution, attribution, dose, find_twin
from analysis.comparison.attribution_table import attribution_table
from analysis.comparison.classes import class_table
from analysis.comparison.compare import REPORT_MEASURES, Comparison, Row, compare
from analysis.comparison.gap import Gap
from analysis.comparison.power import power_table
from analysis.comparison.published import PUBLISHED, Published, published_beside, published_rows
from analysis.comparison.selectors import Selector, selectors
from analysis.comparison.selectors_table import selector_table
from analysis.comparison.table import Layout, Spread, comparison_table

__all__ = [
    "ADAPTING",
    "PUBLISHED",
    "REPORT_MEASURES",
    "Attribution",
    "Comparison",
    "Gap",
    "Layout",
    "Published",
    "Row",
    "Selector",
    "Spread",
    "ablation",
    "attribution",
    "attribution_table",
    "class_table",
    "compare",
    "comparison_table",
    "dose",
    "find_twin",
    "power_table",
    "published_beside",
    "published_rows",
    "selector_table",
    "selectors",
]
