"""What a command writes to the terminal or to a log: messages, progress, and what an error means for its user."""

from msl.console.bars import progress
from msl.console.explain import explained, is_explained, reason
from msl.console.guard import UNEXPECTED, guarded
from msl.console.logs import JSON, TEXT, set_up
from msl.console.passwords import masked
from msl.console.question import confirmed
from msl.console.variables import unset_empty_variables, wrong_address

__all__ = [
    "JSON",
    "TEXT",
    "UNEXPECTED",
    "confirmed",
    "explained",
    "guarded",
    "is_explained",
    "masked",
    "progress",
    "reason",
    "set_up",
    "unset_empty_variables",
    "wrong_address",
]
