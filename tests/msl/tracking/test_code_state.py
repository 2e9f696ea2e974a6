import subprocess

import pytest

from msl.tracking import code_state
from msl.tracking.code_state import CodeState, environment


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout with a package of two files, which code_state takes for msl's own."""
    root = tmp_path / "checkout"
    package = root / "msl"
    package.mkdir(parents=True)
    (package / "one.py").write_text('"""Doc."""\nX = 1\n')
    (root / "data.bin").write_bytes(b"\0" * 10)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "x")
    monkeypatch.setattr(code_state, "_PACKAGE", package)
    return root


def git(root, *arguments):
    done = subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_clean_checkout(checkout):
    code = CodeState.now()
    assert code.commit == git(checkout, "rev-parse", "HEAD")
    assert code.diff == ""


def test_the_diff_has_changes_and_new_code_and_can_be_applied(checkout, tmp_path):
    (checkout / "msl/one.py").write_text('"""Doc."""\nX = 2\n')
    (checkout / "msl/new.py").write_text("Y = 3\n")
    (checkout / "results.bin").write_bytes(b"\1" * 1000)  # no code: not worth a copy in every run
    status = git(checkout, "status", "--porcelain")
    diff = CodeState.now().diff
    assert git(checkout, "status", "--porcelain") == status  # the user's index stays as it is
    assert "results.bin" not in diff
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(checkout), str(other))
    (tmp_path / "diff.patch").write_text(diff)
    git(other, "apply", str(tmp_path / "diff.patch"))
    assert (other / "msl/one.py").read_text().endswith("X = 2\n")
    assert (other / "msl/new.py").read_text() == "Y = 3\n"


def test_staged_changes_and_deleted_files_are_in_the_diff(checkout):
    (checkout / "msl/two.py").write_text("Z = 1\n")
    git(checkout, "add", "msl/two.py")
    (checkout / "msl/one.py").unlink()
    diff = CodeState.now().diff
    assert "+Z = 1" in diff
    assert "deleted file mode" in diff


def test_outside_a_checkout_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(code_state, "_PACKAGE", tmp_path / "msl")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert CodeState.now() == CodeState("", "")


def test_the_environment_names_packages_as_a_requirements_file_does():
    text = environment()
    assert text.startswith("# python 3")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert any(line.startswith("torch==") for line in lines)
    assert all(line.count("==") == 1 for line in lines)
