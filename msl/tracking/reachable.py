"""Whether a tracking server can be reached at all: the question of `tracking=auto`."""

import socket
import ssl
import urllib.error
import urllib.request
from urllib.parse import urlsplit

_TIMEOUT_S = 4.0
_PORTS = {"postgresql": 5432, "mysql": 3306}
_GATEWAY_ERRORS = (502, 503, 504)  # a gateway answers that the server behind it does not


def why_unreachable(uri: str) -> str | None:
    """Why nothing at a tracking URI answers; None if something does, or if the URI names a file.

    A server that answers with an error is reached: a missing login or a wrong certificate is for its user to correct.

    Args:
        uri: of a server, a database or a file.
    """
    if uri.startswith(("http://", "https://")):
        return _server_trouble(uri)
    scheme, host = urlsplit(uri).scheme.partition("+")[0], urlsplit(uri).hostname
    return _port_trouble(host, urlsplit(uri).port or _PORTS[scheme]) if scheme in _PORTS and host else None


def _server_trouble(uri: str) -> str | None:
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_TIMEOUT_S):
            return None
    except urllib.error.HTTPError as error:
        return str(error) if error.code in _GATEWAY_ERRORS else None
    except OSError as error:
        reason = getattr(error, "reason", error)
        return None if isinstance(reason, ssl.SSLError) else str(reason)
    except ValueError:  # no address: `connect` will say it
        return None


def _port_trouble(host: str, port: int) -> str | None:
    try:
        with socket.create_connection((host, port), _TIMEOUT_S):
            return None
    except OSError as error:
        return str(error)
