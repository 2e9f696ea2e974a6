"""The stop at a loss that is not a number."""

from msl.training.loop import Callback, State
from msl.training.phases import CALLBACKS, WAITING


class StopOnNaN(Callback):
    """Ends training at a loss that is not a number, before this step is logged, scored or saved."""

    def on_step(self, state: State) -> None:
        """Hand every part of this step's loss to the watch.

        Raises:
            DivergedError: names the loss, the step and the batch. On a GPU it comes some steps later.
        """
        state.phases.enter(WAITING)
        state.watch.add(state.step, state.parts, state.batches)
        state.phases.enter(CALLBACKS)

    def on_end(self, state: State) -> None:
        """Look at the losses of the last steps; raises as `on_step` does."""
        state.watch.settle()
