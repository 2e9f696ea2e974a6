"""The code and the environment of a run."""

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import msl

_PACKAGE = Path(msl.__file__).parent
_CODE_PATTERNS = ("*.py", "*.toml", "*.yaml", "*.yml", "MLproject")


@dataclass(frozen=True)
class CodeState:
    """The code of a run: its commit, and the changes since that commit."""

    commit: str  # "" outside a git checkout
    diff: str  # patch against the commit, new code files included; "" if clean

    @classmethod
    def now(cls) -> "CodeState":
        """The state of the git checkout that contains the package."""
        root = _PACKAGE.parent
        commit = _git(root, "rev-parse", "HEAD")
        return cls(commit.strip(), _diff(root) if commit else "")


def _diff(root: Path) -> str:
    """All uncommitted changes. New files are added to a copy of the index, so that the user's index does not change."""
    index = root / _git(root, "rev-parse", "--git-path", "index").strip()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "index"
        if index.is_file():
            shutil.copyfile(index, copy)
        env = {"GIT_INDEX_FILE": str(copy)}
        _git(root, "add", "--update", env=env)
        for pattern in _CODE_PATTERNS:  # one by one: git adds nothing if one of several patterns fits no file
            _git(root, "add", "--", pattern, env=env)
        return _git(root, "diff", "--cached", "HEAD", env=env)


def _git(root: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """The output of git; empty without git or without a repository."""
    command = ["git", "-C", str(root), *arguments]
    try:
        process = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env={**os.environ, **(env or {})}
        )
    except FileNotFoundError:
        return ""
    return process.stdout if process.returncode == 0 else ""


def environment() -> str:
    """Python, platform and every installed package, as a text in the form of a requirements file."""
    header = [f"# python {platform.python_version()}", f"# {platform.platform()}", f"# {os.cpu_count()} CPUs"]
    packages = sorted({f"{d.metadata['Name']}=={d.version}" for d in distributions()}, key=str.lower)
    return "\n".join([*header, *packages]) + "\n"
