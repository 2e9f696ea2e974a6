"""What happens around the steps: the NaN stop, the logged means, the progress bar, the evaluation."""

import resource
import sys
from collections.abc import Sequence
from typing import Any

import torch
from tqdm import tqdm

from msl import schema
from msl.errors import DivergedError
from msl.labels import LabelSet
from msl.models import SegmentationNetwork
from msl.training.evaluate import Result, Scored, evaluate
from msl.training.loop import Callback, Reporter, State


class StopOnNaN(Callback):
    """Ends training at the first loss that is no number, before anything of that step is logged or saved."""

    def on_step(self, state: State) -> None:
        """Look at every part of this step's loss.

        Raises:
            DivergedError: names the loss, the step and the batch.
        """
        if torch.stack(list(state.parts.values())).isfinite().all():
            return
        values = ", ".join(f"{schema.loss(name)} = {part.item():g}" for name, part in state.parts.items())
        batches = "; ".join(f"{stream}: {', '.join(names)}" for stream, names in state.batches.items())
        raise DivergedError(
            f"{values} at step {state.step} (batch {batches}). Lower lr or lambda_target, or look at those images; "
            "the last checkpoint is from before."
        )


class LogMeans(Callback):
    """Logs each loss, the speed and the memory, averaged over an interval of steps."""

    def __init__(self, every: int, reporter: Reporter) -> None:
        self._every, self._reporter = every, reporter
        self._sums: dict[str, torch.Tensor | float] = {}
        self._counts: dict[str, int] = {}

    def on_step(self, state: State) -> None:
        """Add up; at the interval's end, log and begin anew."""
        images = sum(len(names) for names in state.batches.values())
        for name, part in state.parts.items():
            self._add(schema.loss(name), part.double())
        self._add(schema.STEP_S, state.seconds)
        self._add(schema.DATA_WAIT_S, state.data_wait)
        self._add(schema.IMAGES_PER_S, images / state.seconds)
        if state.step % self._every == 0 or state.finished:
            self._log(state)

    def _add(self, name: str, value: torch.Tensor | float) -> None:
        self._sums[name] = self._sums.get(name, 0.0) + value
        self._counts[name] = self._counts.get(name, 0) + 1

    def _log(self, state: State) -> None:
        means = {name: float(total) / self._counts[name] for name, total in self._sums.items()}
        means[schema.LR] = state.optimizer.param_groups[0]["lr"]
        means[schema.EPOCH] = state.step / state.schedule.epoch_iters
        means[schema.MEMORY] = _peak_memory_mb()
        self._reporter.metrics(means, state.step)
        self._sums, self._counts = {}, {}

    def state_dict(self) -> dict[str, Any]:
        """The sums of the interval that is under way."""
        return {"sums": {name: float(total) for name, total in self._sums.items()}, "counts": dict(self._counts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with that interval."""
        self._sums, self._counts = dict(state["sums"]), dict(state["counts"])


class Evaluate(Callback):
    """Scores the network on every domain now and then, and keeps the best and the last result.

    Best is by target mIoU: an oracle's choice, because it looks at target labels. `last` does not.
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
    ) -> None:
        self.results: dict[str, Result] = {}
        self._model, self._domains, self._label_set, self._reporter = model, domains, label_set, reporter
        self._every, self._first, self._precision = every, first, precision

    def on_start(self, state: State) -> None:
        """Score what adaptation starts from (`first`): a point of the curve, never the best."""
        if self._first and state.step == 0:
            self._reporter.metrics(self._score(state).metrics(self._label_set), 0)

    def on_step(self, state: State) -> None:
        """Score at every interval's end and after the last step."""
        if state.step % self._every and not state.finished:
            return
        result = self._score(state)
        self._reporter.metrics(result.metrics(self._label_set), state.step)
        state.result, state.improved = result, self._beats_best(result)
        self.results[schema.LAST] = result
        if state.improved:
            self.results[schema.BEST] = result

    def on_end(self, state: State) -> None:
        """Log the final scores under their prefixes, at the steps they belong to."""
        for which, result in self.results.items():
            values = result.metrics(self._label_set)
            self._reporter.metrics({schema.final(which, name): v for name, v in values.items()}, result.step)

    def _score(self, state: State) -> Result:
        return Result(state.step, {d.role: evaluate(self._model, d, self._precision) for d in self._domains})

    def _beats_best(self, result: Result) -> bool:
        if schema.TARGET not in result.scores:
            return False
        best = self.results.get(schema.BEST)
        return best is None or _target_miou(result) > _target_miou(best)

    def state_dict(self) -> dict[str, Any]:
        """Best and last so far."""
        return {which: result.state_dict() for which, result in self.results.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them up."""
        self.results = {which: Result.from_state_dict(saved) for which, saved in state.items()}


class ProgressBar(Callback):
    """A bar on the terminal, with the losses and the last target mIoU."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._shown: dict[str, str] = {}

    def on_start(self, state: State) -> None:
        """Begin where training begins. In a log file, a line every half minute is enough."""
        calm = 0.5 if sys.stderr.isatty() else 30.0
        self._bar = tqdm(
            total=state.schedule.stop,
            initial=state.step,
            desc=self._title,
            unit="it",
            mininterval=calm,
            maxinterval=calm,
        )

    def on_step(self, state: State) -> None:
        """Advance."""
        if state.result is not None and schema.TARGET in state.result.scores:
            self._shown["mIoU"] = f"{_target_miou(state.result):.1f}"
        if self._bar.update():  # the bar was drawn; reading a loss waits for the GPU, so do it only then
            self._shown |= {name: f"{part.item():.4g}" for name, part in state.parts.items()}
            self._bar.set_postfix(self._shown, refresh=False)

    def on_end(self, state: State) -> None:
        """Leave the full bar on the screen."""
        self._bar.close()


def _target_miou(result: Result) -> float:
    return result.scores[schema.TARGET].full.mean_iou()


def _peak_memory_mb() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes there, kibibytes here
