"""Where a request comes from, as its headers tell: the host that it names, and the page that sends it."""

import re
from urllib.parse import urlsplit

from starlette.requests import Request

# A name or an IPv4 address, or an IPv6 address in brackets; then at most one port.
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.IGNORECASE)
_FOREIGN = frozenset({"cross-site", "same-site"})
_HOME = "/"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def origin_fault(request: Request) -> str | None:
    """Why the request is refused, or None: its Host is no host, or a page of another origin sends it."""
    hosts = request.headers.getlist("host")
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return "the header Host must be one host with at most one port"
    origins = request.headers.getlist("origin")
    if any(not _is_same(origin, hosts[0]) for origin in origins):
        return f"requests from pages of {', '.join(origins)} are refused"
    if request.headers.get("sec-fetch-site", "none").strip().lower() in _FOREIGN and not _is_link(request):
        return "requests from pages of other origins are refused"
    return None


def is_local(request: Request) -> bool:
    """Whether a program on this machine asks under this machine's own name, so not through a proxy."""
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    return request.client is not None and request.client.host in _LOOPBACK and host.strip("[]") in _LOOPBACK


def _is_same(origin: str, host: str) -> bool:
    """Whether it is an origin of this host; a proxy may have changed the scheme."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _is_link(request: Request) -> bool:
    """Whether a person followed a link to the first page; what that page loads comes from this origin."""
    return request.method == "GET" and request.url.path == _HOME and request.headers.get("sec-fetch-mode") == "navigate"
