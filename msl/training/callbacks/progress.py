"""The progress bar."""

import sys

from tqdm import tqdm

from msl import schema
from msl.training.loop import Callback, State


class ProgressBar(Callback):
    """A bar on the terminal, with the losses and the last target mIoU."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._postfix: dict[str, str] = {}

    def on_start(self, state: State) -> None:
        """Start the bar at the current step. In a log file, a line every half minute is enough."""
        interval_s = 0.5 if sys.stderr.isatty() else 30.0
        self._bar = tqdm(
            total=state.schedule.stop,
            initial=state.step,
            desc=self._title,
            unit="it",
            mininterval=interval_s,
            maxinterval=interval_s,
        )

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
