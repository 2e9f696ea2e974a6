"""Tables as they are written: `table` holds the cells with the numbers behind them, `formats` writes them."""

from analysis.tables.formats import FORMATS, as_csv, as_html, as_latex, as_markdown, as_text, markdown_text, one_line
from analysis.tables.table import (
    ID_DIGITS,
    NOTHING,
    Cell,
    Column,
    Footnotes,
    Table,
    interval_text,
    joined,
    name_cell,
    number_text,
    text_cell,
)

__all__ = [
    "FORMATS",
    "ID_DIGITS",
    "NOTHING",
    "Cell",
    "Column",
    "Footnotes",
    "Table",
    "as_csv",
    "as_html",
    "as_latex",
    "as_markdown",
    "as_text",
    "interval_text",
    "joined",
    "markdown_text",
    "name_cell",
    "number_text",
    "one_line",
    "text_cell",
]
