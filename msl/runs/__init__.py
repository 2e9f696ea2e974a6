"""How every stage is run: find or make what it needs, open its data, build, train, end; or resume."""

from msl.runs.begin import run
from msl.stages.stage import Outcome

__all__ = ["Outcome", "run"]
