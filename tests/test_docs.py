"""README and docs: short enough, no dead links, no page that nobody finds, and no command that does not exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from conftest import REPOSITORY

from msl.commands import find_command
from msl.commands.catalog import COMMANDS
from msl.commands.users import users
from msl.recipes import RECIPES

README = REPOSITORY / "README.md"
DOCS = REPOSITORY / "docs"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
MOST_WORDS = 900
STAGES = set(yaml.safe_load((REPOSITORY / "MLproject").read_text())["entry_points"])

LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`(?P<content>[^`\n]+)`")
HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)

PARAMETER = re.compile(r"-P (?P<name>\w+)=")
OPTION = re.compile(r"(?<![\w-])--(?P<name>[a-zA-Z][\w-]*)")
STAGE = re.compile(r"(?<![\w-])-e (?P<name>\w+)")
RECIPE = re.compile(r"(?:-P recipe=|--recipe )(?P<name>[\w/-]+)")
COMMAND = re.compile(r"(?:python -m entrypoints\.|python -m analysis |\bmsl |make |^)(?P<name>[a-z][\w0-9]*)")

# A page on which names are made up: tests/test_extending.py runs it.
EXAMPLES = DOCS / "extending.md"
# Options of `mlflow run`, of scripts in tests/benchmarks, of torchrun, and the one that every command has.
FOREIGN = {"env-manager", "experiment-name", "scale", "only", "small", "help", "kills", "runs"}
FOREIGN |= {"nnodes", "nproc_per_node", "rdzv_backend", "rdzv_endpoint", "rdzv_id"}
OTHER_PROGRAMS = re.compile(r"^(mlflow (models|ui)|curl|pip|git|uv|ray)\b|docker|--gpus|^#SBATCH")


def by_name(path: Path) -> str:
    return path.name


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    texts = (match["text"].lower().replace("`", "") for match in HEADING.finditer(prose(page)))
    return {re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-") for text in texts}


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The file and the anchor of every link of a page into the repository."""
    for match in LINK.finditer(prose(page)):
        target, _, anchor = match["target"].partition("#")
        if "://" not in match["target"]:
            yield (page.parent / target).resolve() if target else page, anchor


def commands(page: Path) -> Iterator[str]:
    """Everything on a page that is typed: each line of its blocks, continued lines joined, and each span of code."""
    for block in FENCE.finditer(page.read_text()):
        if block["language"] in ("", "bash", "sh"):
            yield from re.sub(r"\\\n\s*", "", block["content"]).splitlines()
    yield from (match["content"] for match in SPAN.finditer(prose(page)))


def options(name: str) -> set[str]:
    """The options of a command of ours, as they are typed."""
    return spelled(find_command(name))


def spelled(command: click.Command) -> set[str]:
    return {option.removeprefix("--") for parameter in command.params for option in parameter.opts}


OF_ACCOUNTS = {f"users {name}": spelled(command) for name, command in users.commands.items()}
EVERY_OPTION = {option for name in COMMANDS for option in options(name)}.union(*OF_ACCOUNTS.values())


def known_options(line: str) -> set[str]:
    """The options that may be on a line: those of the command that it names, or else those of all commands."""
    for words, known in OF_ACCOUNTS.items():
        if words in line:
            return known
    names = [match["name"] for pattern in (STAGE, COMMAND) for match in pattern.finditer(line)]
    ours = [name for name in names if name in COMMANDS]
    return {option for name in ours for option in options(name)} if ours else EVERY_OPTION


def test_readme_takes_five_minutes():
    assert len(README.read_text().split()) <= MOST_WORDS


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_links_lead_somewhere(page):
    for path, anchor in links(page):
        assert path.exists(), f"{page.name} links to {path.relative_to(REPOSITORY)}, which does not exist"
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path), f"{page.name} links to {path.name}#{anchor}: no such heading"


def test_every_page_can_be_reached_from_readme():
    reached, waiting = {README}, [README]
    while waiting:
        pages = {path for path, _ in links(waiting.pop()) if path.suffix == ".md" and path.exists()}
        waiting += pages - reached
        reached |= pages
    assert not set(PAGES) - reached


def test_every_picture_is_shown():
    shown = {path for page in PAGES for path, _ in links(page)}
    pictures = {path for path in DOCS.iterdir() if path.suffix in (".png", ".jpg", ".svg")}
    assert not pictures - shown


@pytest.mark.parametrize("page", [page for page in PAGES if page != EXAMPLES], ids=by_name)
def test_stages_exist(page):
    for line in commands(page):
        for match in STAGE.finditer(line):
            assert match["name"] in STAGES, f"{page.name}: {line}"


@pytest.mark.parametrize("page", [page for page in PAGES if page != EXAMPLES], ids=by_name)
def test_options_exist(page):
    for line in commands(page):
        if OTHER_PROGRAMS.search(line):
            continue
        typed = {match["name"] for pattern in (PARAMETER, OPTION) for match in pattern.finditer(line)} - FOREIGN
        unknown = {name for name in typed if name.replace("-", "_").lower() not in known_options(line)}
        assert not unknown, f"{page.name}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_recipes_exist(page):
    for line in commands(page):
        names = {match["name"] for match in RECIPE.finditer(line)}
        assert {name for name in names if not name.isupper()} <= set(RECIPES), f"{page.name}: {line}"
