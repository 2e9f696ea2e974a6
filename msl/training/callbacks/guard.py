"""The stop at a loss that is not a number."""

import torch

from msl import schema
from msl.errors import DivergedError
from msl.training.loop import Callback, State


class StopOnNaN(Callback):
    """Ends training at the first loss that is not a number, before this step is logged or saved."""

    def on_step(self, state: State) -> None:
        """Check every part of this step's loss.

        Raises:
            DivergedError: names the loss, the step and the batch.
        """
        if torch.stack(list(state.parts.values())).isfinite().all():
            return
        values = ", ".join(f"{schema.loss(name)} = {part.item():g}" for name, part in state.parts.items())
        batches = "; ".join(f"{stream}: {', '.join(names)}" for stream, names in state.batches.items())
        raise DivergedError(
            f"{values} at step {state.step} (batch {batches}). Lower lr or lambda_target, or look at those images; "
            "the last checkpoint is older than this step."
        )
