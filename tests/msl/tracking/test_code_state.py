import re
import subprocess

import pytest

import msl
from msl.tracking import code_state
from msl.tracking.code_state import CodeState, environment


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout with a package of two files, which code_state takes for msl's own."""
    root = tmp_path / "checkout"
    package = root / "msl"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "one.py").write_text('"""Doc."""\nX = 1\n')
    (root / "data.bin").write_bytes(b"\0" * 10)
    commit_all(root)
    monkeypatch.setattr(code_state, "_PACKAGE", package)
    return root


def commit_all(root):
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "x")


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
    code = CodeState.now()
    assert (code.commit, code.diff) == ("", "")


def test_the_environment_names_packages_as_a_requirements_file_does():
    text = environment()
    assert text.startswith("# python 3")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert any(line.startswith("torch==") for line in lines)
    assert all(line.count("==") == 1 for line in lines)


def somebodys(theirs, place, monkeypatch):
    """The package, at a place in somebody's repository, in which a private file has changed."""
    package = theirs / place
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("X = 1\n")
    (theirs / ".gitignore").write_text(".venv\n")
    (theirs / "private.py").write_text("THEIRS = 1\n")
    commit_all(theirs)
    (theirs / "private.py").write_text("THEIRS = 2\n")
    monkeypatch.setattr(code_state, "_PACKAGE", package)
    return package


def test_a_package_below_the_checkout_of_somebody_else_records_nothing_of_theirs(tmp_path, monkeypatch):
    package = somebodys(tmp_path / "theirs", ".venv/lib/python3/site-packages/msl", monkeypatch)
    code = CodeState.now()
    assert (code.commit, code.diff) == ("", "")
    assert re.fullmatch(rf"{re.escape(msl.__version__)}\+[0-9a-f]{{8}}", code.version)
    (package / "__init__.py").write_text("X = 2\n")
    assert CodeState.now().version != code.version


def test_of_a_repository_that_holds_a_copy_of_the_package_only_the_package_is_recorded(tmp_path, monkeypatch):
    theirs = tmp_path / "theirs"
    package = somebodys(theirs, "vendor/msl", monkeypatch)
    (package / "__init__.py").write_text("X = 2\n")
    code = CodeState.now()
    assert code.commit == git(theirs, "rev-parse", "HEAD")
    assert "+X = 2" in code.diff
    assert "THEIRS" not in code.diff


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (".env.yaml", "a: 1\n"),
        ("client_secrets.yaml", "a: 1\n"),
        ("msl/store.py", 'URI = "postgresql://me:hunter22@db/runs"\n'),
        ("msl/keys.py", "KEY = 'AKIAABCDEFGHIJKLMNOP'\n"),
        ("msl/login.py", 'password = "correct-horse"\n'),
        ("own.yaml", "token: 'ghp_0123456789abcdefghij'\n"),
    ],
)
def test_a_change_that_looks_like_a_secret_is_named_and_left_out(checkout, path, content):
    (checkout / path).write_text(content)
    (checkout / "msl/one.py").write_text("X = 2\n")
    code = CodeState.now()
    assert code.left_out == (path,)
    assert code.diff.startswith(f"Left out, because they look like secrets: {path}\n")
    assert content.strip() not in code.diff
    assert "+X = 2" in code.diff
    (checkout / "msl/one.py").write_text('"""Doc."""\nX = 1\n')
    assert CodeState.now().is_dirty


def test_a_patch_with_its_heading_can_be_applied(checkout, tmp_path):
    (checkout / "own.yaml").write_text("password: 'correct-horse'\n")
    (checkout / "msl/one.py").write_text("X = 2\n")
    patch = tmp_path / "diff.patch"
    patch.write_text(CodeState.now().diff)
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(checkout), str(other))
    git(other, "apply", str(patch))
    assert (other / "msl/one.py").read_text() == "X = 2\n"


@pytest.mark.parametrize("line", ['NAME = "MLFLOW_TRACKING_PASSWORD"', "token_count: 300", "def f(password: str): ..."])
def test_code_that_only_speaks_of_secrets_stays(checkout, line):
    (checkout / "msl/one.py").write_text(line + "\n")
    code = CodeState.now()
    assert code.left_out == ()
    assert line in code.diff


def test_a_change_of_the_same_length_within_the_second_of_a_commit_is_seen(checkout):
    for value in range(2, 8):
        (checkout / "msl/one.py").write_text(f'"""Doc."""\nX = {value}\n')
        assert f"+X = {value}" in CodeState.now().diff
        git(checkout, "add", ".")
        git(checkout, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "x")
