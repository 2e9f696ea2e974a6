"""Pictures of the network's predictions, drawn while it trains."""

from collections.abc import Sequence
from pathlib import Path

from msl import schema
from msl.models import SegmentationNetwork
from msl.scoring.evaluation import Scored
from msl.scoring.panels import panel
from msl.scoring.recalibration import Recalibration, recalibrated
from msl.training.loop import Callback, Reporter, State


class Panels(Callback):
    """Draws one panel for each domain after every evaluation, always with the same few images."""

    only_first = True

    def __init__(
        self,
        model: SegmentationNetwork,
        domains: Sequence[Scored],
        count: int,
        folder: Path,
        reporter: Reporter,
        recalibration: Recalibration | None = None,
    ) -> None:
        self._model, self._domains, self._count = model, domains, count
        self._folder, self._reporter, self._recalibration = folder, reporter, recalibration

    def on_start(self, state: State) -> None:
        """Draw, too, after an evaluation for which a resumed training makes up."""
        self.on_step(state)

    def on_step(self, state: State) -> None:
        """Draw and record the panels; their names hold the step."""
        if state.result is None or not self._count:
            return
        with recalibrated(self._recalibration, self._model, state.step):
            for scored in self._domains:
                for file in panel(self._model, scored, self._count).save(self._folder, scored.role, state.step):
                    self._reporter.file(file, schema.PANEL_FOLDER)
