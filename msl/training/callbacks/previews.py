"""Pictures that a style decoder draws while it learns."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from msl import schema
from msl.style import StyleTransfer
from msl.style.pictures import style_panel
from msl.training.loop import Callback, Reporter, State


class Previews(Callback):
    """At intervals, a panel of the same content images in the same styles: it shows how well the decoder draws."""

    only_first = True

    def __init__(
        self,
        transfer: StyleTransfer,
        contents: Sequence[Tensor],
        styles: Sequence[Tensor],
        every: int,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        self._transfer, self._contents, self._styles = transfer, contents, styles
        self._every, self._folder, self._reporter = every, folder, reporter

    def on_step(self, state: State) -> None:
        """Draw if it is time."""
        if self._contents and (state.step % self._every == 0 or state.finished):
            path = self._folder / f"style_{state.step:06d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            style_panel(self._transfer, self._contents, self._styles).save(path)
            self._reporter.file(path, schema.PANEL_FOLDER)
