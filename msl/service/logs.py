"""Each record of the server's log in one line, without statements in SQL."""

import logging
from traceback import extract_tb

_LENGTH = 500  # characters of a message
_STATEMENT = "[SQL:"


class OneLine(logging.Formatter):
    """Time, level, logger and message; an exception becomes its name and the place that raised it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The record in one line."""
        message = " ".join(record.getMessage().partition(_STATEMENT)[0].split())
        return " ".join([self._head(record), message[:_LENGTH], *_exception(record)])

    def _head(self, record: logging.LogRecord) -> str:
        return f"{self.formatTime(record)} {record.levelname} {record.name}:"


def _exception(record: logging.LogRecord) -> list[str]:
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return []
    reason = " ".join(str(error).partition(_STATEMENT)[0].split())[:_LENGTH]
    places = extract_tb(error.__traceback__)
    place = f" at {places[-1].filename}:{places[-1].lineno}" if places else ""
    return [f"({type(error).__name__}: {reason}{place})"]


def log_in_one_line() -> None:
    """Let every handler that exists write such lines."""
    known = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    for handler in {handler for logger in [logging.root, *known] for handler in logger.handlers}:
        handler.setFormatter(OneLine())
