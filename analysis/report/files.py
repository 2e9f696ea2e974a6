"""A report as files: one HTML page, or Markdown with its figures beside it."""

from pathlib import Path
from typing import TYPE_CHECKING

from analysis import open_store
from analysis.errors import AnalysisError
from analysis.figures import style
from analysis.figures.plots import curves
from analysis.report.contents import Report, make
from analysis.report.page import as_page, panel_caption
from analysis.store.artifacts import Artifacts
from analysis.tables.formats import as_markdown, markdown_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDINGS = (".html", ".md")


def report(store: str, experiment: str, baseline: str, output: Path) -> list[Path]:
    """Read a store and write an experiment's report, with panels; all files, the report first.

    Args:
        store: URI of the run store.
        experiment: its name.
        baseline: the group to compare with: its name, or a part that no other has.
        output: the report's file.

    Raises:
        AnalysisError: as `analysis.report.contents.make` and `write` say.
    """
    check(output)
    return write(make(open_store(store), experiment, baseline, Artifacts(store)), output)


def write(report: Report, output: Path) -> list[Path]:
    """Write a report; the ending says how: ``.html``, or ``.md`` with a folder of figures. All files, the report first.

    Raises:
        AnalysisError: the ending is another, or the file cannot be written.
    """
    check(output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.suffix == ".html":
            output.write_text(as_page(report), encoding="ascii")
            return [output]
        figures = output.with_name(f"{output.stem}_figures")
        files = list(_figures(report, figures))
        output.write_text(as_document(report, [file for file in files if file.suffix == ".png"]), encoding="utf-8")
    except OSError as error:
        raise AnalysisError(f"{output} cannot be written: {error.strerror or error}") from error
    return [output, *files]


def check(output: Path) -> None:
    """Refuse a file name that says no format, before anything is read."""
    if output.suffix not in _ENDINGS:
        raise AnalysisError(f"{output}: a report is written as {' or '.join(_ENDINGS)}; end the file's name so")


def as_document(report: Report, pictures: list[Path]) -> str:
    """The report as Markdown, with these pictures from a folder beside it."""
    tables = {"Runs": report.runs, "Comparison": report.comparison, "Classes": report.per_class}
    parts = [f"# {markdown_text(report.experiment)}", f"{report.summary} Baseline: {markdown_text(report.baseline)}."]
    for name, sheet in {**tables, "Claims": report.claims}.items():
        if sheet is not None:
            parts.append(f"## {name}\n\n{as_markdown(sheet)}")
    told = {"curves": report.curves_note, **{f"panels_{p.domain}": panel_caption(p) for p in report.panels}}
    if pictures:
        parts.append("## Figures")
    for picture in pictures:
        said = markdown_text(told[picture.stem])
        parts.append(f"{said}\n\n![{picture.stem}]({picture.parent.name.replace(' ', '%20')}/{picture.name})")
    return "\n\n".join([*parts, *([markdown_text(report.panels_note)] if report.panels_note else [])]) + "\n"


def _figures(report: Report, folder: Path) -> "Iterator[Path]":
    if report.curves:
        yield from style.save(curves(report.curves), folder / "curves")
    for panel in report.panels:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"panels_{panel.domain}.png"
        panel.picture.save(path, optimize=True)
        yield path
