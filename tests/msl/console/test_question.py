"""A question at a terminal: yes, no, no answer, and where nobody can answer."""

import subprocess
import sys
import time

import pytest
from conftest import REPOSITORY
from terminals import at_terminal

ASK = "from msl.console import confirmed; print('the answer is', confirmed('End it?', {}), flush=True); input()"


@pytest.mark.parametrize(
    ("typed", "answer"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("what\n", False)]
)
def test_an_answer(typed, answer):
    with at_terminal([sys.executable, "-c", ASK.format(60)]) as terminal:
        terminal.wait_for("End it? [y/N]")
        terminal.type(typed)
        terminal.wait_for(f"the answer is {answer}")


def test_no_answer_in_time_is_a_no():
    begun = time.monotonic()
    with at_terminal([sys.executable, "-c", ASK.format(0.2)]) as terminal:
        terminal.wait_for("the answer is False")
    assert time.monotonic() - begun < 60


def test_where_nobody_can_answer_it_is_a_yes():
    command = [sys.executable, "-c", ASK.format(60).removesuffix("; input()")]
    process = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (process.stdout, process.stderr) == ("the answer is True\n", "")
