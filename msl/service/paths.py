"""One spelling for every path: what the rules read is what MLflow opens.

MLflow decodes a path again after its permissions are checked, and a file system ignores ``.`` and doubled slashes. So
``artifacts/./4/run`` names the artifacts of experiment 4, of which the check sees nothing.
"""

from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, unquote_to_bytes

_DECODINGS = 5  # a path that is encoded more often is refused
# Arguments that name one file or one thing. MLflow checks one of two values and may read the other.
_PATHS = frozenset({"path", "artifact_path", "artifact_file_path", "artifact_directory_path"})
_SINGLE = _PATHS | {"run_uuid", "experiment_id", "name", "version", "model_id", "username"}
_RUNS = ("run_id", "run_uuid")
_MANY_RUNS = "/get-history-bulk"  # the end of the paths that take run_id more than once


class PathError(Exception):
    """A path, or an argument that names one, has more than one spelling, and this is not the plain one."""


def plain_path(raw: bytes) -> str:
    """The path of a request without any encoding.

    Raises:
        PathError: it has ``.`` or ``..`` segments, doubled slashes, backslashes, control characters or bad UTF-8.
    """
    path = _decode(raw)
    if path != "/":
        _require_plain(path.removeprefix("/"), "path")
    return path


def encode_path(path: str) -> bytes:
    """The path as it is sent."""
    return quote(path).encode()


def plain_arguments(path: str, query: bytes) -> dict[str, str]:
    """The first value of each argument of a request.

    Raises:
        PathError: an argument that names a path is not plain, or one that names one thing has two values.
    """
    arguments: dict[str, str] = {}
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError as error:
        raise PathError("the arguments of the request are not in UTF-8 or are more than 1000") from error
    for name, value in pairs:
        if name in arguments and (name in _SINGLE or (name == "run_id" and not path.endswith(_MANY_RUNS))):
            raise PathError(f"the argument {name} has two values; give one")
        arguments.setdefault(name, _plain_value(value, name) if name in _PATHS else value)
    if len({arguments[name] for name in _RUNS if name in arguments}) > 1:
        raise PathError("run_id and run_uuid name different runs; give one of them")
    return arguments


def _plain_value(value: str, name: str) -> str:
    path = _decode(value.encode(errors="surrogatepass"))
    if path:
        _require_plain(path.removesuffix("/"), name)
    return path


def _decode(raw: bytes) -> str:
    for _ in range(_DECODINGS):
        decoded = unquote_to_bytes(raw)
        if decoded == raw:
            return _as_text(raw)
        _as_text(decoded)
        raw = decoded
    raise PathError(f"a path is encoded more than {_DECODINGS - 1} times; encode it once")


def _as_text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise PathError("a path is not in UTF-8; encode each character in its shortest form") from error


def _require_plain(path: str, name: str) -> None:
    for fault in _faults(path):
        raise PathError(f"{name} has {fault}; write it without")


def _faults(path: str) -> Iterator[str]:
    segments = path.split("/")
    if "" in segments:
        yield "an empty segment or a slash at its end"
    if any(segment.strip() in (".", "..") for segment in segments):
        yield "a segment . or .."
    if "\\" in path:
        yield "a backslash"
    if not path.isprintable():
        yield "a character that cannot be printed"
    if any(segment.lower().startswith("file:") for segment in segments):
        yield "a segment that begins with file:"
