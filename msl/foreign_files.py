"""What a file is that should hold weights and does not: told from its bytes, with the way out. Nothing in it is run."""

import re
import tarfile
import zipfile
from pathlib import Path

_HEAD = 1024  # bytes that are looked at
_LISTED = 3  # files of an archive that a message names
_BEGINNINGS = {  # of files that cannot be weights of PyTorch, and what to do
    b"\x1f\x8b": "is compressed with gzip: unpack it (gunzip FILE) and pass the file that was in it",
    b"BZh": "is compressed with bzip2: unpack it (bunzip2 FILE) and pass the file that was in it",
    b"\xfd7zXZ": "is compressed with xz: unpack it (unxz FILE) and pass the file that was in it",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd: unpack it (unzstd FILE) and pass the file that was in it",
    b"7z\xbc\xaf": "is a 7z archive: unpack it and pass the file of weights that was in it",
    b"Rar!": "is a RAR archive: unpack it and pass the file of weights that was in it",
    b"\x89HDF": "is an HDF5 file, as Keras and TensorFlow write them: export the weights to PyTorch first",
    b"\x93NUMPY": "is a NumPy array: save the weights as a dictionary of tensors with torch.save",
    b"\x89PNG": "is an image: pass a file of weights",
    b"\xff\xd8\xff": "is an image: pass a file of weights",
    b"%PDF": "is a PDF document: pass a file of weights",
    b"SQLite format 3": "is a database; a run in a run store is runs:/RUN_ID",
}
_LFS = re.compile(rb"version https://git-lfs.*?^size (?P<size>\d+)", re.DOTALL | re.MULTILINE)
_PAGE = re.compile(rb"\s*<(!doctype\s+html|html|head|body|script)\b", re.IGNORECASE)
_DOWNLOAD_AGAIN = "download it again, and compare its size with the one on the page where it is offered"


def refusal(path: Path) -> str | None:
    """Why a file cannot hold weights, and the way out; None if its bytes do not rule it out.

    The text goes on from the file's name: "is a web page …".
    """
    if not path.exists():
        return "cannot be found"
    if path.is_dir():
        return _folder(path)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "is empty: the download or the copy has failed, so repeat it"
    if head.startswith(b"PK"):
        return _zip(path)
    text = _text(head.removeprefix(b"\xef\xbb\xbf"))
    if text is not None:
        return text
    if tarfile.is_tarfile(path) and not head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")):
        return _tar(path)
    return next((reason for beginning, reason in _BEGINNINGS.items() if head.startswith(beginning)), None)


def _folder(path: Path) -> str:
    files = sorted(file.name for file in path.iterdir() if file.suffix in (".pt", ".pth", ".ckpt", ".safetensors"))
    return f"is a folder: name the file in it{_listed(files)}"


def _zip(path: Path) -> str | None:
    """Files of torch.save are zip archives themselves; they hold data.pkl."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
    except zipfile.BadZipFile:
        return f"is cut off after {path.stat().st_size} bytes: {_DOWNLOAD_AGAIN}"
    inner = {name.rpartition("/")[2] for name in names}
    if "constants.pkl" in inner:
        return "is a TorchScript program: save the weights of its model with torch.save(model.state_dict(), FILE)"
    if "data.pkl" in inner:
        return None
    if names and all(name.endswith(".npy") for name in names):
        return "is a NumPy archive: save the weights as a dictionary of tensors with torch.save"
    return f"is a zip archive: unpack it and pass the file of weights that was in it{_listed(names)}"


def _tar(path: Path) -> str:
    with tarfile.open(path) as archive:
        names = [member.name for member in archive.getmembers() if member.isfile()]
    return f"is a tar archive: unpack it and pass the file of weights that was in it{_listed(names)}"


def _text(head: bytes) -> str | None:
    if (match := _LFS.match(head)) is not None:
        size = int(match["size"])
        return f"is a pointer of Git LFS to a file of {size} bytes: run `git lfs pull` in its repository"
    if _PAGE.match(head):
        return (
            "is a web page: the link leads to a page about the file and not to the file. Open the link in a browser, "
            "and save the file behind its download button"
        )
    if b"\0" not in head and all(byte >= 32 or byte in b"\t\n\r\f" for byte in head):
        first = " ".join(head.decode("utf-8", "replace").split())[:60]
        return f'is a text that begins with "{first}": pass a file of weights'
    return None


def _listed(names: list[str]) -> str:
    more = ", …" if len(names) > _LISTED else ""
    return f" ({', '.join(names[:_LISTED])}{more})" if names else ""
