"""The watch over a run store for as long as a server lives, also while the store is away.

SQLite makes a file that does not exist. So a store whose file was removed is not opened, and one whose file was
replaced is opened anew.
"""

import logging
import threading
import time
from collections.abc import Collection
from pathlib import Path
from urllib.parse import quote

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from msl.tracking.alerts import EndedRuns, Webhook
from msl.tracking.reaper import Reaper

log = logging.getLogger("msl")

_LOOK_EVERY_S = 15.0


def watch_over(store_uri: str, alert_url: str | None = None) -> None:
    """Start a thread that marks dead runs of a store for as long as this process lives, and sends alerts."""
    threading.Thread(target=_watch, args=(Watch(store_uri, alert_url),), daemon=True, name="watch").start()


class Watch:
    """One look after the other at the runs of a store."""

    def __init__(self, store_uri: str, alert_url: str | None = None) -> None:
        """Open nothing yet."""
        self._webhook = Webhook(alert_url) if alert_url else None
        self._ended: EndedRuns | None = None
        self._uri = without_making_files(store_uri)
        self._file = _sqlite_file(store_uri)
        self._opened: tuple[int, int] | None = None  # device and inode
        self._reaper: Reaper | None = None
        self._client: MlflowClient | None = None

    def look(self) -> None:
        """Look once, and log why if the store cannot be used."""
        try:
            if self._file is not None:
                self._forget_a_replaced_file(self._file)
            self._client = self._client or MlflowClient(self._uri)
            self._reaper = self._reaper or Reaper(self._client)
            silent = self._reaper.look()
            if self._webhook is not None:
                self._alert(self._client, self._webhook, silent)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            log.warning("dead runs cannot be looked for at present: %s", str(error).partition("\n")[0])

    def _alert(self, client: MlflowClient, webhook: Webhook, silent: Collection[str]) -> None:
        """Send what has happened since the last look; the first look only remembers what has ended before."""
        if self._ended is None:
            self._ended = EndedRuns(client)
        webhook.send(self._ended.alerts(silent))

    def _forget_a_replaced_file(self, file: Path) -> None:
        """Close the connections to the file that was there before.

        Raises:
            OSError: there is no file.
        """
        status = file.stat()
        identity = (status.st_dev, status.st_ino)
        if self._client is not None and identity != self._opened:
            self._client._tracking_client.store.engine.dispose()
            self._reaper = None
        self._opened = identity


def without_making_files(store_uri: str) -> str:
    """The same store, with SQLite told to open only a file that exists."""
    file = _sqlite_file(store_uri)
    if file is None:
        return store_uri
    query = {"mode": "rw", "uri": "true"}
    return URL.create("sqlite", database=f"file:{quote(str(file))}", query=query).render_as_string()


def _sqlite_file(store_uri: str) -> Path | None:
    url = make_url(store_uri)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _watch(watch: Watch) -> None:
    while True:
        watch.look()
        time.sleep(_LOOK_EVERY_S)
