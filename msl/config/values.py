"""Values as they are typed on the command line: sizes, scales, dilations, shares."""

from math import isfinite
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

_LEAST_SHARE = 0.01  # of a GPU


def parse_betas(text: str) -> tuple[float, ...]:
    """Both numbers of ``"0.9,0.999"``.

    Raises:
        ValueError: the text has another form.
    """
    try:
        first, second = map(float, text.split(","))
    except ValueError:
        raise ValueError("betas are two numbers with a comma between, such as 0.9,0.999") from None
    return first, second


def parse_dilations(text: str) -> tuple[int, ...]:
    """Whole numbers of ``"6,12,18,24"``.

    Raises:
        ValueError: the text has another form.
    """
    parts = text.split(",")
    if not all(part.strip().isdigit() for part in parts):
        raise ValueError("dilations are whole numbers with commas between, such as 6,12,18,24")
    return tuple(map(int, parts))


def parse_names(text: str) -> tuple[str, ...]:
    """Names of ``"ECE,other"``, without repetitions."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",")))


def parse_cards(cards: float) -> float:
    """A number of GPUs: whole, or a share of one.

    Raises:
        ValueError: it is above 1 and not whole, or a share of less than a hundredth.
    """
    if (cards > 1 and not cards.is_integer()) or 0 < cards < _LEAST_SHARE:
        raise ValueError(f"{cards:g} GPUs are neither a whole number nor a share of one, from {_LEAST_SHARE} to 1")
    return cards


def parse_scales(text: str) -> tuple[float, ...]:
    """Numbers of ``"0.75,1,1.25"``.

    Raises:
        ValueError: the text has another form.
    """
    try:
        return tuple(map(float, text.split(",")))
    except ValueError:
        raise ValueError("scales are numbers with commas between, such as 0.75,1,1.25") from None


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of ``"1280,720"``, as the original commands spell a size.

    Raises:
        ValueError: the text has another form.
    """
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise ValueError("a size is width,height in pixels, such as 1280,720")
    return int(parts[0]), int(parts[1])


Beta = Annotated[float, Field(ge=0, lt=1)]


Betas = Annotated[
    tuple[Beta, Beta],
    BeforeValidator(lambda value: parse_betas(value) if isinstance(value, str) else value),
    PlainSerializer(lambda betas: ",".join(map(str, betas)), return_type=str),
]


Pixels = Annotated[int, Field(ge=16, le=16384)]


Size = Annotated[
    tuple[Pixels, Pixels],
    BeforeValidator(lambda value: parse_size(value) if isinstance(value, str) else value),
    PlainSerializer(lambda size: f"{size[0]},{size[1]}", return_type=str),
]


Dilations = Annotated[
    tuple[Annotated[int, Field(ge=1, le=256)], ...],
    Field(min_length=1),
    BeforeValidator(lambda value: parse_dilations(value) if isinstance(value, str) else value),
    PlainSerializer(lambda dilations: ",".join(map(str, dilations)), return_type=str),
]


Cards = Annotated[float, Field(ge=0), AfterValidator(parse_cards)]


Scales = Annotated[
    tuple[Annotated[float, Field(ge=0.25, le=4)], ...],
    Field(min_length=1),
    BeforeValidator(lambda value: parse_scales(value) if isinstance(value, str) else value),
    PlainSerializer(lambda scales: ",".join(str(scale).removesuffix(".0") for scale in scales), return_type=str),
]


Stride = Annotated[int, Field(ge=1, le=64)]


Channels = tuple[float, float, float]  # one number for red, one for green, one for blue


def parse_normalisation(text: str) -> tuple[Channels, Channels]:
    """Mean and deviation of ``"rgb:0.5,0.5,0.5/0.25,0.25,0.25"``, for RGB in [0, 1].

    Raises:
        ValueError: the text has another form, a number is not finite, or a deviation is not larger than 0.
    """
    parts = text.removeprefix("rgb:").split("/")
    try:
        mean, deviation = (tuple(map(float, part.split(","))) for part in parts)
    except ValueError:
        mean = deviation = ()
    if len(mean) != 3 or len(deviation) != 3 or min(deviation) <= 0 or not all(map(isfinite, (*mean, *deviation))):
        raise ValueError(
            "a normalisation is rgb:MEAN/DEVIATION, each three numbers with commas between, such as "
            "rgb:0.5,0.5,0.5/0.25,0.25,0.25"
        )
    return mean, deviation


def parse_weights(text: str) -> tuple[float, ...]:
    """Numbers of ``"0.25,0.75"``.

    Raises:
        ValueError: the text has another form.
    """
    try:
        return tuple(map(float, text.split(",")))
    except ValueError:
        raise ValueError("weights are numbers with commas between, such as 0.25,0.75") from None


StyleWeights = Annotated[
    tuple[Annotated[float, Field(ge=0)], ...],
    Field(min_length=1),
    BeforeValidator(lambda value: parse_weights(value) if isinstance(value, str) else value),
    PlainSerializer(lambda weights: ",".join(f"{weight:g}" for weight in weights), return_type=str),
]
