import pytest
from mlflow.entities import RunInfo

from msl import schema
from msl.tracking.note import note_of
from msl.tracking.record import RunRecord

RUN, PARENT = "a" * 32, "b" * 32
INFO = RunInfo(RUN, "7", "me", "RUNNING", 0, None, "active")
DATA = {schema.DATA_SOURCE: "streets/train@d56ba72cea09", schema.DATA_TARGET: "streets_real/train@dc6d67b479f7"}
TRAINED = RunRecord(stage="adapt", recipe="streets", settings={}, classes=("road",))
FILES = f"#/experiments/7/runs/{RUN}/artifacts"
SEE = f"[Panels]({FILES}/panels), [classes]({FILES}/evaluation)."


def test_a_trained_network_tells_its_lineage_and_what_can_be_done_with_it():
    first, _, *commands = note_of(INFO, TRAINED, DATA | {schema.PARENT: PARENT}).splitlines()
    start = f"From [run bbbbbbbb](#/experiments/7/runs/{PARENT})."
    assert first == f"{start} Source `streets/train`. Target `streets_real/train`. {SEE}"
    assert commands == [
        "```",
        f"mlflow run . -e predict -P checkpoint=runs:/{RUN} \\",
        "    -P images=IMAGES -P output=LABELS --env-manager local",
        f"mlflow run . -e package -P checkpoint=runs:/{RUN} \\",
        "    -P name=NAME -P alias=champion --env-manager local",
        "```",
    ]


@pytest.mark.parametrize(
    ("record", "tags", "note"),
    [
        (
            RunRecord(stage="evaluate", settings={}, classes=("road",)),
            {schema.PARENT: "GTA5_source.pth"},
            f"From `GTA5_source.pth`. {SEE}",
        ),
        (RunRecord(stage="train_style", recipe="streets", settings={}), {}, ""),
        (
            RunRecord(stage="predict", settings={}, classes=("road",)),
            {schema.PARENT: "x/best.pt"},
            "From `x/best.pt`.",
        ),
    ],
)
def test_what_is_no_trained_network_offers_no_commands_for_one(record, tags, note):
    assert note_of(INFO, record, tags) == note
