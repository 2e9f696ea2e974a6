"""The wheel: what it puts into an environment, and that its command works there."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from conftest import REPOSITORY
from mlflow.tracking import MlflowClient
from tiny import SETTINGS, write_domains
from trainings import arguments

import msl

UV = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
NOBODY = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com")
pytestmark = [
    pytest.mark.skipif(UV is None, reason="uv is not installed; it is in the extra dev"),
    pytest.mark.skipif(
        importlib.util.find_spec("hatchling") is None, reason="hatchling is not installed; it is in the extra dev"
    ),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    build = [UV, "build", "--offline", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*build, "--out-dir", folder, REPOSITORY], check=True, timeout=120)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A new environment with the wheel; it has the packages of this environment but not this repository."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([UV, "venv", "--offline", "--quiet", "--python", sys.executable, folder], check=True, timeout=120)
    install = [UV, "pip", "install", "--offline", "--quiet", "--no-deps", "--python", folder / "bin/python", wheel]
    subprocess.run(install, check=True, timeout=120)
    (packages,) = folder.glob("lib/*/site-packages")
    (packages / "parent.pth").write_text(sysconfig.get_path("purelib"))
    return folder


def run(environment, *command):
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [environment / "bin" / command[0], *command[1:]],
        capture_output=True,
        text=True,
        env=clean,
        cwd=environment,
        timeout=120,
        check=False,
    )


def test_it_holds_msl_and_analysis_with_what_they_need(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0] for name in names if "dist-info" not in name} == {"msl", "analysis"}
    assert {"msl/py.typed", "analysis/py.typed"} <= names
    tracked = subprocess.run(
        ["git", "ls-files", "msl", "analysis"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout.split()
    assert {name for name in tracked if not name.endswith(".ipynb")} <= names


def test_its_command_works_in_another_environment(environment):
    assert "Stages:" in run(environment, "msl", "--help").stdout
    assert "--baseline" in run(environment, "msl", "table", "--help").stdout
    dry = run(environment, "msl", "adapt", "--lambda_target", "0.09", "--dry_run", "true")
    assert json.loads(dry.stdout)["lambda_target"] == 0.09
    home = run(environment, "python", "-c", "import msl, analysis; print(msl.__file__, analysis.__file__)").stdout
    assert all(Path(file).is_relative_to(environment) for file in home.split())


def test_it_brings_no_other_packages(environment):
    names = [path.name for path in environment.glob("lib/*/site-packages/*")]
    assert not {"entrypoints", "tests", "docker", "docs"} & set(names)
    assert "No module named 'entrypoints'" in run(environment, "python", "-c", "import entrypoints").stderr


def test_a_run_inside_somebodys_repository_records_nothing_of_theirs(environment, monkeypatch):
    """Their repository holds the environment; the package is not tracked there."""
    theirs = environment.parent
    for command in (["init", "-q"], ["add", "private.py"], [*NOBODY, "commit", "-q", "-m", "private"]):
        (theirs / "private.py").write_text("THEIRS = 1\n")
        subprocess.run(["git", *command], cwd=theirs, check=True)
    (theirs / "private.py").write_text("THEIRS = 2\n")
    write_domains(environment)
    store = f"sqlite:///{environment / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    options = [f"--{name}" for name in arguments({**SETTINGS, "max_iters": 2})]
    done = run(environment, "msl", "pretrain", *options)
    assert done.returncode == 0, done.stderr
    (recorded,) = MlflowClient(store).search_runs(["0"])
    assert recorded.data.tags["msl.code.version"].startswith(f"{msl.__version__}+")
    assert recorded.data.tags["msl.code.commit"] == ""
    assert "mlflow.source.git.commit" not in recorded.data.tags
    artifacts = Path(recorded.info.artifact_uri.removeprefix("file://"))
    assert not (artifacts / "code/diff.patch").exists()
    assert not [file for file in artifacts.rglob("*") if file.is_file() and b"THEIRS" in file.read_bytes()]
