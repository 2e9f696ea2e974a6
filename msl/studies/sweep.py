"""A sweep: settings are asked of Optuna, run as nodes of a study, and their scores told to it.

Optuna's own journal in the study's folder has the trials, so that a sweep whose driver was killed goes on with them.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msl import schema
from msl.config import SweepConfig
from msl.errors import ConfigError
from msl.inputs.early import check_request
from msl.inputs.fitting import find_request
from msl.recipes import Request
from msl.studies.declaration import Row
from msl.studies.graph import Graph, Node
from msl.studies.space import Choice, Range, Space
from msl.studies.states import DONE, OVER, PRUNED, Standing
from msl.tracking import Client
from msl.tracking.study_runs import SeenRun, metric_rows

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna import Trial
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

_FREE = ("criteria/", "loss/")  # of the target, and computed without its labels
_KEY = "node"  # attribute of a trial: key of its node
_EXTRA = "A sweep needs Optuna: `pip install msl[optuna]`."

log = logging.getLogger("msl")


def needs_target_labels(metric: str) -> bool:
    """Whether a score is computed from the labels of the target."""
    parts = schema.parse_metric(metric)
    return parts.domain == schema.TARGET and not parts.name.startswith(_FREE)


def check_metric(config: SweepConfig) -> None:
    """Refuse a choice by target labels, unless it is said to be an oracle's.

    Raises:
        ConfigError: it is not said.
    """
    if needs_target_labels(config.metric) and not config.oracle:
        raise ConfigError(
            f"metric = {config.metric} needs the target's labels, which adaptation does not have. Choose a metric of "
            "the source or a criterion without labels, or pass oracle=true: the sweep then records that it is an oracle"
        )


def check_sweep(config: SweepConfig) -> None:
    """Refuse what cannot be carried out, before a run is opened.

    Raises:
        ConfigError: Optuna is missing, the metric needs target labels, the space cannot be read, or the stage does not
            have a setting or one of the values; no weights depend on a setting that varies; a domain is unknown.
        DataError: the data of a domain is missing.
    """
    check_metric(config)
    if find_spec("optuna") is None:
        raise ConfigError(_EXTRA)
    space = Space.of(config.space)
    usual = {name: dimension.samples[0] for name, dimension in space.dimensions.items()}
    for name, dimension in space.dimensions.items():
        for value in dimension.samples:
            request = _request(config, {**space.constants, **usual, name: value})
            if name not in request.settings.decisive():
                raise ConfigError(
                    f"space: no weights depend on {name}, so every trial would be the same run. Give it one value: "
                    f"{name}={value}. Stage evaluate scores one checkpoint in several ways"
                )
            check_request(request)


def _request(config: SweepConfig, overrides: Mapping[str, Any]) -> Request:
    """The request for a trial; without a recipe, one is chosen that fits its data."""
    values = {"seed": config.seed, **overrides}
    return find_request(stage=config.stage, recipe=config.recipe, overrides=values, is_told=False)


@dataclass
class _Open:
    """A trial whose run is not over."""

    trial: "Trial"
    node: Node
    evaluations: int = 0  # whose scores were told


class Sweep:
    """Adds a node for each trial, and ends those that Optuna's pruner gives up."""

    def __init__(self, config: SweepConfig, graph: Graph, client: Client, folder: Path, slots: int) -> None:
        """Open the trials of the sweep: those of an earlier start go on.

        Raises:
            ConfigError: Optuna is missing, a setting is unknown, or a grid has a dimension without values.
        """
        check_sweep(config)
        self._config, self._graph, self._client, self._slots = config, graph, client, slots
        self._space = Space.of(config.space)
        self._row = Row(stage=config.stage, recipe=config.recipe)
        self._trials = _open_trials(config, self._space, folder)
        self._open = [self._reopened(trial) for trial in self._trials.get_trials(deepcopy=False) if _is_open(trial)]

    @property
    def best(self) -> "FrozenTrial | None":
        """The trial with the best score so far; None if none has one."""
        scored = [trial for trial in self._trials.trials if trial.value is not None and trial.state.name == "COMPLETE"]
        return self._trials.best_trial if scored else None

    def rows(self) -> Iterator[dict[str, Any]]:
        """For each trial its settings, its score and its state, as a picture needs them."""
        for trial in (trial for trial in self._trials.trials if trial.state.name != "WAITING"):
            yield {**trial.params, self._config.metric: trial.value, "state": trial.state.name}

    def more(self, standings: Mapping[str, Standing]) -> Iterator[Node]:
        """Tell what is over, and ask for new trials while there are slots."""
        for opened in list(self._open):
            standing = standings.get(opened.node.key)
            if standing is not None and standing.state in OVER:
                self._tell(opened, standing)
        while len(self._open) < self._slots and self._begun() < self._most_trials():
            trial = self._trials.ask()
            opened = _Open(trial, self._node(self._sampled(trial)))
            trial.set_user_attr(_KEY, opened.node.key)
            self._open.append(opened)
            yield opened.node

    def hopeless(self, running: Mapping[str, SeenRun]) -> list[str]:
        """Keys of the running nodes whose scores so far are among the worse."""
        return [opened.node.key for opened in self._open if self._is_hopeless(opened, running)]

    def _is_hopeless(self, opened: _Open, running: Mapping[str, SeenRun]) -> bool:
        run = running.get(opened.node.key)
        if run is None or not self._config.prune:
            return False
        rows = metric_rows(self._client, run.run_id, self._config.metric)
        for number, (_, value) in enumerate(rows, start=1):
            if number > opened.evaluations:
                opened.evaluations = number
                opened.trial.report(value, number)
        return opened.evaluations > 0 and opened.trial.should_prune()

    def _tell(self, opened: _Open, standing: Standing) -> None:
        from optuna.trial import TrialState

        self._open.remove(opened)
        value = None if standing.run is None else self._score(standing.run)
        if standing.state == PRUNED:
            self._trials.tell(opened.trial, state=TrialState.PRUNED)
        elif standing.state == DONE and value is not None:
            self._trials.tell(opened.trial, value)
        else:
            log.warning("trial %d has no %s", opened.trial.number, self._config.metric)
            self._trials.tell(opened.trial, state=TrialState.FAIL)

    def _score(self, run: SeenRun) -> float | None:
        name = self._config.metric
        return run.metrics.get(schema.final(schema.LAST, name), run.metrics.get(name))

    def _begun(self) -> int:
        """The number of trials, without the points of a grid that wait."""
        return sum(trial.state.name != "WAITING" for trial in self._trials.trials)

    def _most_trials(self) -> int:
        sizes = [len(part.values) for part in self._space.dimensions.values() if isinstance(part, Choice)]
        points = 1
        for size in sizes:
            points *= size
        return min(self._config.trials, points) if self._config.sampler == "grid" else self._config.trials

    def _sampled(self, trial: "Trial") -> dict[str, Any]:
        return {name: _suggested(trial, name, part) for name, part in self._space.dimensions.items()}

    def _node(self, values: Mapping[str, Any]) -> Node:
        return self._graph.add(_request(self._config, {**self._space.constants, **values}), self._row)

    def _reopened(self, frozen: "FrozenTrial") -> _Open:
        """A trial of an earlier start, with the node that its settings give."""
        from optuna import Trial

        trial = Trial(self._trials, frozen._trial_id)
        return _Open(trial, self._node(self._sampled(trial)), len(frozen.intermediate_values))


def _is_open(trial: "FrozenTrial") -> bool:
    return trial.state.name == "RUNNING"


def _suggested(trial: "Trial", name: str, dimension: Choice | Range) -> Any:
    """The trial's value of a setting; the same one whenever it is asked."""
    if isinstance(dimension, Choice):
        return trial.suggest_categorical(name, dimension.values)
    if dimension.is_whole:
        return trial.suggest_int(name, int(dimension.low), int(dimension.high), log=dimension.is_log)
    return trial.suggest_float(name, dimension.low, dimension.high, log=dimension.is_log)


def _open_trials(config: SweepConfig, space: Space, folder: Path) -> "OptunaStudy":
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise ConfigError(_EXTRA) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    backend = JournalFileBackend(str(folder / "trials.log"))
    higher = schema.higher_is_better(schema.parse_metric(config.metric).name)
    pruners = optuna.pruners
    halving = pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    trials = optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name=config.name,
        load_if_exists=True,
        direction="minimize" if higher is False else "maximize",
        sampler=_sampler(config),
        pruner=halving if config.prune else pruners.NopPruner(),
    )
    for point in _grid(space) if config.sampler == "grid" else ():
        trials.enqueue_trial(point, skip_if_exists=True)
    return trials


def _sampler(config: SweepConfig) -> "BaseSampler":
    """The points of a grid are in the queue; a sampler is not asked for them."""
    import optuna

    if config.sampler != "tpe":
        return optuna.samplers.RandomSampler(seed=config.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # It counts a trial that runs as a bad one, so that several at a time do not all try the same.
        return optuna.samplers.TPESampler(seed=config.seed, constant_liar=True)


def _grid(space: Space) -> Iterator[dict[str, str]]:
    """Every point of the space.

    Raises:
        ConfigError: a setting has no list of values.
    """
    if ranges := [name for name, part in space.dimensions.items() if isinstance(part, Range)]:
        raise ConfigError(f"sampler = grid: {', '.join(ranges)} has no list of values. Pass NAME=VALUE|VALUE.")
    values = [part.values for part in space.dimensions.values() if isinstance(part, Choice)]
    for point in product(*values):
        yield dict(zip(space.dimensions, point, strict=True))
