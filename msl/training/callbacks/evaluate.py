"""Scores of the network while it trains."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from msl import schema
from msl.errors import LoadingError
from msl.labels import LabelSet
from msl.models import SegmentationNetwork
from msl.numerics import ranks
from msl.scoring.criteria import criteria
from msl.scoring.evaluation import Scored, evaluate
from msl.scoring.recalibration import Recalibration, recalibrated
from msl.scoring.scores import Result
from msl.scoring.unlabelled import UnlabelledImages
from msl.training.loop import Callback, Reporter, State


class Evaluate(Callback):
    """Scores the network on every domain at intervals, and keeps the best and the last result.

    `best` has the highest target mIoU: an oracle's choice, because it uses target labels. `last` does not use them, nor
    does `chosen`, which has the best value of a criterion.

    A stop request interrupts it; the resumed training then begins with that evaluation.
    """

    def __init__(
        self,
        model: SegmentationNetwork,
        domains: Sequence[Scored],
        label_set: LabelSet,
        reporter: Reporter,
        every: int,
        first: bool = False,
        precision: torch.dtype = torch.float32,
        recalibration: Recalibration | None = None,
        unlabelled: UnlabelledImages | None = None,
        choose_by: str | None = None,
    ) -> None:
        """Set it up.

        Args:
            model: the network that trains.
            domains: what is scored.
            label_set: its classes.
            reporter: takes the scores.
            every: steps between two evaluations.
            first: also before the first step.
            precision: of the network's forward pass.
            recalibration: of the network while it is scored.
            unlabelled: images of the target on which criteria are computed.
            choose_by: the criterion that chooses `chosen`.
        """
        self.results: dict[str, Result] = {}
        self._model, self._domains, self._label_set, self._reporter = model, domains, label_set, reporter
        self._every, self._first, self._precision = every, first, precision
        self._recalibration, self._unlabelled, self._choose_by = recalibration, unlabelled, choose_by

    def on_start(self, state: State) -> None:
        """Make up for an evaluation that was interrupted.

        With `first`, score the network before its first step: a point of the curve, never the best. If no step is left,
        this score is the last one.
        """
        if state.step == 0 and not state.finished:
            if self._first and (result := self._score(state)):
                self._reporter.metrics(result.metrics(self._label_set), 0)
        elif schema.LAST not in self.results or self.results[schema.LAST].step < state.step:
            self.on_step(state)

    def on_step(self, state: State) -> None:
        """Score at the end of every interval and after the last step."""
        if state.step % self._every and not state.finished:
            return
        result = self._score(state)
        if result is None:
            return
        self._reporter.metrics(result.metrics(self._label_set), state.step)
        state.result, state.improved, state.is_chosen = result, self._beats_best(result), self._is_preferred(result)
        marks = {schema.LAST: True, schema.BEST: state.improved, schema.CHOSEN: state.is_chosen}
        self.results |= {which: result for which, is_so in marks.items() if is_so}

    def on_end(self, state: State) -> None:
        """Log the best, the last and the chosen scores under their prefixes, at the steps of their evaluations."""
        for which, result in self.results.items():
            values = result.metrics(self._label_set)
            self._reporter.metrics({schema.final(which, name): v for name, v in values.items()}, result.step)

    def _score(self, state: State) -> Result | None:
        """The scores on every domain; None if a stop request interrupts. It raises as `LossWatch.settle` does."""

        def look(name: str = "") -> None:
            if state.stop.is_made:
                raise ranks.InterruptionError

        state.watch.settle()
        ranks.as_in_first(self._model.buffers())  # BatchNorm's, if each process has its own
        try:
            look_alone = (lambda: None) if ranks.are_several() else look  # all do the same work, and end it together
            with recalibrated(self._recalibration, self._model, state.step, look_alone):
                scores = {d.role: evaluate(self._model, d, self._precision, before=look) for d in self._domains}
                values = self._criteria(look_alone)
        except ranks.InterruptionError:
            state.is_stopping = state.stop.agree()
            return None
        except LoadingError:
            if not state.stop.has_reached_loading:
                raise
            state.is_stopping = True
            return None
        return Result(state.step, scores, values)

    def _criteria(self, look: Callable[[], None]) -> dict[str, float]:
        if self._unlabelled is None:
            return {}
        return criteria(self._model, self._unlabelled, self._precision, look)

    def _is_preferred(self, result: Result) -> bool:
        if self._choose_by is None or (value := result.criterion(self._choose_by)) is None:
            return False
        earlier = self.results.get(schema.CHOSEN)
        before = None if earlier is None else earlier.criterion(self._choose_by)
        if before is None:
            return True
        return value > before if schema.higher_is_better(schema.criterion(self._choose_by)) else value < before

    def _beats_best(self, result: Result) -> bool:
        if result.target_miou is None:
            return False
        best = self.results.get(schema.BEST)
        return best is None or best.target_miou is None or result.target_miou > best.target_miou

    def state_dict(self) -> dict[str, Any]:
        """The best, the last and the chosen result so far."""
        return {which: result.state_dict() for which, result in self.results.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore them."""
        self.results = {which: Result.from_state_dict(result) for which, result in state.items()}
