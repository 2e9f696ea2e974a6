"""Zip archives that prove that they are whole: the comment of a sealed one is the digest of all bytes before it.

`torch.save` writes a zip archive, and every reader of such archives accepts a comment at the end. So the proof is part
of the file, and stays with it when the file is copied, downloaded or renamed.
"""

import os
import struct
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

_END = struct.Struct("<4s16xH")  # the last record of a zip archive: its signature, …, the length of the comment
_END_SIGNATURE = b"PK\x05\x06"
_FIRST_SIGNATURE = b"PK\x03\x04"
_LABEL = b"msl sha256 "
_DIGITS = 64
_SEAL_BYTES = len(_LABEL) + _DIGITS
_BLOCK_BYTES = 2**20
COPY_AGAIN: Final = "copy or download it again, or pass an earlier one"


def seal(path: Path) -> None:
    """Add the digest to a zip archive.

    Raises:
        ValueError: the file is no zip archive, or it has a comment.
    """
    with path.open("r+b") as file:
        if not _ends_without_comment(file):
            raise ValueError(f"{path} is no zip archive without a comment")
        file.seek(-2, os.SEEK_END)
        file.write(struct.pack("<H", _SEAL_BYTES) + _LABEL)
        file.write(_digest(file, file.tell()))


def is_sealed(path: Path) -> bool:
    """Whether there is a file that has a seal and agrees with it."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _agrees(file)


def broken_seal(path: Path) -> str | None:
    """What is wrong with a sealed file, going on from its name; None if nothing is, or it has no seal or is missing."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        if _tail(file).startswith(_LABEL) and not _agrees(file):
            return f"has changed since it was written, as its SHA-256 says: {COPY_AGAIN}"
    return None


def broken_parts(path: Path) -> str | None:
    """What is wrong with a zip archive without a seal, as `broken_seal` says it; other files prove nothing."""
    with path.open("rb") as file:
        if _tail(file).startswith(_LABEL) or not _begins_as_archive(file):
            return None
        if not _ends_without_comment(file):
            return f"has a damaged end: {COPY_AGAIN}"
        with zipfile.ZipFile(file) as archive:
            part = archive.testzip()
    return part and f"has changed since it was written, as the CRC-32 of its part {part} says: {COPY_AGAIN}"


def _tail(file: BinaryIO) -> bytes:
    """The place of the seal."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _SEAL_BYTES))
    return file.read()


def _agrees(file: BinaryIO) -> bool:
    size = file.seek(0, os.SEEK_END)
    return _tail(file) == _LABEL + _digest(file, size - _DIGITS)


def _begins_as_archive(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(len(_FIRST_SIGNATURE)) == _FIRST_SIGNATURE


def _ends_without_comment(file: BinaryIO) -> bool:
    size = file.seek(0, os.SEEK_END)
    if size < _END.size:
        return False
    file.seek(size - _END.size)
    signature, comment_bytes = _END.unpack(file.read(_END.size))
    return bool(signature == _END_SIGNATURE and comment_bytes == 0)


def _digest(file: BinaryIO, size: int) -> bytes:
    """Hex digits of the SHA-256 of the first `size` bytes."""
    digest = sha256()
    file.seek(0)
    while size > 0 and (block := file.read(min(size, _BLOCK_BYTES))):
        digest.update(block)
        size -= len(block)
    return digest.hexdigest().encode()
