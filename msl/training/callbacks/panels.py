"""Pictures of the network's predictions, drawn while it trains."""

from collections.abc import Sequence
from pathlib import Path

from msl import schema
from msl.models import SegmentationNetwork
from msl.scoring.evaluation import Scored
from msl.scoring.panels import panel
from msl.training.loop import Callback, Reporter, State


class Panels(Callback):
    """After every evaluation, one sheet a domain for the same few images."""

    def __init__(
        self, model: SegmentationNetwork, domains: Sequence[Scored], count: int, folder: Path, reporter: Reporter
    ) -> None:
        self._model, self._domains, self._count = model, domains, count
        self._folder, self._reporter = folder, reporter

    def on_step(self, state: State) -> None:
        """Draw and record the sheets, named by step."""
        if state.result is None or not self._count:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        for scored in self._domains:
            path = self._folder / f"{scored.role}_{state.step:06d}.png"
            panel(self._model, scored, self._count).save(path)
            self._reporter.file(path, schema.PANEL_FOLDER)
