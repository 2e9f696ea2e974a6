"""What MLflow's page of a run says above everything else: where it comes from, and what can be done with it."""

from collections.abc import Mapping

from mlflow.entities import RunInfo

from msl import schema
from msl.tracking.record import RunRecord

_DATA = {"Source": schema.DATA_SOURCE, "Target": schema.DATA_TARGET}
# The page folds all but the first lines away, and makes room for the longest at the cost of the column beside it.
_COMMANDS = """

```
mlflow run . -e predict -P checkpoint=runs:/{run} \\
    -P images=FOLDER -P output=FOLDER
mlflow run . -e package -P checkpoint=runs:/{run} \\
    -P name=NAME -P alias=champion
```"""


def note_of(info: RunInfo, record: RunRecord, tags: Mapping[str, str]) -> str:
    """A description in Markdown, with links to the run that this one starts from and to what it shows.

    Args:
        info: of the run.
        record: what its ``config.json`` holds.
        tags: those that say where it comes from.
    """
    # Digests of the data stand beside it on the page, with the data sets and the tags.
    page = f"#/experiments/{info.experiment_id}/runs"
    facts = [f"From {_linked(page, info, tags[schema.PARENT])}."] if schema.PARENT in tags else []
    facts += [f"{role} `{tags[name].partition('@')[0]}`." for role, name in _DATA.items() if name in tags]
    # A segmentation network, not a decoder or a copy.
    trained = record.recipe is not None and record.classes is not None
    if trained or record.stage == "evaluate":
        files = f"{page}/{info.run_id}/artifacts"
        facts.append(f"[Panels]({files}/{schema.PANEL_FOLDER}), [classes]({files}/{schema.EVALUATION_FOLDER}).")
    return " ".join(facts) + (_COMMANDS.format(run=info.run_id) if trained else "")


def _linked(page: str, info: RunInfo, parent: str) -> str:
    """A run's ID as a link; anything else as it is."""
    is_run = len(parent) == len(info.run_id) and parent.isalnum()
    return f"[run {parent[:8]}]({page}/{parent})" if is_run else f"`{parent}`"
