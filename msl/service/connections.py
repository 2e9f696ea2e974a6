"""How a server process holds connections: their number is limited, and headers must arrive in time.

Uvicorn waits forever for the rest of a header, so 900 connections that say half a word would take it from everyone.
"""

import asyncio
import os
from math import inf

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS = "MSL_SERVICE_CONNECTIONS"  # the most of one process

HEADER_PATIENCE_S = 10.0


class LimitedConnection(H11Protocol):
    """A connection of uvicorn with a limit of time for each header."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the parent
        """Take the connection; if there are too many, the one that has waited longest for its header is closed."""
        super().connection_made(transport)
        self._watch()
        if len(self.connections) > int(os.environ[CONNECTIONS]):
            waiting = [connection for connection in self.connections if isinstance(connection, LimitedConnection)]
            min(waiting, key=LimitedConnection.deadline_s).evict()

    def evict(self) -> None:
        """Close it for another one."""
        self.connections.discard(self)
        self._unwatch()
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Read, and wait for the rest of a header no longer than its time."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._unwatch()
        elif self.conn.trailing_data[0]:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._unwatch()
        super().connection_lost(exc)

    def deadline_s(self) -> float:
        """When the header must have arrived, by the loop's clock; infinity if it has."""
        return self._deadline.when() if self._deadline is not None else inf

    def _watch(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_PATIENCE_S, self.transport.close)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
