"""Messages for people and for programs."""

import json
import os
import subprocess
import sys

import pytest

from msl.console import masked

SPEAKING = """
import logging, sys
from msl.console import set_up
set_up({form!r})
log = logging.getLogger("msl")
log.info("group %s at %s", "straße 駅", "postgresql://me:hunter2@db/runs")
log.warning("slow")
print("駅")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("over")
"""


def speak(form, **environment):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    return subprocess.run(
        [sys.executable, "-c", SPEAKING.format(form=form)], env=environment, capture_output=True, check=False
    )


def test_text_hides_passwords():
    text = speak("text", PYTHONIOENCODING="utf-8").stderr.decode()
    assert text.splitlines()[0] == "group straße 駅 at postgresql://me:***@db/runs"


def test_json_is_one_object_a_line():
    for form, more in (("json", {}), (None, {"MSL_LOG_FORMAT": "json"})):
        lines = [json.loads(line) for line in speak(form, **more).stderr.decode().splitlines()]
        assert [line["level"] for line in lines] == ["info", "warning", "error"]
        assert lines[0]["message"].endswith("//me:***@db/runs")
        assert lines[0]["logger"] == "msl"
        assert lines[0]["time"].endswith("Z")
        assert "ZeroDivisionError" in lines[2]["traceback"]


def test_a_character_that_the_terminal_cannot_hold_is_replaced():
    done = speak("text", PYTHONIOENCODING="ascii:strict")
    assert done.returncode == 0
    assert b"UnicodeEncodeError" not in done.stderr
    assert done.stdout == b"?\n"


@pytest.mark.parametrize(("value", "lines"), [("1", 1), ("0", 2), ("", 2)])
def test_quiet_leaves_warnings(value, lines):
    text = speak("text", MSL_QUIET=value).stderr.decode()
    assert len([line for line in text.splitlines() if line.startswith(("group", "slow"))]) == lines


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:secret@db:5432/runs", "postgresql://me:***@db:5432/runs"),
        ("https://me:a@b@host/path", "https://me:***@host/path"),
        ("http://host:5000/a@b", "http://host:5000/a@b"),
        ("sqlite:////data/a@b/mlflow.db", "sqlite:////data/a@b/mlflow.db"),
        ("http://me@host", "http://me@host"),
        ("https://:token@host", "https://:***@host"),
    ],
)
def test_passwords_in_addresses(address, shown):
    assert masked(f"at '{address}': no") == f"at '{shown}': no"
