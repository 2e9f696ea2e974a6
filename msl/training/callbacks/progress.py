"""The progress bar."""

from msl import schema
from msl.console import progress
from msl.training.loop import Callback, State


class ProgressBar(Callback):
    """A bar on the terminal, with the losses and the last target mIoU."""

    only_first = True

    def __init__(self, title: str) -> None:
        self._title = title
        self._postfix: dict[str, str] = {}

    def on_start(self, state: State) -> None:
        """Start the bar at the current step."""
        self._bar = progress(title=self._title, unit="it", total=state.schedule.stop, initial=state.step)

    def on_step(self, state: State) -> None:
        """Advance."""
        if state.result is not None and state.result.target_miou is not None:
            self._postfix[schema.MIOU] = f"{state.result.target_miou:.1f}"
        if self._bar.update():  # the bar was drawn; reading a loss waits for the GPU, so do it only then
            self._postfix |= {name: f"{part.item():.4g}" for name, part in state.parts.items()}
            self._bar.set_postfix(self._postfix, refresh=False)

    def on_end(self, state: State) -> None:
        """Leave the full bar on the screen."""
        self._bar.close()
