"""Where a result comes from: the code, the machine, and the fingerprint by which a finished run is found again."""

import ast
import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path

from mlflow.tracking import MlflowClient

import msl
from msl import schema

_PACKAGE = Path(msl.__file__).parent
# What decides the weights that a training ends with; analysis, tracking and docs may change without retraining.
_DECISIVE = ("labels.py", "weights.py", "losses", "data", "models", "style", "training", "stages")
_COMPARED = 100  # newest runs among which the nearest is sought
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


@cache
def code_digest() -> str:
    """Digest (64 hex digits) of the code on which trained weights depend; comments and docstrings do not count."""
    digest = sha256()
    for place in _DECISIVE:
        path = _PACKAGE / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(_PACKAGE).as_posix().encode())
            digest.update(_without_prose(file.read_text()).encode())
    return digest.hexdigest()


def _without_prose(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            del node.body[0]
    return ast.dump(tree)


def fingerprint(stage: str, settings: Mapping[str, object], inputs: Mapping[str, str]) -> str:
    """Digest (16 hex digits) of everything that decides a stage's weights.

    Args:
        stage: its name.
        settings: resolved, the decisive ones alone.
        inputs: digests of data, of the parent's checkpoint.
    """
    content = {"stage": stage, "settings": dict(settings), "inputs": dict(inputs), "code": code_digest()}
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def find_finished(client: MlflowClient, wanted: str) -> str | None:
    """ID of the newest finished run, in any experiment, with that fingerprint and a checkpoint that is still there."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    query = f"tags.`{schema.FINGERPRINT}` = '{wanted}' and attributes.status = 'FINISHED'"
    for run in client.search_runs(experiments, query, order_by=["attributes.end_time DESC"]):
        files = client.list_artifacts(run.info.run_id, schema.CHECKPOINT_FOLDER)
        if any(file.path.endswith(schema.LAST_CHECKPOINT) for file in files):
            return str(run.info.run_id)
    return None


def nearest_finished(client: MlflowClient, stage: str, settings: Mapping[str, object]) -> tuple[str, list[str]] | None:
    """ID of the finished run of a stage whose settings differ least, the newest of equals, and in what they differ."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    query = f"tags.`{schema.STAGE}` = '{stage}' and attributes.status = 'FINISHED'"
    nearest = None
    for run in client.search_runs(experiments, query, order_by=["attributes.end_time DESC"], max_results=_COMPARED):
        own = {name: run.data.params.get(schema.param(name)) for name in settings}
        differing = [f"{name}={own[name]}" for name, wanted in settings.items() if own[name] != str(wanted)]
        if nearest is None or len(differing) < len(nearest[1]):
            nearest = str(run.info.run_id), differing
    return nearest


def environment() -> str:
    """Python, platform and every installed package, as a text in the form of a requirements file."""
    header = [f"# python {platform.python_version()}", f"# {platform.platform()}", f"# {os.cpu_count()} CPUs"]
    packages = sorted({f"{d.metadata['Name']}=={d.version}" for d in distributions()}, key=str.lower)
    return "\n".join([*header, *packages]) + "\n"
