"""The frozen copy of the code: what was committed and what was not, whatever the checkout becomes."""

import os
import subprocess
import sys

import pytest
from conftest import REPOSITORY
from mlflow.tracking import MlflowClient
from tiny import artifact, write_study

from msl import schema
from msl.errors import TrackingError
from msl.studies.folder import StudyFolder
from msl.studies.source_copy import frozen_copy
from msl.tracking import connect
from msl.tracking.code_state import CodeState
from msl.tracking.study_runs import open_study_run

FILE = "msl/studies/source_copy.py"
NEW_FILE = "diff --git a/new.py b/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+NEW = 1\n"
IN_A_CHECKOUT = pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="the code is no git checkout")


def test_the_copy_is_the_code_as_it_is(tmp_path):
    code = CodeState.now()
    copy = frozen_copy(tmp_path, code)
    assert (copy / FILE).read_bytes() == (REPOSITORY / FILE).read_bytes()
    assert frozen_copy(tmp_path, code) == copy
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [copy]

    # A job in the checkout imports the copy, and knows the commit.
    env = os.environ | {"PYTHONPATH": str(copy), "PYTHONSAFEPATH": "1"}
    script = "import msl; from msl.tracking.code_state import CodeState as C; print(msl.__file__, C.now().commit)"
    printed = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, env=env, capture_output=True, text=True)
    assert printed.stdout.split(maxsplit=1) == [str(copy / "msl/__init__.py"), f"{code.commit}\n"]


@IN_A_CHECKOUT
def test_changes_are_in_the_copy(tmp_path):
    code = CodeState.now()
    binary = "diff --git a/p.png b/p.png\nindex 1..2 100644\nBinary files a/p.png and b/p.png differ\n"
    copy = frozen_copy(tmp_path, CodeState(code.commit, f"Left out: .env\n{NEW_FILE}{binary}"))
    assert (copy / "new.py").read_text() == "NEW = 1\n"


@IN_A_CHECKOUT
def test_a_commit_that_is_gone_is_said(tmp_path):
    with pytest.raises(TrackingError, match="the code cannot be copied: git .* checkout"):
        frozen_copy(tmp_path, CodeState("0" * 40))
    assert list(tmp_path.iterdir()) == []


@IN_A_CHECKOUT
@pytest.mark.usefixtures("tiny_store")
def test_an_interrupted_study_goes_on_with_the_code_that_it_began_with():
    file = write_study([{"stage": "pretrain", "recipe": "streets"}])
    code = CodeState.now()
    change = (
        "diff --git a/msl/py.typed b/msl/py.typed\n--- a/msl/py.typed\n+++ b/msl/py.typed\n@@ -0,0 +1 @@\n+NEW = 1\n"
    )
    other = CodeState(code.commit, code.diff + change)
    folder = StudyFolder.of("tiny", None)
    frozen_copy(folder.code, other)
    reporter = open_study_run(connect(), "tiny", None)
    reporter.end("KILLED")

    env = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "entrypoints.study", "--name", file]
    process = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr
    assert (
        process.stdout.count("study tiny: it goes on with the code that it began with; to take the present code") == 1
    )
    assert f"study tiny: run {reporter.run_id}" in process.stdout
    (run,) = [run for run in MlflowClient().search_runs(["0"]) if run.data.tags.get(schema.STAGE) == "pretrain"]
    assert run.info.status == "FINISHED"
    assert "+NEW = 1" in artifact(run.info.run_id, f"{schema.CODE_FOLDER}/{schema.DIFF_FILE}").read_text()
