"""An error of MLflow, a database, a network, an artifact store or a disk, as one sentence that says the way out.

Errors are known by the names of their classes, so that no library is imported for it.
"""

import errno
import os
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from msl.console.passwords import masked
from msl.console.sentences import (
    ADDRESSES,
    ARTIFACTS,
    DATABASE,
    DISKS,
    ENDPOINTS,
    NETWORK,
    RECORDS,
    STATUS,
    UNREACHED,
    VARIABLES,
    Rule,
)

TRACKING_URI = "MLFLOW_TRACKING_URI"
_FAMILIES = {  # packages
    *("mlflow", "sqlalchemy", "alembic", "sqlite3", "psycopg", "pymysql"),
    *("requests", "urllib3", "ssl", "socket", "http"),
    *("botocore", "boto3", "google", "azure", "paramiko", "pysftp"),
}
_ANSWERED = re.compile(r"(?:error code|status code|too many) (\d{3})", re.IGNORECASE)
_CLIENT_ERROR = re.compile(r"\b(\d{3}) (?:Client|Server) Error")
_SCHEMA = re.compile(r"found version (\w+),? but expected (\w+)")
_LINE = 300  # characters of a message that no sentence is known for


def explained(error: BaseException, store: str | None = None) -> str | None:
    """The sentence for an error that its user can mend, with the place; None for all others.

    Args:
        error: of any library.
        store: address of the run store; None = the one that MLflow uses now.
    """
    text = _cause(error, store) if _is_for_the_user(error) else None
    if text is None:
        return None
    if isinstance(error, OSError) and error.errno in DISKS:
        return text
    return masked(f"run store {store or _store()}: {text}")


def reason(error: BaseException, store: str | None = None) -> str:
    """The sentence for an error without the store's address, or, if none is known, the first line of its message."""
    text = _cause(error, store)
    if text is None:
        lines = str(error).strip().splitlines()
        text = lines[0][:_LINE] if lines else type(error).__name__
    return masked(text)


def is_explained(error: BaseException) -> bool:
    """Whether a sentence is known for an error."""
    return _cause(error, None) is not None


def _cause(error: BaseException, store: str | None) -> str | None:
    if isinstance(error, OSError) and error.errno in DISKS and not _is_of_a_library(error):
        place = f"{error.filename}: " if error.filename is not None else ""
        return f"{place}{DISKS[error.errno]}"
    uri = masked(store or _store())
    text = "\n".join(f"{type(part).__name__}: {part}" for part in _chain(error))
    return (
        _first((*VARIABLES, *ENDPOINTS, *ADDRESSES, *NETWORK), text, uri)
        or _wrong_schema(text, uri)
        or _first((*ARTIFACTS, *RECORDS), text, uri)
        or _answered(error, text)
        or _first((*DATABASE, *UNREACHED), text, uri)
        or _sentence_of_mlflow(error)
    )


def _first(rules: Sequence[Rule], text: str, uri: str) -> str | None:
    for rule in rules:
        if match := rule.pattern.search(text):
            return rule.sentence.format(*(group or "" for group in match.groups()), uri=uri)
    return None


def _answered(error: BaseException, text: str) -> str | None:
    """The sentence for the number of a server's answer."""
    match = _ANSWERED.search(text) or _CLIENT_ERROR.search(text)
    if match is None and "RestException" not in _names(error):
        return None
    status = int(match[1]) if match else int(error.get_http_status_code())  # type: ignore[attr-defined]  # by name
    message = " ".join(str(error).split())[:_LINE]
    if match is None and status in (400, 404, 409):  # the server says what it lacks
        return f"the server refuses the request: {message}"
    return STATUS.get(status, f"the server answers with the error {status}: {message}")


def _wrong_schema(text: str, uri: str) -> str | None:
    """The sentence for a schema of another MLflow: an older one is one whose revision this MLflow knows."""
    match = _SCHEMA.search(text)
    if match is None:
        return None
    package = find_spec("mlflow")
    folder = Path(str(package and package.origin)).parent / "store" / "db_migrations" / "versions"
    if match[1] == "None" or any(folder.glob(f"{match[1]}_*.py")):
        return (
            f"the database has the schema of an older MLflow (revision {match[1]}, {match[2]} is needed). Make a copy "
            f"of it, then give `mlflow db upgrade {uri}`."
        )
    return (
        f"the database has the schema of a newer MLflow (revision {match[1]}). Update MLflow: `pip install -U mlflow`."
    )


def _sentence_of_mlflow(error: BaseException) -> str | None:
    """What MLflow itself says, where it refuses a value."""
    code = getattr(error, "error_code", "")
    if "MlflowException" in _names(error) and code != "INTERNAL_ERROR":
        return " ".join(str(error).split())[:_LINE]
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes; the innermost often names what the outer ones only wrap."""
    seen: set[int] = set()
    part: BaseException | None = error
    while part is not None and id(part) not in seen:
        seen.add(id(part))
        yield part
        part = part.__cause__ or part.__context__


def _is_for_the_user(error: BaseException) -> bool:
    """Whether an error of unknown origin may be explained; a ValueError is more often a fault of a program."""
    if isinstance(error, OSError) and error.errno == errno.EPIPE:  # `msl table | head`
        return False
    if isinstance(error, ImportError):
        return _is_in(error, (*DATABASE, *ARTIFACTS))
    if isinstance(error, OSError) and error.errno in DISKS:
        return True
    if isinstance(error, ValueError) and _is_in(error, VARIABLES):
        return True
    return _is_of_a_library(error) or isinstance(error, ConnectionError | TimeoutError)


def _is_in(error: BaseException, rules: Sequence[Rule]) -> bool:
    return any(rule.pattern.search(str(error)) for rule in rules)


def _is_of_a_library(error: BaseException) -> bool:
    return any(kind.__module__.partition(".")[0] in _FAMILIES for kind in type(error).__mro__)


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _store() -> str:
    """The address of the store that MLflow uses now; MLflow is asked only if it is loaded already."""
    current = getattr(sys.modules.get("mlflow"), "get_tracking_uri", lambda: os.environ.get(TRACKING_URI))
    return str(current() or "sqlite:///mlflow.db")
