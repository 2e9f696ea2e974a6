"""Image and label files to arrays: the same way for training, scoring, styles, predictions and the model server."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from msl.errors import DataError

UInt8 = NDArray[np.uint8]
RawSamples = NDArray[np.uint8] | NDArray[np.uint16]  # of a label: 16 bits if its file has more than 8
ImageReader = Callable[[bytes], UInt8]  # the content of a file -> (H, W, 3) RGB
LabelReader = Callable[[bytes], RawSamples]  # the content of a file -> (H, W) raw ids

SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}  # of image files, in small letters
LARGEST = 2**26  # pixels of an image; Pillow's own limit is 178 million

_IMAGE_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV"}  # of 8 bits a channel
_LABEL_MODES = {"1", "L", "P", "I", "I;16", "I;16B", "I;16L"}
_LOSSY_FORMATS = {"JPEG", "MPO", "JPEG2000", "WEBP", "AVIF", "HEIF"}
_LOSSY_COMPRESSIONS = {"jpeg", "tiff_jpeg", "webp"}  # of a TIFF
_ORIENTATION = 0x0112  # EXIF tag; its values and what makes such an image upright:
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {5, 6, 7, 8}  # those that swap width and height


def decode_image(data: bytes) -> UInt8:
    """An image file's content as (H, W, 3) RGB, turned as its orientation tag says; transparency is ignored.

    A colour image of 16 bits per channel keeps the upper 8 bits.

    Raises:
        ValueError: it has one channel of more than 8 bits, whose range is unknown, or too many pixels.
        OSError: it is not an image, or is damaged.
    """
    with Image.open(BytesIO(data)) as image:
        return opaque_rgb(image)


def opaque_rgb(image: Image.Image) -> UInt8:
    """An opened image as (H, W, 3) RGB; as in `decode_image`, with the same errors."""
    _check_size(image)
    if image.mode not in _IMAGE_MODES:
        raise ValueError(f"it has mode {image.mode}: convert it to 8 bits per channel")
    upright = _upright(image)
    opaque = upright.convert("RGBA") if "transparency" in upright.info else upright  # Pillow warns about palettes
    return np.array(opaque.convert("RGB"))


def decode_ids(data: bytes) -> RawSamples:
    """A label file with one id per pixel, grey or palette, as (H, W): the stored samples, at every bit depth.

    Raises:
        ValueError: the format is lossy, there are several channels, or an id is negative or larger than 65535.
        OSError: it is not an image, or is damaged.
    """
    with Image.open(BytesIO(data)) as image:
        _check_size(image)
        _check_lossless(image)
        if image.mode not in _LABEL_MODES:
            raise ValueError(
                f"it has mode {image.mode}: save it with one id per pixel, as grey PNG: see docs/own-data.md#classes"
            )
        stored = _stored_range(image)
        samples = np.array(_upright(image))
    if samples.dtype == np.bool_ or stored == 255:
        return _narrow(samples)
    largest = 255 if samples.dtype == np.uint8 else 65535  # Pillow has stretched the stored range to this
    return _narrow((samples.astype(np.int64) * stored + largest // 2) // largest)


def decode_synthia(data: bytes) -> RawSamples:
    """SYNTHIA's labels: 16-bit colour PNG, the class in channel 0 and the instance in channel 1. As (H, W).

    A grey or palette file with SYNTHIA's ids, such as a user's own label, is read as `decode_ids` does.

    Pillow keeps the upper byte of 16-bit colour channels, which is 0 for every class. So this
    function tells it the opposite byte order, and Pillow keeps the lower byte.
    """
    with Image.open(BytesIO(data)) as image:
        if image.mode in ("1", "L", "P", "I", "I;16"):
            return decode_ids(data)
        _check_size(image)
        raw_mode = _raw_mode(image)
        if not raw_mode.endswith(";16B") or image.mode not in ("RGB", "RGBA"):
            raise ValueError(f"a label of SYNTHIA is a 16-bit colour PNG, this file is {image.mode} ({raw_mode})")
        (tile,) = image.tile
        image.tile = [tile._replace(args=raw_mode.replace(";16B", ";16L"))]
        return np.array(_upright(image))[:, :, 0]


def read_image(path: Path, decode: ImageReader = decode_image) -> UInt8:
    """The image in a file, (H, W, 3) RGB.

    Raises:
        DataError: it is missing, unreadable or damaged, or `decode` refuses it.
    """
    with _named(path):
        return decode(path.read_bytes())


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of the image in a file, from its first bytes; raises as `read_image` does."""
    with _named(path), Image.open(path) as image:
        turned = False
        with suppress(Exception):  # as in `_upright`
            turned = image.getexif().get(_ORIENTATION, 1) in _SIDEWAYS
        return (image.height, image.width) if turned else (image.width, image.height)


def read_label(path: Path, decode: LabelReader) -> RawSamples:
    """The raw ids in a label file, (H, W); raises as `read_image` does."""
    with _named(path):
        return decode(path.read_bytes())


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, RuntimeError, … for damaged files
        raise DataError(f"{path}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """What is wrong with a file, in a few words."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, UnidentifiedImageError):  # its own message has the address of a buffer
        return "cannot be read: this is no image, or of a format that Pillow does not know"
    return f"cannot be read: {error}".replace("\n", " ")


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > LARGEST:
        raise ValueError(
            f"{image.width}x{image.height} pixels are more than {LARGEST / 1e6:.0f} million: cut it into tiles"
        )


def _check_lossless(image: Image.Image) -> None:
    compression = str(image.info.get("compression", ""))
    if image.format in _LOSSY_FORMATS or compression in _LOSSY_COMPRESSIONS:
        raise ValueError(f"a lossy format ({image.format}) changes the ids of labels: save them as PNG")


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its orientation tag says; damaged tags are ignored."""
    image.load()  # for TIFF, Pillow turns the pixels here and removes the tag
    turn = None
    with suppress(Exception):  # a broken tag raises SyntaxError, struct.error, KeyError, …
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _raw_mode(image: ImageFile.ImageFile) -> str:
    """How the file stores its samples, in Pillow's notation: ``L;4`` has 4 bits."""
    arguments = image.tile[0].args if image.tile else ""
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _stored_range(image: ImageFile.ImageFile) -> int:
    """The largest value that a sample of the file can have, if Pillow stretches samples to 8 or 16 bits; otherwise 255.

    Raises:
        ValueError: the file stores inverted samples.
    """
    raw_mode = _raw_mode(image)
    if image.format == "PPM":
        arguments = image.tile[0].args
        return int(arguments[1]) if isinstance(arguments, tuple) else 255
    if re.search(r";\d?I", raw_mode) and image.mode in ("1", "L"):
        raise ValueError("white is 0 in this label, so it is unclear which ids are meant: save it as PNG")
    bits = re.fullmatch(r"L;([24])R?", raw_mode)
    return 2 ** int(bits[1]) - 1 if bits else 255


def _narrow(samples: NDArray[np.generic]) -> RawSamples:
    """As uint8 if the samples are bytes or bits, otherwise as uint16.

    Raises:
        ValueError: an id does not fit.
    """
    if samples.dtype in (np.bool_, np.uint8):
        return samples.astype(np.uint8)
    lowest, highest = int(samples.min()), int(samples.max())
    if lowest < 0 or highest > 65535:
        raise ValueError(f"a label has ids from 0 to 65535, this file has {lowest if lowest < 0 else highest}")
    return samples.astype(np.uint16)
