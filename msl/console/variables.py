"""The variables of the environment that MLflow and its libraries read."""

import os
from pathlib import Path
from urllib.parse import urlsplit

_BEGINNINGS = ("MLFLOW_", "AWS_")
_NAMES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_SQLITE = "sqlite:///"
_SQLITE_HEAD = b"SQLite format 3\x00"
_SUFFIXES = (".db", ".sqlite", ".sqlite3")


def unset_empty_variables() -> None:
    """Unset variables that are empty: for MLflow, ``MLFLOW_TRACKING_INSECURE_TLS=`` is a wrong value."""
    for name, value in list(os.environ.items()):
        if not value.strip() and (name.startswith(_BEGINNINGS) or name.upper() in _NAMES):
            del os.environ[name]


def wrong_address(uri: str) -> str | None:
    """Why a text is no address of a run store, and what to write; None if it may be one."""
    try:
        urlsplit(uri)
    except ValueError as error:
        return f"this is no valid address ({error}). Write http://HOST:PORT or sqlite:///mlflow.db."
    if uri.startswith(_SQLITE) and (folder := Path(uri.removeprefix(_SQLITE).partition("?")[0])).is_dir():
        return f"{folder} is a folder and no database file. Write {uri.rstrip('/')}/mlflow.db."
    path = Path(uri.removeprefix("file://").removeprefix("file:"))
    if not uri.startswith("file:") and "://" in uri:
        return None
    if uri.startswith(("databricks", "uc:")):
        return "msl does not use Databricks. Set MLFLOW_TRACKING_URI to a running server, or to sqlite:///mlflow.db."
    if uri.startswith("sqlite:"):
        return f"the address needs three slashes. Write sqlite:///{uri.removeprefix('sqlite:').lstrip('/')}."
    if path.suffix in _SUFFIXES or _is_sqlite(path):
        return f"this is the path of a file and not an address. Write sqlite:///{path}."
    return (
        "it is a file store, which MLflow no longer supports. Set MLFLOW_TRACKING_URI to a running server (`make "
        "serve` starts one) or to sqlite:///mlflow.db; `mlflow migrate-filestore` moves its runs there."
    )


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE_HEAD)) == _SQLITE_HEAD
    except OSError:
        return False
