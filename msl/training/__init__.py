"""Training: a list of terms, one loop, and the callbacks around it. It does not know MLflow or the command line."""

from msl.training.loop import Callback, Reporter, Schedule, State, fit
from msl.training.terms import Objective, Term

__all__ = ["Callback", "Objective", "Reporter", "Schedule", "State", "Term", "fit"]
