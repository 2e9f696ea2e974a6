import csv
import html.parser
import io
import math

import pytest

from analysis.tables import (
    FORMATS,
    Cell,
    Column,
    Table,
    as_csv,
    as_html,
    as_latex,
    as_markdown,
    as_text,
    number_text,
    text_cell,
)

NASTY = "a'b\"c %d 100% <script>alert(1)</script>\n| & $x_1$ \\ {#} ~^ `q` [z] é"
COLUMNS = (Column("group", "group", numeric=False), Column("mIoU <Δ>", "mIoU", ("mean", "std")))


def table(name, note="seen & noted"):
    rows = ((text_cell(name, [1]), Cell("30.00 ± 1.00", (30.000000000000004, 1.0))),)
    other = (text_cell("plain"), Cell("-5.00", (-5.0, math.nan)))
    return Table("Scores, Δ to x", COLUMNS, (*rows, other), (note,))


class Reader(html.parser.HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.values, self.scopes, self.text = [], [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.values += [value for name, value in attrs if name == "data-value"]
        if tag in ("th", "td"):
            self.scopes.append(dict(attrs).get("scope"))

    def handle_data(self, data):
        self.text += data


def test_text_is_one_line_a_row():
    lines = as_text(table(NASTY)).splitlines()
    assert len(lines) == 8
    assert lines[4].startswith(NASTY.replace("\n", "\\n") + " [1]  30.00 ± 1.00")
    assert lines[7] == "[1] seen & noted"


def test_text_shows_what_would_turn_or_move_it():
    assert "a\\u202eb\\x1b[2J" in as_text(table("a\u202eb\x1b[2J"))


def test_markdown_keeps_its_columns():
    lines = as_markdown(table(NASTY)).splitlines()
    row = lines[4].replace("\\\\", "").replace("\\|", "")
    assert row.count("|") == 3
    assert "<script>" not in lines[4]
    assert "lambda_target=0.1" in as_markdown(table("adapt lambda_target=0.1"))
    assert r"\_x\_ 1\*2" in as_markdown(table("_x_ 1*2"))


def test_latex_escapes_every_special():
    text = as_latex(table(NASTY, note="100 % of {x}"))
    assert r"100\% \textless{}script\textgreater{}alert(1)" in text
    assert r"\textbar{} \& \$x\_1\$ \textbackslash{} \{\#\} \textasciitilde{}\textasciicircum{}" in text
    assert r"\textasciigrave{}q\textasciigrave{} {[}z{]} é\textsuperscript{1} & 30.00 $\pm$ 1.00 \\" in text
    assert r"plain & $-$5.00 \\" in text
    assert r"\textsuperscript{1}~100 \% of \{x\}." in text
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    assert r"\begin{tabular}{lr}" in text


def test_csv_gives_back_names_and_every_digit():
    header, first, second = csv.reader(io.StringIO(as_csv(table(NASTY))))
    assert header == ["group", "mIoU mean", "mIoU std", "notes"]
    assert first == [NASTY, "30.000000000000004", "1.0", "seen & noted"]
    assert second == ["plain", "-5.0", "", ""]


def test_html_is_text_to_the_reader():
    page = as_html(table(NASTY, note="<b>"))
    assert page.isascii()
    reader = Reader()
    reader.feed(page)
    assert set(reader.tags) <= {"figure", "table", "caption", "thead", "tbody", "tr", "th", "td", "sup", "ol", "li"}
    assert NASTY.replace("\n", "\\n") in reader.text
    assert "<b>" in reader.text
    assert reader.values[1:] == ["30.000000000000004", "plain", "-5.0"]
    assert reader.scopes == ["col", "col", "row", None, "row", None]  # th: what a screen reader says with a number


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "html"])
def test_no_notes_leave_no_trace(form):
    bare = Table("c", COLUMNS, (), ())
    assert FORMATS[form](bare).strip() == FORMATS[form](bare)
    assert not any(trace in FORMATS[form](bare) for trace in ("notes", "footnotesize", "[1]", "1."))


def test_a_number_of_three_hundred_digits_is_short():
    assert number_text(1e308, "percent") == "1e+308"
    assert number_text(-1e308, "percent", sign=True) == "-1e+308"
    assert number_text(33.333, "percent") == "33.33"
