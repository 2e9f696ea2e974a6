"""The command msl: every command under one name, found when it is typed, and completed by the shell."""

import os
import shutil
import subprocess
import sys

import pytest
from click import NoSuchOption
from click.testing import CliRunner
from conftest import REPOSITORY

from analysis.__main__ import main as analysis
from msl.commands import find_command, main
from msl.commands.catalog import COMMANDS, SECTIONS

SCRIPT = "from msl.commands import main; main(prog_name='msl')"
SLOW = {"torch", "torchvision", "mlflow", "pandas", "numpy", "sqlalchemy", "matplotlib"}
ENTRY_POINTS = {path.stem for path in (REPOSITORY / "entrypoints").glob("[!_]*.py")}


def invoke(*arguments):
    result = CliRunner().invoke(main, arguments, prog_name="msl")
    assert "Traceback" not in result.output
    return result


def test_every_entry_point_and_every_command_of_analysis_is_there():
    assert set(COMMANDS) == ENTRY_POINTS | set(analysis.commands) | {"recipes"}


@pytest.mark.parametrize("name", sorted(set(analysis.commands) - {"report"}))
def test_commands_of_analysis_are_the_same(name):
    assert find_command(name) is analysis.commands[name]


def test_report_takes_what_both_reports_take():
    options = {parameter.name for parameter in find_command("report").params}
    assert options == {"experiment", "baseline", "output", "log", "store", "log_format"}
    assert {parameter.name for parameter in analysis.commands["report"].params} <= options


def test_help_lists_every_command_once_with_a_line():
    lines = [line.split(maxsplit=1) for line in invoke("--help").output.splitlines() if line.startswith("  ")]
    listed = {words[0]: words[1] for words in lines if words[0] in COMMANDS}
    assert listed == {name: entry.line for section in SECTIONS.values() for name, entry in section.items()}
    assert all(f"\n{title}:\n" in invoke("--help").output for title in ("Stages", "Results", "Service"))


def test_help_of_a_command_is_that_of_its_entry_point():
    msl = invoke("adapt", "--help").output
    entry_point = CliRunner().invoke(find_command("adapt"), ["--help"], prog_name="python -m entrypoints.adapt").output
    assert msl.partition("\n")[2] == entry_point.partition("\n")[2]


def test_help_of_every_command_loads_nothing_that_takes_long():
    script = f"""
import sys
from contextlib import suppress
from msl.commands import main
for arguments in [[], *([name] for name in {list(COMMANDS)})]:
    with suppress(SystemExit):
        main([*arguments, "--help"], prog_name="msl")
print(*sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.count("Usage: msl") == 1 + len(COMMANDS)
    assert not {name.partition(".")[0] for name in done.stderr.split()} & SLOW


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["adpt"], "'adpt' is not a command. Did you mean adapt"),
        (["tabel"], "'tabel' is not a command. Did you mean table"),
        (["xyzzy"], "'xyzzy' is not a command. `msl --help` lists all commands."),
        (["--recipe", "x"], "No such option"),
        (["adapt", "--recipe", "street"], "recipe = 'street' is unknown. Did you mean streets?"),
        (["resume", "0123"], "'resume' is not a command. `msl STAGE --resume RUN_ID` continues a run"),
        (["pretrain", "--checkpoint", "x"], "pretrain starts from ImageNet weights or from --weights FILE"),
        (
            ["pretrain", "--checkpoint", "x"],
            "These commands have it: adapt, bn, target_solo, self_train, joint_adain, dee",
        ),
        (["package", "--images", "x"], "No such option: --images. These commands have it: predict."),
        # Each click has its own words.
        (["adapt", "--lambda_targt", "1"], NoSuchOption("--lambda_targt").format_message()),
        (["adapt", "--lambda_targt", "1"], "--lambda_target"),
    ],
)
def test_what_is_unknown_is_told_with_the_nearest_names(arguments, message):
    result = invoke(*arguments)
    assert result.exit_code != 0
    assert message in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("adapt --target b.yaml --target c.yaml", "--target is given 2 times, as b.yaml and c.yaml: give it once."),
        ("adapt --multi --multi false", "--multi is given 2 times, as true and false: give it once."),
        ("adapt --lambda-target 1 --lambda_target=2", "--lambda_target is given 2 times, as 1 and 2: give it once."),
        ("adapt --log_format json --log_format text", "--log_format is given 2 times, as json and text: give it once."),
        ("serve --port 1 --port 2 --port 3", "--port is given 3 times, as 1 and 2 and 3: give it once."),
    ],
)
def test_an_option_is_given_once(arguments, message):
    result = invoke(*arguments.split())
    assert result.exit_code == 2
    assert f"Error: {message}\n" in result.output


def test_names_may_have_hyphens():
    assert invoke("target-solo", "--help").output == invoke("target_solo", "--help").output.replace(
        "_solo [", "-solo ["
    )


def completed(line):
    """What bash would be given for the word under way, which is the last of the line."""
    words = line.split(" ")
    completion = {"_MSL_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    command = [sys.executable, "-X", "importtime", "-c", SCRIPT]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=REPOSITORY, env={**os.environ, **completion}
    )
    loaded = {row.rpartition("|")[2].strip().partition(".")[0] for row in done.stderr.splitlines()}
    assert not loaded & SLOW
    return [tuple(row.split(",", 1)) for row in done.stdout.split()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("msl ta", ["target_solo", "table"]),
        ("msl adapt --lambda_s", ["--lambda_seg"]),
        ("msl adapt --target_mode IW", ["IW_maxsquare", "IW_entropy"]),
        ("msl adapt --recipe gta5_cityscapes_i", ["gta5_cityscapes_iw", "gta5_cityscapes_iw_multi"]),
        ("msl adapt --source streets", ["streets", "streets_real", "streets_dusk"]),
        ("msl adapt --label_set sy", ["synthia16", "synthia13"]),
        ("msl adapt --multi ", ["true", "false"]),
        ("msl adapt --preprocessing i", ["imagenet_rgb"]),
        ("msl train_style --content gta5,cityscap", ["gta5,cityscapes"]),
        ("msl table --layout ", ["columns", "report"]),
    ],
)
def test_the_shell_completes(line, words):
    assert completed(line) == [("plain", word) for word in words]


def test_the_shell_completes_files_where_no_name_fits():
    assert completed("msl evaluate --checkpoint weights/l") == [("file", "weights/l")]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_its_script(shell, monkeypatch):
    if shell == "bash" and shutil.which("bash") is None:  # which click asks for its version
        pytest.skip("bash is not installed")
    monkeypatch.setenv("_MSL_COMPLETE", f"{shell}_source")
    assert "_MSL_COMPLETE=" + shell + "_complete" in invoke().output
