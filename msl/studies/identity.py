"""The fingerprints of nodes, before anything has run: of what a node needs, only the fingerprint counts."""

import json
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

from msl import schema
from msl.checkpoints import About, Checkpoint, NetworkAbout
from msl.config import StageConfig
from msl.errors import DataError
from msl.models.settled import settled
from msl.runs.starts import fetch
from msl.runs.supplies import AnyStage, data_root, find_stage, fingerprint_of
from msl.stages.stage import StageData, Start, TrainingStage
from msl.studies.graph import Graph, Node
from msl.tracking import Client

# Groups of settings that no data depends on.
_NOT_OF_DATA = ("model", "optimizer", "objective", "adaptation", "schedule", "run", "monitor", "start")


class Identities:
    """Gives nodes their fingerprints. Data is opened once, however many nodes read it."""

    def __init__(self, client: Client | None) -> None:
        """`client`: of the run store, for results that settings name; None if there is no store yet."""
        self._client = client
        self._starts: dict[tuple[str, str], Start] = {}  # results that exist, by setting and reference
        self._downloads = Path(mkdtemp())
        finalize(self, rmtree, self._downloads, ignore_errors=True)
        self._stages: dict[str, AnyStage] = {}
        self._data: dict[str, StageData] = {}
        self._networks: dict[str, NetworkAbout] = {}  # of the nodes that train one, by key
        self.missing: dict[str, str] = {}  # why a node has no fingerprint, by key: its data is missing

    def identify_all(self, graph: Graph) -> None:
        """Identify every node whose data exists, parents first."""
        for node in graph:
            self.identify(node)

    def identify(self, node: Node) -> None:
        """Set the fingerprint of a node, or of a copy its path, if what it needs exists or has a fingerprint.

        Raises:
            MslError: a setting, a start or the data does not fit. Data that is missing is noted in `missing` instead.
        """
        stage = self._stages.setdefault(node.request.stage, find_stage(node.request.stage))
        copies = {setting: need.result for setting, need in node.needs.items() if setting in schema.DOMAINS}
        if None in copies.values():
            return
        try:
            data, config = self._opened(stage, node.request.settings.edit(**copies))
        except DataError as error:
            self.missing[node.key] = str(error)
            return
        self.missing.pop(node.key, None)
        self._set(stage, node, config, data)

    def _set(self, stage: AnyStage, node: Node, config: StageConfig, data: StageData) -> None:
        """Set fingerprint or result from opened data."""
        needs = {setting: need for setting, need in node.needs.items() if setting not in schema.DOMAINS}
        if isinstance(stage, TrainingStage):
            if any(need.fingerprint is None for need in needs.values()):
                return
            starts = {setting: self._promised(need) for setting, need in needs.items()}
        elif any(need.result is None for need in needs.values()):
            return
        else:
            starts = {setting: self._fetched(setting, str(need.result), config) for setting, need in needs.items()}
        starts |= self._named(stage, node, config)
        config = config.edit(**stage.values_from_starts(config, starts, node.request.overrides))
        self._note_network(node, config, data)
        if isinstance(stage, TrainingStage):
            node.fingerprint = fingerprint_of(stage, config, data, starts)
        else:
            node.result = stage.find_existing(config, data, starts)

    def _opened(self, stage: AnyStage, config: StageConfig) -> tuple[StageData, StageConfig]:
        dumped = config.model_dump(mode="json")
        content = {group: values for group, values in dumped.items() if group not in _NOT_OF_DATA}
        key = f"{stage.name} {json.dumps(content, sort_keys=True)}"
        if key not in self._data:
            self._data[key] = stage.open(config)
        data = self._data[key]
        return data, config.edit(**stage.values_from_data(config, data))

    def _promised(self, need: Node) -> Start:
        """The result of a node that may not exist yet: of its checkpoint, what it will say of its network."""
        about = About(group="", network=self._networks.get(need.key))
        checkpoint = Checkpoint(about=about, step=0, weights={})
        fingerprint = str(need.fingerprint)
        return Start(reference=need.key, path=Path(need.key), run_id=None, digest=fingerprint, _checkpoint=checkpoint)

    def _named(self, stage: AnyStage, node: Node, config: StageConfig) -> dict[str, Start]:
        """The results that the settings name."""
        return {
            need.setting: self._fetched(need.setting, need.reference, config)
            for need in stage.needs(node.request, node.request.settings)
            if need.reference and need.setting not in schema.DOMAINS
        }

    def _fetched(self, setting: str, reference: str, config: StageConfig) -> Start:
        if self._client is None:
            raise DataError(f"{setting} = {reference}: there is no run store yet")
        if (setting, reference) not in self._starts:
            folder = self._downloads / str(len(self._starts))
            self._starts[setting, reference] = fetch(self._client, setting, reference, data_root(config), folder)
        return self._starts[setting, reference]

    def _note_network(self, node: Node, config: Any, data: Any) -> None:
        """Remember what the node's checkpoint will say of its network."""
        if "model" in config.groups():
            labels = data.label_set
            about = NetworkAbout(model=settled(config.model), label_set=labels.name, classes=labels.classes)
            self._networks[node.key] = about
