"""A table as text, Markdown, LaTeX, CSV or HTML. Every name is shown as it is, whatever characters it has."""

import csv
import html
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence

from analysis.tables.table import Cell, Column, Table

_LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # after \\ it would be an option
    "]": "{]}",
    "Δ": r"$\Delta$",
    "λ": r"$\lambda$",
    "±": r"$\pm$",
    "→": r"$\rightarrow$",
    "−": "$-$",
    "\N{NO-BREAK SPACE}": "~",
    "–": "--",
}
_NEGATIVE = re.compile(r"(?<![\w.])-(?=\d)")
_MARKDOWN = re.compile(r"[\\`*{}\[\]<>|#~&]|(?<!\w)_|_(?!\w)")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet skips the last three
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def as_text(table: Table) -> str:
    """Aligned columns for a terminal, footnotes below."""
    header = [one_line(column.heading) for column in table.columns]
    body = [[one_line(cell.text) + _brackets(cell.marks) for cell in row] for row in table.rows]
    widths = [max(len(row[i]) for row in (header, *body)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = zip(table.columns, cells, widths, strict=True)
        return "  ".join(c.rjust(w) if column.numeric else c.ljust(w) for column, c, w in padded).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    notes = [f"[{number}] {one_line(note)}" for number, note in enumerate(table.notes, 1)]
    return "\n".join(
        [one_line(table.caption), "", line(header), rule, *map(line, body), *([""] if notes else []), *notes]
    )


def as_markdown(table: Table) -> str:
    """A table in GitHub's Markdown."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    header = line([markdown_text(column.heading) for column in table.columns])
    rule = line(["---:" if column.numeric else "---" for column in table.columns])
    body = [line([markdown_text(cell.text) + _sup(cell.marks) for cell in row]) for row in table.rows]
    notes = [f"{number}. {markdown_text(note)}" for number, note in enumerate(table.notes, 1)]
    return "\n".join([markdown_text(table.caption), "", header, rule, *body, *([""] if notes else []), *notes])


def as_latex(table: Table) -> str:
    """A table environment for a paper; it needs the package booktabs."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join(cells) + r" \\"

    def cell(content: Cell) -> str:
        marks = ",".join(map(str, content.marks))
        return _latex(content.text) + (f"\\textsuperscript{{{marks}}}" if marks else "")

    notes = [f"\\textsuperscript{{{number}}}~{_latex(note)}." for number, note in enumerate(table.notes, 1)]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            f"\\caption{{{_latex(table.caption)}.}}",
            f"\\begin{{tabular}}{{{''.join('r' if column.numeric else 'l' for column in table.columns)}}}",
            r"\toprule",
            line([_latex(column.heading) for column in table.columns]),
            r"\midrule",
            *(line([cell(content) for content in row]) for row in table.rows),
            r"\bottomrule",
            r"\end{tabular}",
            *([r"\par\smallskip\footnotesize\raggedright", *notes] if notes else []),
            r"\end{table}",
        ]
    )


def as_raw_csv(table: Table) -> str:
    """Every number unrounded, in a column of its own, and every text as it is; the last column holds the footnotes."""
    return _csv(table, lambda text: text)


def as_csv(table: Table) -> str:
    """The same for people, who open it in a spreadsheet: it shows every text and runs none as a formula."""
    return _csv(table, spreadsheet_text)


def spreadsheet_text(text: str) -> str:
    """A text that a spreadsheet does not run: one that begins as a formula gets an apostrophe, which is not shown."""
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _csv(table: Table, shown: Callable[[str], str]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([shown(name) for name in (*(n for column in table.columns for n in _names(column)), "notes")])
    for row in table.rows:
        notes = [table.notes[mark - 1] for mark in sorted({mark for cell in row for mark in cell.marks})]
        values = [value for cell in row for value in cell.values]
        cells = [shown(value) if isinstance(value, str) else _raw(value) for value in values]
        writer.writerow([*cells, shown("; ".join(notes))])
    return out.getvalue().rstrip("\n")


def as_html(table: Table) -> str:
    """A ``figure`` with a ``table``, in ASCII; ``data-value`` holds the value by which a column is sorted.

    The first cell of a row is its heading: a screen reader says it before every other cell of the row.
    """

    def cell(column: Column, content: Cell) -> str:
        tag, scope = ("th", ' scope="row"') if column is table.columns[0] else ("td", "")
        value = f'data-value="{_html(_raw(content.values[0]))}"'
        return f"<{tag}{scope}{_kind(column)} {value}>{_html(content.text)}{_sup(content.marks)}</{tag}>"

    head = "".join(f'<th scope="col"{_kind(column)}>{_html(column.heading)}</th>' for column in table.columns)
    body = ["<tr>" + "".join(map(cell, table.columns, row)) + "</tr>" for row in table.rows]
    notes = [f"<li>{_html(note)}</li>" for note in table.notes]
    lines = [
        '<figure class="table">',
        "<table>",
        f"<caption>{_html(table.caption)}</caption>",
        f"<thead><tr>{head}</tr></thead>",
        "<tbody>",
        *body,
        "</tbody>",
        "</table>",
        *(['<ol class="notes">', *notes, "</ol>"] if notes else []),
        "</figure>",
    ]
    return "\n".join(lines).encode("ascii", "xmlcharrefreplace").decode()


FORMATS: Mapping[str, Callable[[Table], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "latex": as_latex,
    "csv": as_csv,
    "html": as_html,
}


def _names(column: Column) -> list[str]:
    return [f"{column.key} {part}".rstrip() for part in column.parts]


def _raw(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else repr(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def one_line(text: str) -> str:
    """A text on one line: control characters, and those that change the writing direction, become escapes."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def markdown_text(text: str) -> str:
    """A text as Markdown needs it to show it unchanged."""
    return _MARKDOWN.sub(lambda match: f"\\{match[0]}", one_line(text)).replace("\\<", "&lt;").replace("\\&", "&amp;")


def _latex(text: str) -> str:
    signed = _NEGATIVE.sub("−", one_line(text))
    return "".join(_LATEX.get(character, character) for character in signed)


def _kind(column: Column) -> str:
    return ' class="number"' if column.numeric else ""


def _html(text: str) -> str:
    return html.escape(one_line(text))


def _brackets(marks: Sequence[int]) -> str:
    return f" [{','.join(map(str, marks))}]" if marks else ""


def _sup(marks: Sequence[int]) -> str:
    return f"<sup>{','.join(map(str, marks))}</sup>" if marks else ""
