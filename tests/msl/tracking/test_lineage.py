import subprocess

import pytest

from msl.tracking import lineage
from msl.tracking.lineage import CodeState, environment, fingerprint


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout with a package of two files, which lineage takes for msl's own."""
    root = tmp_path / "checkout"
    package = root / "msl"
    package.mkdir(parents=True)
    (package / "one.py").write_text('"""Doc."""\nX = 1\n')
    (root / "data.bin").write_bytes(b"\0" * 10)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "x")
    monkeypatch.setattr(lineage, "_PACKAGE", package)
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
    monkeypatch.setattr(lineage, "_PACKAGE", tmp_path / "msl")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert CodeState.now() == CodeState("", "")


@pytest.fixture
def digest_of(tmp_path, monkeypatch):
    monkeypatch.setattr(lineage, "_PACKAGE", tmp_path)
    monkeypatch.setattr(lineage, "_DECISIVE", ("losses", "labels.py"))
    (tmp_path / "losses").mkdir()
    (tmp_path / "labels.py").write_text("A = 1\n")

    def digest(source: str) -> str:
        (tmp_path / "losses/one.py").write_text(source)
        lineage.code_digest.cache_clear()
        return lineage.code_digest()

    yield digest
    lineage.code_digest.cache_clear()


def test_prose_does_not_retrain_anything(digest_of):
    plain = digest_of("def f(x):\n    return x + 1\n")
    assert plain == digest_of('"""Module."""\n\n\ndef f(x):\n    """One more."""\n    # really\n    return x + 1\n')
    assert plain != digest_of("def f(x):\n    return x + 2\n")
    assert plain != digest_of("def f(y):\n    return y + 1\n")


def test_a_fingerprint_is_of_everything_that_decides():
    settings, inputs = {"lr": 0.1, "seed": 0}, {"source": "ab"}
    own = fingerprint("adapt", settings, inputs)
    assert len(own) == 16
    assert own == fingerprint("adapt", dict(reversed(settings.items())), inputs)
    others = [("pretrain", settings, inputs), ("adapt", settings | {"lr": 0.2}, inputs), ("adapt", settings, {})]
    assert own not in {fingerprint(*other) for other in others}


def test_the_environment_names_packages_as_a_requirements_file_does():
    text = environment()
    assert text.startswith("# python 3")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert any(line.startswith("torch==") for line in lines)
    assert all(line.count("==") == 1 for line in lines)
