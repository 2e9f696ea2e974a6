"""A report as one HTML file that needs nothing else: no network, no other file."""

import base64
import html
import io
from importlib import resources

from analysis.figures import svg
from analysis.figures.plots import axis_label
from analysis.figures.style import printable
from analysis.report.contents import Panel, Report
from analysis.tables.formats import as_html
from analysis.tables.table import Sheet

_QUALITY = 88  # of panels as WebP


def as_page(report: Report) -> str:
    """The report as an HTML document in ASCII."""
    sections = {
        "Runs": _table(report.runs),
        "Comparison": _table(report.comparison),
        "Curves": _curves(report),
        "Classes": "" if report.per_class is None else _table(report.per_class),
        "Claims": _table(report.claims, sortable=False),
        "Panels": "\n".join([*map(_panel, report.panels), *_paragraph(report.panels_note)]),
    }
    sections = {name: content for name, content in sections.items() if content}
    links = "".join(f'<li><a href="#{name.lower()}">{name}</a></li>' for name in sections)
    body = [
        f'<section aria-labelledby="{name.lower()}"><h2 id="{name.lower()}">{name}</h2>\n{content}\n</section>'
        for name, content in sections.items()
    ]
    title = html.escape(printable(report.experiment))
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>{title}</title><link rel="icon" href="data:,">',
        f"<style>\n{_resource('page.css')}</style></head>",
        "<body>",
        f"<header><h1>{title}</h1>",
        f"<p>{html.escape(report.summary)} Baseline: {html.escape(printable(report.baseline))}.</p>",
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>',
        "<main>",
        *body,
        "</main>",
        '<dialog aria-label="Panel"><button type="button">Close</button><img alt=""></dialog>' if report.panels else "",
        f"<script>\n{_resource('page.js')}</script>",
        "</body></html>\n",
    ]
    return "\n".join(lines).encode("ascii", "xmlcharrefreplace").decode()


def _table(sheet: Sheet, sortable: bool = True) -> str:
    label = html.escape(printable(sheet.caption.partition(".")[0].partition(";")[0]))
    kind = "scroll sortable" if sortable else "scroll"
    return f'<div class="{kind}" tabindex="0" role="region" aria-label="{label}">\n{as_html(sheet)}\n</div>'


def _curves(report: Report) -> str:
    places: dict[str, int] = {}
    for found in report.curves.values():
        for band in found:
            places.setdefault(band.group, len(places))
    charts = [
        svg.chart(axis_label(metric), found, places, "step", "loss" not in metric)
        for metric, found in report.curves.items()
    ]
    if not charts:
        return ""
    return "\n".join([*_paragraph(report.curves_note), '<div class="charts">', *charts, "</div>"])


def _panel(panel: Panel) -> str:
    out = io.BytesIO()
    panel.picture.save(out, "webp", quality=_QUALITY)
    picture = base64.b64encode(out.getvalue()).decode()
    said = html.escape(panel_caption(panel))
    image = f'<img src="data:image/webp;base64,{picture}" alt="{said}">'
    return f'<figure><figcaption>{said}</figcaption><button type="button" class="panel">{image}</button></figure>'


def panel_caption(panel: Panel) -> str:
    """What a panel shows, from left to right."""
    said = f"{panel.domain}: image, label, then the predictions of {'; '.join(map(printable, panel.groups))}"
    return ". ".join([said, *map(printable, panel.notes)])


def _paragraph(text: str) -> list[str]:
    return [f"<p>{html.escape(printable(text))}</p>"] if text else []


def _resource(name: str) -> str:
    return (resources.files("analysis.report") / name).read_text()
