"""What a stage needs of others: found among finished results, or made now."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msl import schema
from msl.config import StageConfig
from msl.config.catalog import STAGES
from msl.recipes import Request
from msl.runs.starts import fetch, last_checkpoint_of
from msl.stages.stage import Need, Outcome, Stage, StageData, Start, TrainingStage
from msl.tracking import Client, find_finished, fingerprint, nearest_finished

log = logging.getLogger("msl")

AnyStage = Stage[Any, Any]
_NEAR = 2  # settings in which a run may differ that is worth to be named


class Supplies:
    """Results of other stages for one run."""

    def __init__(self, client: Client, make: Callable[[Request], Outcome]) -> None:
        """Set it up.

        Args:
            client: of the tracking store.
            make: carries out the request for a result that nobody has made yet.
        """
        self._client, self._make = client, make

    def opened(
        self, stage: AnyStage, request: Request, config: StageConfig
    ) -> tuple[StageConfig, StageData, list[Need]]:
        """The data of a stage, opened, with styled copies made where they are missing.

        Returns:
            The settings with what the data decides filled in, the data, and what else the stage needs.
        """
        needs = stage.needs(request, config)
        copies = {need.setting: self.result_of(need) for need in needs if need.setting in schema.DOMAINS}
        config = config.edit(**copies) if copies else config
        data: StageData = stage.open(config)
        others = [need for need in needs if need.setting not in schema.DOMAINS]
        return stage.resolved(config, data), data, others

    def starts(self, needs: list[Need], root: Path | None, folder: Path) -> dict[str, Start]:
        """What a stage starts from, by setting, on this machine."""
        return {need.setting: fetch(self._client, self.result_of(need), root, folder / need.setting) for need in needs}

    def result_of(self, need: Need) -> str:
        """Reference of the result: the one that the settings name, one that fits, or one that is made now."""
        return need.reference or self.find(need.request) or self._make(need.request).result

    def find(self, request: Request) -> str | None:
        """Reference of a finished result of a stage with these settings, this data and this code.

        Where there is none, the log says so, and what comes near.
        """
        stage: AnyStage = find_stage(request.stage)
        config, data, needs = self.opened(stage, request, request.settings())
        references = {need.setting: need.reference or self.find(need.request) for need in needs}
        with TemporaryDirectory() as folder:
            starts = {
                setting: fetch(self._client, reference, data_root(config), Path(folder) / setting)
                for setting, reference in references.items()
                if reference is not None
            }
            result = None
            if len(starts) == len(references):  # else what it starts from is not made yet, so nor is it
                config = stage.following(config, starts)
                result = stage.existing(config, data, starts) or self._finished(stage, config, data, starts)
        if result is None:
            log.info("no finished %s result fits, so that stage is run first", stage.name)
            self._name_nearest(stage, config)
        else:
            log.info("starting from the finished %s result %s", stage.name, result)
        return result

    def _finished(self, stage: AnyStage, config: StageConfig, data: Any, starts: Mapping[str, Start]) -> str | None:
        if not isinstance(stage, TrainingStage):
            return None
        run_id = find_finished(self._client, fingerprint_of(stage, config, data, starts))
        return None if run_id is None else last_checkpoint_of(run_id)

    def _name_nearest(self, stage: AnyStage, config: StageConfig) -> None:
        """Name a finished run that differs in a setting or two: perhaps one of these was mistyped."""
        nearest = nearest_finished(self._client, stage.name, config.decisive())
        if nearest is not None and len(nearest[1]) <= _NEAR:
            run_id, differing = nearest
            log.info(
                "nearest is run %s, which has other %s. To start from it all the same: checkpoint=%s",
                run_id,
                ", ".join(differing) or "data or code",
                last_checkpoint_of(run_id),
            )


def find_stage(name: str) -> AnyStage:
    """The stage of that name."""
    stage: AnyStage = STAGES.load(name)()
    return stage


def fingerprint_of(
    stage: TrainingStage[Any, Any, Any], config: StageConfig, data: Any, starts: Mapping[str, Start]
) -> str:
    """By which a finished run of a stage is found again: settings, data, code, and what it starts from."""
    inputs = data.digests() | {setting: start.digest for setting, start in starts.items()}
    modules = [*stage.modules(config), *data.modules()]
    return fingerprint(stage.name, stage.decisive(config, data), inputs, modules)


def data_root(config: StageConfig) -> Path | None:
    """The folder of data sets, where the stage has one."""
    folder = config.flat().get("data_root")
    return None if folder is None else Path(folder)
