"""A report as files: one HTML page, or Markdown with its figures in a folder beside it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.errors import AnalysisError
from analysis.figures import curve_plots, gains_plot, regrets_plot, save
from analysis.report.contents import Report, gather
from analysis.report.page import as_page, panel_caption
from analysis.store import Artifacts, open_store
from analysis.tables import as_markdown, markdown_text

_ENDINGS = (".html", ".md")


def write_report(store: str, experiment: str, baseline: str, output: Path) -> list[Path]:
    """Read a store and write an experiment's report, with panels; all files, the report first.

    Args:
        store: URI of the run store.
        experiment: its name.
        baseline: the group to compare with: its name, or a part that no other group's name has.
        output: the report's file. Its ending decides the format: ``.html``, or ``.md`` with a folder of figures.

    Raises:
        AnalysisError: as `gather` says; or the ending is another, or the file cannot be written.
    """
    if output.suffix not in _ENDINGS:
        raise AnalysisError(f"{output}: a report is written as {' or '.join(_ENDINGS)}; end the file's name so")
    report = gather(open_store(store), experiment, baseline, Artifacts(store))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        return [output, *_write(report, output)]
    except OSError as error:
        raise AnalysisError(f"{output} cannot be written: {error.strerror or error}") from error


def _write(report: Report, output: Path) -> list[Path]:
    """Write a report, and its figures if they have files of their own: these."""
    if output.suffix == ".html":
        output.write_text(as_page(report), encoding="ascii")
        return []
    figures = list(_figures(report, output.with_name(f"{output.stem}_figures")))
    output.write_text(as_document(report, [file for file in figures if file.suffix == ".png"]), encoding="utf-8")
    return figures


def as_document(report: Report, pictures: Sequence[Path]) -> str:
    """The report as Markdown, with these pictures from a folder beside it."""
    tables = {
        "Comparison": report.comparison,
        "Attribution": report.attribution,
        "Selection": report.selection,
        "Classes": report.per_class,
        "Claims": report.claims,
    }
    parts = [f"# {markdown_text(report.experiment)}", f"{report.summary} Baseline: {markdown_text(report.baseline)}."]
    for name, table in {**tables, "Runs": report.runs}.items():
        if table is not None:
            parts.append(f"## {name}\n\n{as_markdown(table)}")
    captions = {
        "curves": report.curves_note,
        "gains": "Where the gains come from.",
        "regrets": "What choosing without target labels costs.",
        **{_stem(panels.domain): panel_caption(panels) for panels in report.panels},
    }
    if pictures:
        parts.append("## Figures")
    for picture in pictures:
        caption = markdown_text(captions[picture.stem])
        parts.append(f"{caption}\n\n![{picture.stem}]({picture.parent.name.replace(' ', '%20')}/{picture.name})")
    return "\n\n".join([*parts, *([markdown_text(report.panels_note)] if report.panels_note else [])]) + "\n"


def _figures(report: Report, folder: Path) -> Iterator[Path]:
    """Draw the figures into a folder; their files."""
    if report.curves:
        yield from save(curve_plots(report.curves), folder / "curves")
    if report.gains:
        yield from save(gains_plot(report.gains, report.miou), folder / "gains")
    if report.criteria:
        yield from save(regrets_plot(report.criteria), folder / "regrets")
    for panels in report.panels:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{_stem(panels.domain)}.png"
        panels.picture.save(path, optimize=True)
        yield path


def _stem(domain: str) -> str:
    return f"panels_{domain}"
