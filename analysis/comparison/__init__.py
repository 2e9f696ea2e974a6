"""Seed groups side by side: compared with a baseline, class by class, or by one setting.

`compare` and `ablation` find the numbers, `table` writes them; `classes` does both. `published` holds the rows of other
people's tables.
"""

from analysis.comparison.ablation import ablation
from analysis.comparison.classes import class_table
from analysis.comparison.compare import REPORT_MEASURES, Comparison, Row, compare
from analysis.comparison.published import PUBLISHED, Published, published_beside, published_rows
from analysis.comparison.table import Layout, Spread, comparison_table

__all__ = [
    "PUBLISHED",
    "REPORT_MEASURES",
    "Comparison",
    "Layout",
    "Published",
    "Row",
    "Spread",
    "ablation",
    "class_table",
    "compare",
    "comparison_table",
    "published_beside",
    "published_rows",
]
