"""What MLflow's page of a run says above everything else: where it comes from, and what can be done with it."""

from collections.abc import Mapping
from typing import Any

from mlflow.entities import RunInfo

from msl import schema

_DATA = (schema.DATA_SOURCE, schema.DATA_TARGET)
_COMMANDS = {
    "score it on other images": "evaluate -P checkpoint=runs:/{run}/checkpoints/last.pt -P target=DOMAIN",
    "predict with it": "predict -P checkpoint=runs:/{run} -P images=FOLDER -P output=FOLDER",
    "make it a model that is served": "package -P checkpoint=runs:/{run} -P name=NAME -P alias=champion",
}


def note_of(info: RunInfo, record: Mapping[str, Any], tags: Mapping[str, str]) -> str:
    """A description in Markdown, with links to other runs of the experiment.

    Args:
        info: of the run.
        record: what its ``config.json`` holds.
        tags: those that say where it comes from.
    """
    facts = {"start": _linked(info, tags.get(schema.PARENT))}
    facts |= {role: tags.get(name) for role, name in zip(schema.DOMAINS, _DATA, strict=True)}
    facts |= {"images": tags.get(schema.IMAGES), "output": tags.get(schema.PREDICTIONS)}
    lines = [f"- {name}: {value}" for name, value in facts.items() if value]
    if "recipe" in record:
        text = f"artifacts: `{schema.PANEL_FOLDER}/` shows what it sees, `{schema.EVALUATION_FOLDER}/` has every class"
        commands = [f"- {what}: `mlflow run . -e {c.format(run=info.run_id)}`" for what, c in _COMMANDS.items()]
        lines += [f"- {text}", "", *commands]
    return "\n".join(lines)


def _linked(info: RunInfo, parent: str | None) -> str | None:
    """A run's ID as a link; anything else as it is."""
    if parent is None or not (len(parent) == len(info.run_id) and parent.isalnum()):
        return parent
    return f"[run {parent[:8]}](#/experiments/{info.experiment_id}/runs/{parent})"
