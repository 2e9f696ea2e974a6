"""A report as one HTML file that needs no network and no other file."""

import base64
import html
import io
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from analysis.figures import SideBySide, axis_label, gains_plot, regrets_plot, save, svg_chart
from analysis.report.contents import Report
from analysis.tables import Table, as_html, one_line
from msl import schema

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROWS = 30  # of a table; a longer one scrolls below its headings
_QUALITY = 88  # of panels as WebP


def as_page(report: Report) -> str:
    """The report as an HTML document in ASCII."""
    sections = {
        "Comparison": _table(report.comparison),
        "Attribution": "" if report.attribution is None else _table(report.attribution) + _gains(report),
        "Curves": _curves(report),
        "Selection": "" if report.selection is None else _table(report.selection) + _regrets(report),
        "Classes": "" if report.per_class is None else _table(report.per_class),
        "Claims": _table(report.claims, sortable=False),
        "Runs": _table(report.runs),
        "Panels": "\n".join([*map(_panels, report.panels), *_paragraph(report.panels_note)]),
    }
    sections = {name: content for name, content in sections.items() if content}
    links = "".join(f'<li><a href="#{name.lower()}">{name}</a></li>' for name in sections)
    body = [
        f'<section aria-labelledby="{name.lower()}"><h2 id="{name.lower()}">{name}</h2>\n{content}\n</section>'
        for name, content in sections.items()
    ]
    title = html.escape(one_line(report.experiment))
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>{title}</title><link rel="icon" href="data:,">',
        f"<style>\n{_resource('page.css')}</style></head>",
        "<body>",
        f"<header><h1>{title}</h1>",
        f"<p>{html.escape(report.summary)} Baseline: {html.escape(one_line(report.baseline))}.</p>",
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>',
        "<main>",
        *body,
        "</main>",
        '<dialog aria-label="Panel"><button type="button">Close</button><img alt=""></dialog>' if report.panels else "",
        f"<script>\n{_resource('page.js')}</script>",
        "</body></html>\n",
    ]
    return "\n".join(lines).encode("ascii", "xmlcharrefreplace").decode()


def _table(table: Table, sortable: bool = True) -> str:
    label = html.escape(one_line(table.caption.partition(".")[0].partition(";")[0]))
    kind = " ".join(["scroll", *(["sortable"] if sortable else []), *(["long"] if len(table.rows) > _ROWS else [])])
    return f'<div class="{kind}" tabindex="0" role="region" aria-label="{label}">\n{as_html(table)}\n</div>'


def _curves(report: Report) -> str:
    places: dict[str, int] = {}
    for curves in report.curves.values():
        for curve in curves:
            places.setdefault(curve.group, len(places))
    charts = [
        svg_chart(axis_label(metric), curves, places, "step", schema.unit(metric))
        for metric, curves in report.curves.items()
    ]
    if not charts:
        return ""
    return "\n".join([*_paragraph(report.curves_note), '<div class="charts">', *charts, "</div>"])


def _gains(report: Report) -> str:
    return _drawing(gains_plot(report.gains, report.miou), "Parts of each gain, with their intervals")


def _regrets(report: Report) -> str:
    return _drawing(regrets_plot(report.criteria), "Regret of each criterion, with its interval")


def _drawing(figure: "Figure", label: str) -> str:
    """A figure of matplotlib as a picture within the page."""
    with TemporaryDirectory() as folder:
        drawing = save(figure, Path(folder) / "figure")[0].read_bytes()
    picture = base64.b64encode(drawing).decode()
    return f'<p><img class="drawing" src="data:image/svg+xml;base64,{picture}" alt="{html.escape(label)}"></p>'


def _panels(panels: SideBySide) -> str:
    out = io.BytesIO()
    panels.picture.save(out, "webp", quality=_QUALITY)
    picture = base64.b64encode(out.getvalue()).decode()
    caption = html.escape(panel_caption(panels))
    image = f'<img src="data:image/webp;base64,{picture}" alt="{caption}">'
    return f'<figure><figcaption>{caption}</figcaption><button type="button" class="panel">{image}</button></figure>'


def panel_caption(panels: SideBySide) -> str:
    """What the panels show, from left to right."""
    columns = f"{panels.domain}: image, label, then the predictions of {'; '.join(map(one_line, panels.groups))}"
    return ". ".join([columns, *map(one_line, panels.notes)])


def _paragraph(text: str) -> list[str]:
    return [f"<p>{html.escape(one_line(text))}</p>"] if text else []


def _resource(name: str) -> str:
    return (resources.files("analysis.report") / name).read_text()
