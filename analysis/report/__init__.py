"""An experiment as one report: `contents` gathers it, `page` writes it as HTML, `files` puts it on the disk."""

from analysis.report.contents import Report, gather
from analysis.report.files import write_report
from analysis.report.page import as_page

__all__ = ["Report", "as_page", "gather", "write_report"]
