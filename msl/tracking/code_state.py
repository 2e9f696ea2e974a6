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
    """The code of a run: its commit, and what differs from it."""

    commit: str  # "" outside a git checkout
    diff: str  # patch against the commit, new code files included; "" if clean

    @classmethod
    def now(cls) -> "CodeState":
        """The state of the checkout that the package lies in."""
        root = _PACKAGE.parent
        commit = _git(root, "rev-parse", "HEAD")
        return cls(commit.strip(), _diff(root) if commit else "")


def _diff(root: Path) -> str:
    """Everything not committed. A copy of the index takes the new files, so that the user's own stays as it is."""
    index = root / _git(root, "rev-parse", "--git-path", "index").strip()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "index"
        if index.is_file():
            shutil.copyfile(index, copy)
        env = {"GIT_INDEX_FILE": str(copy)}
        _git(root, "add", "--update", env=env)
        for pattern in _CODE_PATTERNS:  # one by one: git refuses them all for one that fits nothing
            _git(root, "add", "--", pattern, env=env)
        return _git(root, "diff", "--cached", "HEAD", env=env)


def _git(root: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What git prints; empty where there is no git or no repository."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env={**os.environ, **(env or {})}
        )
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def environment() -> str:
    """Python, platform and every installed package, as a text in the form of a requirements file."""
    header = [f"# python {platform.python_version()}", f"# {platform.platform()}", f"# {os.cpu_count()} CPUs"]
    packages = sorted({f"{d.metadata['Name']}=={d.version}" for d in distributions()}, key=str.lower)
    return "\n".join([*header, *packages]) + "\n"
