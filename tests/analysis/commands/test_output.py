"""What a command writes, as a spreadsheet and a terminal take it."""

import csv
import io
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from conftest import REPOSITORY

from analysis.__main__ import main
from analysis.tables import spreadsheet_text

NASTY = '=HYPERLINK("http://x";"y")'
HAN = "\N{CJK UNIFIED IDEOGRAPH-4E2D}"


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_formula_is_shown_and_not_run(text):
    assert spreadsheet_text(text) == f"'{text}"


@pytest.mark.parametrize("text", ["adapt lr=0.1", "-0.5", "+1e-3", "-inf", ""])
def test_any_other_text_stays(text):
    assert spreadsheet_text(text) == text


@pytest.mark.parametrize(
    "arguments",
    [["table", "--baseline", "plain", "--format", "csv"], ["runs", "--format", "csv"]],
    ids=["table", "runs"],
)
def test_csv_for_people_and_for_programs(store, add_run, arguments):
    add_run(NASTY, 0, {"last/target/mIoU": 1.0}, odd="@odd")
    add_run("plain", 0, {"last/target/mIoU": -1.0})
    for raw in (False, True):
        result = CliRunner().invoke(main, [*arguments, *(["--raw"] if raw else [])])
        assert result.exit_code == 0, result.output
        cells = [cell for row in csv.reader(io.StringIO(result.stdout)) for cell in row]
        assert ("'" + NASTY in cells, NASTY in cells) == (not raw, raw)
        assert "-1.0" in cells
        if arguments[0] == "runs":
            assert ("'@odd" in cells, "@odd" in cells) == (not raw, raw)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_what_the_terminal_cannot_hold_is_an_escape(store, add_run, encoding):
    add_run(HAN, 0, {"last/target/mIoU": 1.0})
    for arguments in (["table", "--baseline", HAN], ["table", "--baseline", "x" + HAN], ["runs"]):
        command = [sys.executable, "-m", "analysis", *arguments]
        env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(REPOSITORY)}
        result = subprocess.run(command, env=env, capture_output=True)
        assert b"Traceback" not in result.stderr
        told = result.stdout + result.stderr
        assert rb"\u4e2d" in told or HAN.encode() in told  # click writes UTF-8 where Python says ASCII


def test_an_option_that_is_given_twice_is_refused():
    result = CliRunner().invoke(main, ["table", "--baseline", "a", "--baseline", "b"])
    assert result.exit_code == 2
    assert "--baseline is given 2 times, as a and b: give it once." in result.output
