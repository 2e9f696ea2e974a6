"""msl: unsupervised domain adaptation for semantic segmentation, run, tracked and compared.

    import msl

    outcome = msl.run("adapt", lambda_target=0.09)  # a stage, with the settings of the command line
    network = msl.load(f"runs:/{outcome.run_id}")  # a trained network
    network("frame.png").labels  # (H, W)

Errors that a user can correct are `MslError`. Importing msl loads nothing else: PyTorch comes with the first call.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from msl.errors import MslError
    from msl.python import LoadedNetwork, Outcome, PredictedImage, load, run

__version__ = "0.1.0"

__all__ = ["LoadedNetwork", "MslError", "Outcome", "PredictedImage", "load", "run"]


def __getattr__(name: str) -> Any:
    """A public name; its module is imported when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module("msl.errors" if name == "MslError" else "msl.python"), name)


def __dir__() -> list[str]:
    """The public names, for completion in a notebook."""
    return [*globals(), *__all__]
