"""The page of roles, docs/roles.md: ``python -m msl.commands.roles_page > docs/roles.md``."""

from collections.abc import Iterator
from textwrap import fill

from msl.service.rules import CLOSED, RULES, Role, Rule

_INTRODUCTION = """\
# What each role may do

Every request to [the tracking service](service.md) is compared with these rules. What no rule names is refused, for the
admin, too. `python -m msl.commands.roles_page > docs/roles.md` writes this page from the rules, and a test fails if it
is not current. Another test fails if the installed MLflow has a route that no rule names.

READ, EDIT and MANAGE are what an account has on one experiment or registered model: by a grant, or READ by default.
DENY takes everything away, also what is read by default.
"""
_NOTE = """
¹ Everyone with an account, if the service has `--default_permission EDIT`.

Nobody gets these parts of MLflow:
"""
_HEADINGS = {
    Role.STRANGER: "stranger",
    Role.READER: "READ",
    Role.EDITOR: "EDIT",
    Role.MANAGER: "MANAGE",
    Role.ADMIN: "admin",
}


def page() -> str:
    """The page, in Markdown."""
    return "\n".join([_INTRODUCTION, *_head(), *map(_row, RULES), _NOTE, *_closed(), ""])


def _head() -> Iterator[str]:
    yield f"| | {' | '.join(_HEADINGS.values())} |"
    yield "|---" + "|:-:" * len(_HEADINGS) + "|"


def _row(rule: Rule) -> str:
    marks = ["yes" if role >= rule.role else "" for role in _HEADINGS]
    note = "¹" if rule.is_creation else ""
    return f"| {rule.what}{note} | {' | '.join(marks)} |"


def _closed() -> Iterator[str]:
    for reason, families in CLOSED.items():
        names = ", ".join(f"`{family}`" for family in families)
        yield fill(f"- {reason}: {names}", 120, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


if __name__ == "__main__":
    print(page(), end="")
