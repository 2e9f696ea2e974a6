"""docs/extending.md, applied to a copy of the program: every example works as it is printed."""

import os
import re
import shutil
import subprocess
import sys
import textwrap

import data_factory
import pytest
import tiny
from conftest import REPOSITORY

PAGE = REPOSITORY / "docs/extending.md"
SECTION = re.compile(r"^## (?P<title>(?:An?) .*)$", re.MULTILINE)
FILE = re.compile(r"^`(?P<path>[\w/]+\.py)`\n\n```python\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)
CHANGE = re.compile(r"^```diff\n--- (?P<path>[\w/]+\.py)\n(?P<lines>.*?)^```$", re.MULTILINE | re.DOTALL)
MOST = {"An objective": 3, "A data set": 3, "A backbone": 3, "A metric": 2, "A stage": 5}  # files that each may touch

# Runs each example with the smallest settings; all in one process, because imports take most of the time.
PROGRAM = """
from msl import schema
from msl.commands import find_command
from msl.data import open_domain
from msl.recipes import Request
from msl.runs import run
from mlflow.tracking import MlflowClient
from pathlib import Path

def request(stage, **changes):
    return Request.of(stage=stage, recipe="streets", overrides={**SETTINGS, **changes})

def start(stage, **changes):
    return finished(request(stage, **changes))

def finished(request):
    return MlflowClient().get_run(run(request).run_id)

def stages():
    return sorted(r.data.tags[schema.STAGE] for r in MlflowClient().search_runs(["0"]))

shuffle = {"backbone": "shufflenet_v2", "width": 1.0}
pretrained = finished(request("adapt", extra_metrics="worst_IoU", **shuffle).for_parent("pretrain"))
assert 0 <= pretrained.data.metrics["last/target/worst_IoU"] <= pretrained.data.metrics["last/target/mIoU"]
adapted = start("adapt", target_mode="margin", **shuffle)
assert -1 <= adapted.data.metrics["loss/target"] / 2 <= 0, adapted.data.metrics["loss/target"]
assert adapted.data.tags[schema.PARENT] == pretrained.info.run_id, "the new objective invalidated the parent"
alone = start("target_only", **shuffle)
assert "loss/source" not in alone.data.metrics and "loss/target" in alone.data.metrics
assert stages() == ["adapt", "pretrain", "target_only"], stages()
assert find_command("target_only").name == "target_only"

domain = open_domain("bdd100k", Path("data"), "train")
assert len(domain) == 2 and set(domain[0].label.unique().tolist()) == {0, 13}
start("pretrain", source="bdd100k", target=None, data_root="data")
"""


def sections():
    """The text of each example by its title."""
    text = PAGE.read_text()
    starts = [*SECTION.finditer(text)]
    ends = [*(match.start() for match in starts[1:]), len(text)]
    return {match["title"]: text[match.end() : end] for match, end in zip(starts, ends, strict=True)}


def paths(section):
    return {match["path"] for pattern in (FILE, CHANGE) for match in pattern.finditer(section)}


def apply(section, root):
    for match in FILE.finditer(section):
        path = root / match["path"]
        assert not path.exists(), path
        path.write_text(match["content"])
    for match in CHANGE.finditer(section):
        lines = match["lines"].splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if not line.startswith("+"))
        new = "".join(line[1:] for line in lines if not line.startswith("-"))
        source = (root / match["path"]).read_text()
        assert source.count(old) == 1, f"{match['path']} has no place, or several, for\n{match['lines']}"
        (root / match["path"]).write_text(source.replace(old, new))


@pytest.mark.parametrize("title", MOST)
def test_an_addition_touches_few_files(title):
    assert 1 < len(paths(sections()[title])) <= MOST[title]


def test_every_example_works(tmp_path, store):
    root = tmp_path / "program"
    for room in ("msl", "analysis", "entrypoints"):
        shutil.copytree(REPOSITORY / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
    for section in sections().values():
        apply(section, root)
    tiny.write_domains(tmp_path)
    for seed, name in enumerate(("train/a", "train/b", "val/c")):
        data_factory.save(data_factory.picture(seed), tmp_path / f"data/bdd100k/images/10k/{name}.jpg")
        labels = tmp_path / "data/bdd100k/labels/sem_seg/masks"
        data_factory.save(data_factory.label(seed, [0, 13]), labels / f"{name}.png")
    settings = {**tiny.SETTINGS, "max_iters": 2, "epoch_iters": 2, "eval_every": 2, "num_workers": 0}
    program = f"SETTINGS = {settings!r}\n{textwrap.dedent(PROGRAM)}"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-5000:]
    files = sorted({root / path for section in sections().values() for path in paths(section)})
    command = [sys.executable, "-m", "ruff", "check", "--config", REPOSITORY / "pyproject.toml", *files]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
