"""The frozen copy of the code: what was committed and what was not, whatever the checkout becomes."""

import os
import subprocess
import sys

import pytest
from conftest import REPOSITORY

from msl.errors import TrackingError
from msl.studies.source_copy import frozen_copy
from msl.tracking.code_state import CodeState

FILE = "msl/studies/source_copy.py"
IN_A_CHECKOUT = pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="the code is no git checkout")


def test_the_copy_is_the_code_as_it_is(tmp_path):
    code = CodeState.now()
    copy = frozen_copy(tmp_path, code)
    assert (copy / FILE).read_bytes() == (REPOSITORY / FILE).read_bytes()
    assert frozen_copy(tmp_path, code) == copy
    assert len(list(tmp_path.iterdir())) == 1

    # A job in the checkout imports the copy, and knows the commit.
    env = os.environ | {"PYTHONPATH": str(copy), "PYTHONSAFEPATH": "1"}
    script = "import msl; from msl.tracking.code_state import CodeState as C; print(msl.__file__, C.now().commit)"
    printed = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, env=env, capture_output=True, text=True)
    assert printed.stdout.split(maxsplit=1) == [str(copy / "msl/__init__.py"), f"{code.commit}\n"]


@IN_A_CHECKOUT
def test_changes_are_in_the_copy(tmp_path):
    code = CodeState.now()
    new_file = (
        "diff --git a/new.py b/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+NEW = 1\n"
    )
    binary = "diff --git a/p.png b/p.png\nindex 1..2 100644\nBinary files a/p.png and b/p.png differ\n"
    copy = frozen_copy(tmp_path, CodeState(code.commit, f"Left out: .env\n{new_file}{binary}"))
    assert (copy / "new.py").read_text() == "NEW = 1\n"


@IN_A_CHECKOUT
def test_a_commit_that_is_gone_is_said(tmp_path):
    with pytest.raises(TrackingError, match="the code cannot be copied: git .* checkout"):
        frozen_copy(tmp_path, CodeState("0" * 40))
    assert list(tmp_path.iterdir()) == []
