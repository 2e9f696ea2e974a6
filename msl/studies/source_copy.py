"""A frozen copy of the code: its commit with the changes since then, so that later edits change no queued run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import msl
from msl.errors import TrackingError
from msl.files import whole_file
from msl.tracking.code_state import CodeState, without_binary_files

_PACKAGE = Path(msl.__file__).parent
_PACKAGES = ("msl", "analysis")
_DIGITS = 12
_CURRENT = "current"  # the name of the copy that the study uses


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
    path = copy / _PACKAGE.parent.relative_to(_top()) if code.commit else copy
    with whole_file(folder / _CURRENT, TrackingError) as file:
        file.write_text(str(path.relative_to(folder)))
    return path


def go_on_with_its_code(folder: Path, say: Callable[[str], None]) -> None:
    """Start this command again with the code that an interrupted study began with, if the present code is another.

    Its queued runs and those that were interrupted need that code. Without a copy, the present code is taken.

    Args:
        folder: of all copies.
        say: prints a line.
    """
    try:
        copy = folder / (folder / _CURRENT).read_text()
    except FileNotFoundError:
        return
    is_this = _PACKAGE.parent == copy or copy.is_relative_to(folder / _name(CodeState.now()))
    if is_this or not copy.is_dir():
        return
    say(f"it goes on with the code that it began with; to take the present code, delete {folder}")
    sys.stdout.flush()
    # Without PYTHONSAFEPATH, `python -m` would put the working directory first, and with it the checkout.
    paths = [str(copy), *filter(None, [os.environ.get("PYTHONPATH")]), str(Path.cwd())]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


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
