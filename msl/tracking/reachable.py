"""Whether a tracking server can be reached at all: the question of `tracking=auto`."""

import socket
from urllib.parse import urlsplit

from msl.tracking.health import trouble_of

_TIMEOUT_S = 4.0
_PORTS = {"postgresql": 5432, "mysql": 3306}


def why_unreachable(uri: str) -> str | None:
    """Why nothing at a tracking URI answers; None if something does, or if the URI names a file.

    A server that answers with an error is reached: a missing login or a wrong certificate is for its user to correct.

    Args:
        uri: of a server, a database or a file.
    """
    if uri.startswith(("http://", "https://")):
        return trouble_of(uri, _TIMEOUT_S)
    scheme, host = urlsplit(uri).scheme.partition("+")[0], urlsplit(uri).hostname
    return _port_trouble(host, urlsplit(uri).port or _PORTS[scheme]) if scheme in _PORTS and host else None


def _port_trouble(host: str, port: int) -> str | None:
    try:
        with socket.create_connection((host, port), _TIMEOUT_S):
            return None
    except OSError as error:
        return str(error)
