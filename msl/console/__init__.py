"""What a command writes to the terminal or to a log: messages, progress, and the error that nobody expected."""

from msl.console.bars import progress
from msl.console.guard import UNEXPECTED, guarded
from msl.console.logs import JSON, TEXT, set_up
from msl.console.passwords import masked

__all__ = ["JSON", "TEXT", "UNEXPECTED", "guarded", "masked", "progress", "set_up"]
