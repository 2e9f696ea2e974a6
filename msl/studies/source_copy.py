"""A frozen copy of the code: its commit with the changes since then, so that later edits change no queued run."""

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import msl
from msl.errors import TrackingError
from msl.tracking.code_state import CodeState, without_binary_files

_PACKAGE = Path(msl.__file__).parent
_PACKAGES = ("msl", "analysis")
_DIGITS = 12


def frozen_copy(folder: Path, code: CodeState) -> Path:
    """The folder to import the code from; one that exists for the same code serves again.

    Args:
        folder: of all copies.
        code: the state of the code.

    Raises:
        TrackingError: the copy cannot be made.
    """
    copy = folder / _name(code)
    if not copy.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder) as temporary:
            unfinished = Path(temporary) / "copy"
            _make(unfinished, code)
            unfinished.rename(copy)
    return copy / _PACKAGE.parent.relative_to(_top()) if code.commit else copy


def _name(code: CodeState) -> str:
    changes = f"-{sha256(code.diff.encode()).hexdigest()[:_DIGITS]}" if code.diff else ""
    return f"{code.commit[:_DIGITS]}{changes}" if code.commit else code.version


def _make(copy: Path, code: CodeState) -> None:
    if not code.commit:
        for package in _PACKAGES:
            shutil.copytree(_PACKAGE.parent / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        return
    _git("clone", "--quiet", "--no-checkout", str(_top()), str(copy))
    _git("-C", str(copy), "checkout", "--quiet", "--detach", code.commit)
    if code.diff:
        _git("-C", str(copy), "apply", "--whitespace=nowarn", "-", text=without_binary_files(code.diff))


def _top() -> Path:
    return Path(_git("-C", str(_PACKAGE), "rev-parse", "--show-toplevel").rstrip("\n"))


def _git(*arguments: str, text: str = "") -> str:
    process = subprocess.run(["git", *arguments], capture_output=True, text=True, input=text)
    if process.returncode:
        raise TrackingError(f"the code cannot be copied: git {' '.join(arguments)}: {process.stderr.strip()}")
    return process.stdout
