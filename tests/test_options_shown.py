"""Every span of options in README and docs/experiments.md, such as `-P seed=1`, is accepted by its stage's dry run."""

from pathlib import Path

import data_factory
import pytest
import torch
from click.testing import CliRunner
from conftest import REPOSITORY
from test_docs import PARAMETER, SPAN, STAGE, prose

from msl.commands import find_command
from msl.style import VGG, Encoder

PAGES = ("README.md", "docs/experiments.md")
# What the sentence or the row around a span says, and the span does not.
CONTEXT = {
    "-P method=": "-e stylize ",
    "-P target=crosscity_rio": "-P recipe=cityscapes_crosscity -P data_root=FOLDER ",
    "-P target=cityscapes": "-e evaluate -P checkpoint=FILE ",
    "-P source=gta5 -P target=cityscapes": "-P data_root=FOLDER ",
    "-P optimizer=adamw": "-P lr=6e-5 ",
    "-P checkpoint=FILE": "-P multi=true ",
    "-P head=new": "-P checkpoint=FILE ",
    "-e evaluate …": "-P checkpoint=FILE ",
    "-e joint_adain": "-P encoder=FILE ",
    "-e train_style": "-P encoder=FILE ",
    "-e stylize": "-P encoder=FILE ",
}
# Spans that stand for others, or that need a run: tests/msl/runs/test_resume.py.
NOT_TYPED = ("-P name=value", "-P resume=RUN_ID")


def spans():
    for page in PAGES:
        for match in SPAN.finditer(prose(REPOSITORY / page)):
            if match["content"].startswith(("-P ", "-e ")) and match["content"] not in NOT_TYPED:
                yield match["content"]


def arguments(text):
    """`-P name=value` as `--name value`."""
    for match in PARAMETER.finditer(text):
        yield from (f"--{match['name']}", text[match.end() :].split()[0])


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("reader")
    for write in (data_factory.cityscapes, data_factory.gta5, data_factory.synthia):
        write(folder / "FOLDER")
    for city in ("Rome", "Rio"):
        data_factory.crosscity(folder / "FOLDER", city)
    data_factory.save(data_factory.picture(0), folder / "FOLDER/photograph.png")
    torch.save(Encoder(VGG(channels=(4, 6, 8, 10))).state_dict(), folder / "FILE")
    return folder


@pytest.mark.parametrize("span", sorted(set(spans())))
def test_a_dry_run_takes_the_options(span, files, store, monkeypatch):
    monkeypatch.chdir(files)
    text = "".join(context for start, context in CONTEXT.items() if span.startswith(start)) + span
    stage = next((match["name"] for match in STAGE.finditer(text)), "adapt")
    result = CliRunner().invoke(find_command(stage), [*arguments(text), "--dry_run", "true"])
    assert result.exit_code == 0, f"{text}\n{result.output}"
