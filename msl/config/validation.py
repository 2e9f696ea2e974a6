"""Settings made from values, and the messages for values that do not fit."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from msl.config.registry import nearest_names
from msl.errors import ConfigError

M = TypeVar("M", bound=BaseModel)

_ALIKE = 0.6  # of two keys, so that masks are not taken for images


def validated(model: type[M], values: Mapping[str, Any]) -> M:
    """`model` made from `values`.

    Raises:
        ConfigError: a value does not fit; the message names each such field, its value and its meaning.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(
            "; ".join(dict.fromkeys(_explain(model, detail) for detail in _causes(error.errors())))
        ) from None


def _causes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """The errors that do not follow from another, as this does: a list whose only item is refused is empty."""
    places = [detail["loc"] for detail in details]
    return [
        detail
        for detail in details
        if not any(len(place) > len(detail["loc"]) and place[: len(detail["loc"])] == detail["loc"] for place in places)
    ]


def _explain(model: type[BaseModel], detail: ErrorDetails) -> str:
    """``lambda_target = -1: input should be greater than or equal to 0 (Weight of the target objective.)``."""
    if detail["type"] == "extra_forbidden":
        return _unknown_key(model, detail["loc"])
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error" and isinstance(detail["input"], Mapping | BaseModel):
        return message  # a rule between fields names its own values
    field = _field_at(model, detail["loc"])
    meaning = f" ({field.description})" if field is not None and field.description else ""
    if detail["type"] == "missing":
        return f"{'.'.join(map(str, detail['loc']))}: is missing{meaning}"
    name = next((str(part) for part in reversed(detail["loc"]) if isinstance(part, str)), model.__name__)
    return f"{name} = {detail['input']!r}: {message[0].lower()}{message[1:]}{meaning}"


def _unknown_key(model: type[BaseModel], path: tuple[int | str, ...]) -> str:
    """``splits.train.image: unknown key: did you mean images? Choose one of images, labels``."""
    for part in path[:-1]:
        model = _inner(model, part)
    near, names = nearest_names(str(path[-1]), model.model_fields, _ALIKE), ", ".join(model.model_fields)
    return f"{'.'.join(map(str, path))}: unknown key: {f'{near}Choose' if near else 'choose'} one of {names}"


def _field_at(model: type[BaseModel], path: tuple[int | str, ...]) -> FieldInfo | None:
    field = None
    for part in path:
        field = model.model_fields.get(str(part), field)
        model = _inner(model, part)
    return field


def _inner(model: type[BaseModel], part: int | str) -> type[BaseModel]:
    """The model of a field's value, or of the values of its list or table; `model` itself if there is none."""
    annotation = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
    candidates = (annotation, *get_args(annotation))
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), model)
