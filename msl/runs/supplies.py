"""The results of other stages that a stage needs: found in the run store, or made now."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msl import schema
from msl.config import StageConfig
from msl.config.catalog import STAGES
from msl.recipes import Request
from msl.runs.starts import fetch, last_checkpoint_of, take_here
from msl.stages.stage import Need, Outcome, Stage, StageData, Start, TrainingStage
from msl.tracking import Client, code_digest, find_finished, fingerprint, nearest_finished

log = logging.getLogger("msl")

AnyStage = Stage[Any, Any]
AnyTraining = TrainingStage[Any, Any, Any]
_INHERITED = "; a stage that runs first takes such settings from the recipe, unless you type optimizer, too"
NEAR_DIFFERENCES = 2  # settings in which a run may differ to be named as near


class Supplies:
    """Finds or makes the results of other stages for one run."""

    def __init__(self, client: Client, make: Callable[[Request], Outcome]) -> None:
        """Set it up.

        Args:
            client: of the tracking store.
            make: runs a stage whose result does not exist yet.
        """
        self._client, self._make = client, make
        self.has_made = False  # a result, which took a while

    def open_data(self, stage: AnyStage, request: Request) -> tuple[dict[str, Any], StageData, list[Need]]:
        """Open the data of a stage; missing styled copies are made first.

        Returns:
            The values of settings that the copies and the data decide, the data, and the results that the stage starts
            from.
        """
        needs = stage.needs(request, request.settings)
        copies = {need.setting: self.result_of(need) for need in needs if need.setting in schema.DOMAINS}
        config = request.settings.edit(**copies)
        data: StageData = stage.open(config)
        start_needs = [need for need in needs if need.setting not in schema.DOMAINS]
        return copies | stage.values_from_data(config, data), data, start_needs

    def starts(
        self, needs: list[Need], named: Mapping[str, Start], root: Path | None, folder: Path
    ) -> dict[str, Start]:
        """The results that a stage starts from, on this machine, by setting; `named` are here already."""
        return {
            need.setting: named.get(need.setting) or self._start(need, root, folder / need.setting) for need in needs
        }

    def _start(self, need: Need, root: Path | None, folder: Path) -> Start:
        """A result; one that is made now is taken from this machine, since the server may be away meanwhile."""
        reference = self._existing(need)
        if reference is not None:
            return fetch(self._client, need.setting, reference, root, folder)
        outcome = self._made(need.request)
        return take_here(outcome, folder) or fetch(self._client, need.setting, outcome.result, root, folder)

    def result_of(self, need: Need) -> str:
        """Reference of the result: the one that the settings name, else a finished one that fits, else a new one."""
        return self._existing(need) or self._made(need.request).result

    def _existing(self, need: Need) -> str | None:
        return self.find(need.request) if need.reference is None else need.reference

    def _made(self, request: Request) -> Outcome:
        outcome = self._make(request)
        self.has_made = True
        return outcome

    def find(self, request: Request) -> str | None:
        """Reference of a finished result of a stage with these settings, this data and this code.

        If there is none, the log says so and names the nearest run.
        """
        stage: AnyStage = find_stage(request.stage)
        values, data, needs = self.open_data(stage, request)
        config = request.settings.edit(**values)
        references = {
            need.setting: self.find(need.request) if need.reference is None else need.reference for need in needs
        }
        with TemporaryDirectory() as folder:
            starts = {
                setting: fetch(self._client, setting, reference, data_root(config), Path(folder) / setting)
                for setting, reference in references.items()
                if reference is not None
            }
            result = None
            if len(starts) == len(
                references
            ):  # else a result that it starts from does not exist, so its own does not either
                config = config.edit(**stage.values_from_starts(config, starts, request.overrides))
                result = stage.find_existing(config, data, starts) or self._find_checkpoint(stage, config, data, starts)
        if result is None:
            log.info("no finished run of stage %s fits, so that stage runs first", stage.name)
            self._name_nearest(stage, config)
        else:
            log.info("starting from the result of stage %s: %s", stage.name, result)
        return result

    def settled(self, stage: AnyTraining, request: Request) -> tuple[StageConfig, str]:
        """The settings that a run of the request has, and its fingerprint."""
        values, data, needs = self.open_data(stage, request)
        config = request.settings.edit(**values)
        with TemporaryDirectory() as folder:
            starts = self.starts(needs, {}, data_root(config), Path(folder))
            config = config.edit(**stage.values_from_starts(config, starts, request.overrides))
            return config, fingerprint_of(stage, config, data, starts)

    def _find_checkpoint(
        self, stage: AnyStage, config: StageConfig, data: Any, starts: Mapping[str, Start]
    ) -> str | None:
        if not isinstance(stage, TrainingStage):
            return None
        run_id = find_finished(self._client, fingerprint_of(stage, config, data, starts))
        return None if run_id is None else last_checkpoint_of(run_id)

    def _name_nearest(self, stage: AnyStage, config: StageConfig) -> None:
        """Log a finished run that differs in one or two settings: perhaps one of them was mistyped."""
        nearest = nearest_finished(self._client, stage.name, config.decisive())
        if nearest is not None and len(nearest[1]) <= NEAR_DIFFERENCES:
            run_id, differing = nearest
            of_optimizer = {name for group, name, _ in config.fields() if group == "optimizer"}
            is_by_optimizer = any(text.partition("=")[0] in of_optimizer for text in differing)
            log.info(
                "the nearest is run %s, which differs in %s%s. To start from it anyway, pass checkpoint=%s",
                run_id,
                ", ".join(differing) or "data or code",
                _INHERITED if is_by_optimizer else "",
                last_checkpoint_of(run_id),
            )


def named_starts(client: Client, stage: AnyStage, request: Request, folder: Path) -> dict[str, Start]:
    """The results that the settings name, by setting, downloaded into a folder if necessary.

    Raises:
        CheckpointError: there is no such file, run or artifact.
    """
    settings = request.settings
    return {
        need.setting: fetch(client, need.setting, need.reference, data_root(settings), folder / need.setting)
        for need in stage.needs(request, settings)
        if need.reference is not None and need.setting not in schema.DOMAINS
    }


def find_stage(name: str) -> AnyStage:
    """The stage of that name."""
    stage: AnyStage = STAGES.load(name)()
    return stage


def fingerprint_of(stage: AnyTraining, config: StageConfig, data: Any, starts: Mapping[str, Start]) -> str:
    """The fingerprint of a run of a stage: of settings, data, code, and the results that it starts from."""
    inputs = data.digests() | {setting: start.digest for setting, start in starts.items()}
    return fingerprint(stage.name, stage.decisive(config, data), inputs, _modules(stage, config, data))


def code_of(stage: AnyTraining, config: StageConfig, data: Any) -> str:
    """Digest of the code that decides the result of a run of a stage."""
    return code_digest(_modules(stage, config, data))


def _modules(stage: AnyTraining, config: StageConfig, data: Any) -> list[str]:
    return [*stage.modules(config), *data.modules()]


def data_root(config: StageConfig) -> Path | None:
    """The folder of data sets; None if the stage has none."""
    folder = config.flat().get("data_root")
    return None if folder is None else Path(folder)
