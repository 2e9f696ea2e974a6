"""Ports for servers that tests start."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_port() -> Iterator[int]:
    """A port for a server: until the block ends, the system gives it to nobody who asks for any port.

    A server takes seconds to start, and other tests ask for ports meanwhile. It can have this one all the same, as it
    may have that of a server that has just ended: both have SO_REUSEADDR, and only one of them listens.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])
