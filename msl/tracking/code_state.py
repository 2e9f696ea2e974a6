"""The code and the environment of a run.

Only this program's code: the package may lie in somebody's repository, whose commits and changes concern nobody else.
"""

import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path

import msl

_PACKAGE = Path(msl.__file__).parent
_CODE_PATTERNS = ("*.py", "*.toml", "*.yaml", "*.yml", "MLproject")
_SECRET_NAMES = (
    *(".env*", "*.env", ".netrc", ".pgpass", ".npmrc", ".pypirc", "*.pem", "*.key", "*.p12", "*.pfx", "*.kdbx"),
    *("id_rsa*", "id_ed25519*", "*secret*", "*credential*", "*password*", "*passwd*"),
)
_SECRETS = re.compile(
    r"""-----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
    | \b(AKIA|ASIA)[0-9A-Z]{16}\b                                      # an access key of AWS
    | \b(gh[pousr]_|github_pat_|glpat-|xox[abprs]-|hf_|sk-)\w{16}      # tokens of well-known services
    | ://[^\s/:@'"{}]+:[^\s/@'"{}]+@                                   # a password in an address
    | (password|passwd|secret|token|api_?key)\w*["']?\s*[:=]\s*["'][^"'\s{}]{8,}["']
    """,
    re.VERBOSE | re.IGNORECASE,
)
_VERSION_DIGITS = 8


@dataclass(frozen=True)
class CodeState:
    """The code of a run: its commit and the changes since then, or else the version that is installed."""

    commit: str  # "" outside a git checkout of this program
    diff: str = ""  # patch against the commit, new code files included; "" if clean
    version: str = ""  # "0.1.0+" and a digest of the installed files; "" in a checkout
    left_out: tuple[str, ...] = ()  # changed files that look like secrets, and are not in the patch

    @property
    def is_dirty(self) -> bool:
        """Whether something has changed since the commit."""
        return bool(self.diff or self.left_out)

    @classmethod
    def now(cls) -> "CodeState":
        """The state of the git checkout that tracks the package; of an installed package, its version."""
        if not _git(_PACKAGE, "ls-files", "--error-unmatch", "__init__.py"):
            return cls("", version=_version())
        commit = _git(_PACKAGE, "rev-parse", "HEAD").strip()
        if not commit:  # a repository before its first commit
            return cls("", version=_version())
        parts = dict(_parts(_diff()))
        secret = tuple(path for path, part in parts.items() if _is_secret(path, part))
        patch = "".join(part for path, part in parts.items() if path not in secret)
        heading = f"Left out, because they look like secrets: {', '.join(secret)}\n" if secret else ""
        return cls(commit, heading + patch, left_out=secret)


def _version() -> str:
    digest = sha256()
    for file in sorted(_PACKAGE.rglob("*.py")):
        digest.update(f"{file.relative_to(_PACKAGE).as_posix()} {sha256(file.read_bytes()).hexdigest()}\n".encode())
    return f"{msl.__version__}+{digest.hexdigest()[:_VERSION_DIGITS]}"


def _diff() -> str:
    """All uncommitted changes: of the whole checkout if it is this program's, else of the package alone.

    New files are added to a copy of the index, so that the user's index does not change.
    """
    top = Path(_git(_PACKAGE, "rev-parse", "--show-toplevel").rstrip("\n"))
    root = top if top.samefile(_PACKAGE.parent) else _PACKAGE
    index = root / _git(root, "rev-parse", "--git-path", "index").strip()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "index"
        if index.is_file():
            shutil.copy2(index, copy)  # its time, too: git reads files anew that changed in the second of the index
        env = {"GIT_INDEX_FILE": str(copy)}
        _git(root, "add", "--update", "--", ".", env=env)
        for pattern in _CODE_PATTERNS:  # one by one: git adds nothing if one of several patterns fits no file
            _git(root, "add", "--", pattern, env=env)
        return _git(root, "diff", "--cached", "--no-renames", "HEAD", "--", ".", env=env)


def _parts(patch: str) -> Iterator[tuple[str, str]]:
    """Each file's path and its part of a patch."""
    for part in re.split(r"^(?=diff --git )", patch, flags=re.MULTILINE):
        if heading := re.match(r"diff --git \"?a/(.*?)\"? \"?b/", part):
            yield heading[1], part


def without_binary_files(patch: str) -> str:
    """A patch that git can apply: without the files whose content it does not hold."""
    return "".join(part for _, part in _parts(patch) if not re.search(r"^Binary files ", part, re.MULTILINE))


def _is_secret(path: str, part: str) -> bool:
    """Whether a changed file holds what nobody should upload. Code is judged by its content alone."""
    name = Path(path).name.lower()
    is_named_so = not name.endswith(".py") and any(fnmatch(name, pattern) for pattern in _SECRET_NAMES)
    return is_named_so or _SECRETS.search(part) is not None


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
