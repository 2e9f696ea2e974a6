"""The body and the arguments of a request: refused with one sentence where MLflow would fail on them.

MLflow takes a body that it cannot read for an empty one, hands numbers of any size to the database, and makes one join
of every condition of a filter: 400 conditions take 47 s and fail.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

_DEPTH = 20  # of nested lists and objects
_BITS = 64
_CONDITIONS, _PARENTHESES, _ORDERS, _FILTER_LENGTH = 40, 100, 20, 200_000
_FILTERS = frozenset({"filter", "filter_string"})
_NUMBERS = frozenset(
    {"experiment_id", "experiment_ids", "version", "max_results", "start_step", "end_step", "timestamp", "step"}
)
_AND = re.compile(r"\band\b", re.IGNORECASE)
_DIGITS = re.compile(r"[+-]?[0-9]+")
_NEED_A_BODY = frozenset({"mlflow/runs/log-batch", "/graphql"})  # MLflow fails on an empty one
_QUERY_NESTING = 20  # of a GraphQL query


class BodyError(Exception):
    """A request that MLflow could not read."""


def check_json(name: str, body: bytes) -> None:
    """Check the body of a request that takes JSON; an empty body is taken for an empty object.

    Args:
        name: the request's path without an API's version.
        body: what was sent.

    Raises:
        BodyError: it is not an object in JSON, or has what MLflow or its database could not take.
    """
    if not body.strip() and name not in _NEED_A_BODY:
        return
    content = _read(body)
    if not isinstance(content, dict):
        raise BodyError("the body must be one JSON object, such as {}")
    if b"\\u" in body and any(not _can_be_stored(text) for text in _texts(content)):
        raise BodyError("the body has a text with a character NUL or half a character; no database can store it")
    _check_values(content)


def check_arguments(arguments: Mapping[str, str]) -> None:
    """Check the arguments in a request's address.

    Raises:
        BodyError: a number or a filter is too large.
    """
    _check_values(arguments)
    if any(not _can_be_stored(value) for value in arguments.values()):
        raise BodyError("an argument has a character NUL; no database can store it")


def _read(body: bytes) -> Any:
    try:
        content = json.loads(body, parse_constant=_refuse_constant, parse_int=_to_int)
    except RecursionError:
        raise BodyError(f"the body is nested more deeply than {_DEPTH} lists and objects") from None
    except UnicodeDecodeError:
        raise BodyError("the body is not in UTF-8") from None
    except json.JSONDecodeError as error:
        raise BodyError(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    if _is_deeper(content, _DEPTH):
        raise BodyError(f"the body is nested more deeply than {_DEPTH} lists and objects")
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise BodyError(f'{name} is no JSON number; write "{name}" as a text')


def _to_int(digits: str) -> int:
    if len(digits) > 20 or not -(2 ** (_BITS - 1)) <= int(digits) < 2 ** (_BITS - 1):
        raise BodyError(f"the number {digits[:30]} is beyond {_BITS} bits")
    return int(digits)


def _is_deeper(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth == 0 or any(_is_deeper(item, depth - 1) for item in value.values())
    if isinstance(value, list):
        return depth == 0 or any(_is_deeper(item, depth - 1) for item in value)
    return False


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _can_be_stored(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _check_values(values: Mapping[str, object]) -> None:
    for name, value in values.items():
        if name in _NUMBERS:
            _check_numbers(value)
        elif name in _FILTERS and isinstance(value, str):
            _check_filter(value)
        elif name == "order_by" and isinstance(value, list) and len(value) > _ORDERS:
            raise BodyError(f"order_by has {len(value)} terms; at most {_ORDERS} are accepted")
        elif name == "query" and (not isinstance(value, str) or _nesting(value) > _QUERY_NESTING):
            raise BodyError(f"the query must be a text that is nested in at most {_QUERY_NESTING} levels")


def _check_numbers(value: object) -> None:
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and _DIGITS.fullmatch(text.strip()):
            _to_int(text.strip())


def _check_filter(text: str) -> None:
    conditions = len(_AND.findall(text)) + 1
    if conditions > _CONDITIONS:
        raise BodyError(f"the filter has {conditions} conditions; at most {_CONDITIONS} are accepted")
    if text.count("(") > _PARENTHESES or len(text) > _FILTER_LENGTH:
        raise BodyError(f"the filter is too long: {_PARENTHESES} parentheses, {_FILTER_LENGTH} characters are the most")


def _nesting(query: str) -> int:
    level = highest = 0
    for bracket in re.findall(r"[{}\[\]()]", query):
        level += 1 if bracket in "{[(" else -1
        highest = max(highest, level)
    return highest
