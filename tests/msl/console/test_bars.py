"""Progress in a log file: lines without control characters, one a minute."""

import os
import pty
import subprocess
import sys

WORK = """
import time
from msl.console import progress, set_up
import msl.console.bars as module
module._LOG_S = 0.2
set_up()
began_s = time.monotonic()
bar = progress(title="adapt", unit="it", total=40)
for step in range(40):
    bar.update()
    bar.set_postfix({"loss": step}, refresh=False)
    time.sleep(0.02)
bar.close()
passed_s = time.monotonic() - began_s
for _ in progress(range(10), title="short", unit="it", total=10):
    pass
"""


def work(text=WORK, quiet="", **output):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "MSL_QUIET": quiet}
    return subprocess.run([sys.executable, "-c", text], env=environment, check=True, **output)


def test_a_log_file_gets_whole_lines(tmp_path):
    file = tmp_path / "log"
    with file.open("wb") as log:
        passed_s = float(work(WORK + "print(passed_s)", stderr=log, stdout=subprocess.PIPE).stdout)
    text = file.read_bytes()
    assert not set(text) & set(b"\r\x1b\b")
    lines = text.decode().splitlines()
    assert 2 <= len(lines) <= passed_s / 0.2 + 2
    assert all(line.startswith("adapt: ") and "/40 [" in line for line in lines)
    assert lines[-1].startswith("adapt: 40/40 [")
    assert "loss=" in lines[-1]


def test_a_terminal_gets_a_bar():
    reader, writer = pty.openpty()
    with os.fdopen(writer, "wb") as terminal:
        work(stderr=terminal)
    with os.fdopen(reader, "rb") as output:
        assert b"\r" in os.read(output.fileno(), 10_000)


def test_quiet_shows_none():
    reader, writer = pty.openpty()
    with os.fdopen(writer, "wb") as terminal:
        work(WORK + "print('done', flush=True)", quiet="1", stdout=terminal, stderr=terminal)
    assert os.read(reader, 10_000).strip() == b"done"
    os.close(reader)
