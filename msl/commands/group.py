"""The command ``msl``, which imports each other command when it is used."""

import difflib
from typing import Any

import click
from click.shell_completion import CompletionItem

import msl
from msl.commands.catalog import COMMANDS, SECTIONS, find_command
from msl.commands.command import CLICK_ERRORS
from msl.console import guarded

_STAGES = "pretrain, adapt, …"
_MEANT = {  # words that people type for something else, and what to type
    "resume": f"`msl STAGE --resume RUN_ID` continues a run, where STAGE ({_STAGES}) is that of the run: "
    "`msl runs` shows both.",
    "train": "`msl pretrain` trains on the source, `msl adapt` on source and target.",
    "test": "`msl evaluate --checkpoint runs:/RUN_ID` scores a network.",
    "infer": "`msl predict --checkpoint runs:/RUN_ID --images FOLDER --output FOLDER` predicts images.",
    "compare": "`msl table --baseline GROUP` compares groups of runs.",
    "ui": "`msl serve` runs a tracking server with MLflow's pages; `mlflow ui` shows them without log-in.",
}


class CommandGroup(click.Group):
    """Every command of the catalog; each is imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name; None if no command has that name. ``msl target-solo`` is ``msl target_solo``."""
        name = cmd_name.replace("-", "_").lower()
        return find_command(name) if name in COMMANDS else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was typed; what nobody expected ends it with one line."""
        with guarded(*CLICK_ERRORS):
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was typed, or an error with the nearest names."""
        name = args[0]
        if self.get_command(ctx, name) is None and name.isidentifier() and not ctx.resilient_parsing:
            if name in _MEANT:
                ctx.fail(f"{name!r} is not a command. {_MEANT[name]}")
            nearest = difflib.get_close_matches(name, COMMANDS, n=3, cutoff=0.5)
            hint = f"Did you mean {' or '.join(nearest)}?" if nearest else "`msl --help` lists all commands."
            ctx.fail(f"{name!r} is not a command. {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, in sections."""
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.line) for name, entry in entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names that begin with this text; no command is imported for it."""
        entries = [pair for section in SECTIONS.values() for pair in section.items()]
        names = [CompletionItem(name, help=entry.line) for name, entry in entries if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(cls=CommandGroup, context_settings={"max_content_width": 100})
@click.version_option(msl.__version__, prog_name="msl", message="%(prog)s %(version)s")
def main() -> None:
    """Run, track and compare experiments in unsupervised domain adaptation for semantic segmentation.

    `msl COMMAND --help` lists the options of a command.
    """
