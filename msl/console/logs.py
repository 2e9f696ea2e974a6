"""Messages of msl, for people or for programs.

The environment variable MSL_QUIET leaves out everything but warnings and errors, and all progress; MSL_LOG_FORMAT is
``text`` or ``json``.
"""

import io
import json
import logging
import os
import sys
import time
from typing import Any

from msl.console.passwords import masked

TEXT, JSON = "text", "json"
_FALSE = ("", "0", "false", "no")


def is_quiet() -> bool:
    """Whether only warnings and errors are wanted."""
    return os.environ.get("MSL_QUIET", "").lower() not in _FALSE


def set_up(form: str | None = None) -> None:
    """Send messages to the standard error output, and let no character end the command.

    Args:
        form: TEXT or JSON; MSL_LOG_FORMAT if left out.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a character that the terminal's encoding cannot hold becomes ?
            stream.reconfigure(errors="replace")
    if form is not None:
        os.environ["MSL_LOG_FORMAT"] = form  # also of processes that this one starts
    if not sys.stderr.isatty():  # MLflow draws its bars into log files, too
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if (form or os.environ.get("MSL_LOG_FORMAT")) == JSON else _Text("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("msl").setLevel(logging.WARNING if is_quiet() else logging.INFO)


class _Text(logging.Formatter):
    """One line a message."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class _Json(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        content: dict[str, Any] = {"time": moment, "level": record.levelname.lower(), "logger": record.name}
        content["message"] = masked(record.getMessage())
        if record.exc_info:
            content["traceback"] = masked(self.formatException(record.exc_info))
        return json.dumps(content, ensure_ascii=False)
