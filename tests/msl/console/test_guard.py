"""An error that nobody expected: one line, exit code 70, and the traceback in a file, without passwords."""

import subprocess
import sys

import pytest

from msl.console import UNEXPECTED, guarded


def test_an_unexpected_error_is_one_line_and_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MSL_WORK", str(tmp_path))
    with pytest.raises(SystemExit) as ended, guarded(ValueError):
        raise KeyError("postgresql://me:hunter2@db/runs\nsecond line")
    assert ended.value.code == UNEXPECTED == 70
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "hunter2" not in line
    assert "KeyError" in line
    (file,) = (tmp_path / "errors").iterdir()
    assert str(file) in line
    trace = file.read_text()
    assert "raise KeyError(" in trace
    assert "//me:***@db" in trace
    assert "KeyError: 'postgresql://me:hunter2" not in trace


def test_expected_errors_and_the_end_of_a_process_pass(tmp_path, monkeypatch):
    monkeypatch.setenv("MSL_WORK", str(tmp_path))
    for error in (ValueError(), KeyboardInterrupt(), SystemExit(3)):
        with pytest.raises(type(error)), guarded(ValueError):
            raise error
    assert list(tmp_path.iterdir()) == []


def test_where_no_folder_can_be_made_the_traceback_is_among_temporary_files(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MSL_WORK", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with pytest.raises(SystemExit), guarded():
        raise RuntimeError("x")
    (file,) = (tmp_path / "temporary").iterdir()
    assert str(file) in capsys.readouterr().err


def test_a_command_ends_so(tmp_path):
    program = (
        "from msl.commands import command, find_command\n"
        "def fail(*arguments): raise AttributeError('nobody expected this')\n"
        "command.parse_options = fail\n"
        "find_command('pretrain')()\n"
    )
    environment = {"MSL_WORK": str(tmp_path), "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == UNEXPECTED, done.stderr
    assert done.stderr.count("\n") == 1
    assert "nobody expected this" in done.stderr
