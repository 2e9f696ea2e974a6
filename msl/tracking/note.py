"""The description at the top of MLflow's page of a run: where the run comes from, and what one can do with it."""

from collections.abc import Mapping

from mlflow.entities import RunInfo

from msl import schema
from msl.tracking.record import RunRecord

_DATA = {"Source": schema.DATA_SOURCE, "Target": schema.DATA_TARGET}
# The page shows only the first lines; a long line makes the column beside it narrower.
_COMMANDS = """

```
mlflow run . -e predict -P checkpoint=runs:/{run} \\
    -P images=IMAGES -P output=LABELS --env-manager local
mlflow run . -e package -P checkpoint=runs:/{run} \\
    -P name=NAME -P alias=champion --env-manager local
```"""


def note_of(info: RunInfo, record: RunRecord, tags: Mapping[str, str]) -> str:
    """A description in Markdown, with links to the run that this one starts from and to its pictures and tables.

    Args:
        info: of the run.
        record: the content of its ``config.json``.
        tags: those that say where the run comes from.
    """
    # The page shows the digests of the data elsewhere, with the data sets and the tags.
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
