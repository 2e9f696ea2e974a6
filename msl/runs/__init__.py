"""The one course that carries a stage out: find or run what it needs, open, build, fit, end; or resume."""

from msl.runs.course import run
from msl.stages.stage import Outcome

__all__ = ["Outcome", "run"]
