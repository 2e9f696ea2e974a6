"""Panels are read as runs log them, with their layout beside them or, of older runs, without."""

import io
import json

import numpy as np
import pytest
import torch
from mlflow.tracking import MlflowClient
from PIL import Image

from analysis import open_store
from analysis.errors import AnalysisError
from analysis.figures import side_by_side
from analysis.figures.measured import measured_layout
from analysis.seeds import seed_groups
from analysis.store import Artifacts
from msl import schema
from msl.labels import LABEL_SETS
from msl.scoring.panels import draw_panel

CITYSCAPES = LABEL_SETS["cityscapes19"]
CELL, GAP = 420, 6
TITLE, NAME = 30, 28  # above the columns, and above each row of a panel that names its samples


def panel(prediction, seed=0, names=("a frame", "another")):
    """A panel as a run draws it: the predictions are all of one class."""
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for name in names:
        image = torch.randint(0, 256, (3, 10, 20), generator=generator, dtype=torch.uint8)
        label = torch.randint(0, 3, (10, 20), generator=generator)
        rows.append((name, image, label, torch.full((10, 20), prediction)))
    return draw_panel(rows, CITYSCAPES)


@pytest.fixture
def runs(store, add_run, tmp_path):
    """Adds a run with panels by step; an older run has pictures only."""

    def add(group, panels, is_old=False, domain="target"):
        run_id = add_run(group, 0, {"last/target/mIoU": 1.0})
        for step, drawn in panels.items():
            for file in drawn.save(tmp_path / group, domain, step)[: 1 if is_old else 2]:
                MlflowClient().log_artifact(run_id, str(file), "panels")
        return run_id

    return add


def groups(store):
    return list(seed_groups(open_store(store).runs()).values())


@pytest.mark.parametrize("old", [(), ("a",), ("b",), ("a", "b")])
def test_predictions_stand_side_by_side_with_one_legend(store, runs, old):
    runs("a", {10: panel(9), 2: panel(3)}, "a" in old)
    runs("b", {10: panel(8)}, "b" in old)
    compared = side_by_side(Artifacts(store), groups(store))
    picture = compared.picture
    assert (compared.groups, compared.notes) == (("a", "b"), ())
    assert picture.width == 4 * (CELL + GAP) + GAP
    name = 0 if "a" in old else NAME
    middle = TITLE + name + 105
    assert picture.getpixel((2 * (CELL + GAP) + 200, middle)) == CITYSCAPES.palette[9]  # of the last step
    assert picture.getpixel((picture.width - 200, middle)) == CITYSCAPES.palette[8]
    below = np.asarray(picture)[TITLE + 2 * (name + 210 + GAP) :].reshape(-1, 3)
    legend = {colour for colour in CITYSCAPES.palette if (below == colour).all(axis=1).sum() > 100}
    assert legend == {CITYSCAPES.palette[i] for i in (0, 1, 2, 8, 9)}


def test_pictures_stay_as_they_are(store, runs):
    drawn = panel(9)
    runs("a", {1: drawn})
    picture = side_by_side(Artifacts(store), groups(store)).picture
    for row, top in zip(drawn.layout.rows, (TITLE + NAME, TITLE + 2 * NAME + 210 + GAP), strict=True):
        for column in drawn.layout.columns:
            box = (column.left, row.top, column.left + column.width, row.top + row.height)
            here = (column.left, top, column.left + column.width, top + row.height)
            assert np.array_equal(np.asarray(picture.crop(here)), np.asarray(drawn.picture.crop(box)))


def test_what_is_measured_is_what_was_drawn():
    drawn = panel(9)
    measured = measured_layout(drawn.picture)
    assert measured.columns == drawn.layout.columns
    assert [(row.top, row.height) for row in measured.rows] == [(row.top, row.height) for row in drawn.layout.rows]
    assert dict(measured.classes) == dict(drawn.layout.classes)
    with pytest.raises(AnalysisError, match="a panel of 30 x 20 pixels shows no labels"):
        measured_layout(Image.new("RGB", (30, 20), (255, 255, 255)))


def test_other_images_and_no_panels_are_told(store, runs):
    runs("a", {10: panel(9)})
    runs("b", {10: panel(9, seed=1)})
    runs("c", {})
    runs("d", {10: panel(9, names=("a frame",))})
    compared = side_by_side(Artifacts(store), groups(store))
    assert compared.groups == ("a",)
    assert compared.notes == (
        "b: its panels show other images",
        "c: its first seed logged no panels of the target",
        "d: its panels show other images",
    )
    with pytest.raises(AnalysisError, match="no panels of the source here.*panels=4"):
        side_by_side(Artifacts(store), groups(store), "source")


def test_classes_in_other_colours_are_not_mixed(store, runs):
    runs("a", {10: panel(9)})
    other = panel(9)
    other.layout.classes["road"] = (1, 2, 3)
    runs("b", {10: other})
    assert side_by_side(Artifacts(store), groups(store)).notes == ("b: its panels have other colours",)


def described(change):
    """The layout of a panel, changed."""
    content = json.loads(panel(9).layout.to_json())
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("target_000010.png", "no picture", "panels/target_000010.png of run {} is no picture"),
        ("target_000010.json", "{", "panels/target_000010.json of run {} cannot be read: Expecting"),
        (
            "target_000010.json",
            "[]",
            "panels/target_000010.json of run {} cannot be read: this is not the description of a panel",
        ),
        (
            "target_000010.json",
            described(lambda content: content["rows"][1].update(height=9000)),
            "panels/target_000010.json of run {} does not fit its picture: it describes 1278 x 9",
        ),
        (
            "target_000010.json",
            described(lambda content: content["columns"].pop()),
            "with the columns image, label; the picture has 1284 x ",
        ),
    ],
)
def test_a_broken_file_is_named(store, runs, tmp_path, name, content, message):
    run_id = runs("a", {10: panel(9)})
    (tmp_path / name).write_text(content)
    MlflowClient().log_artifact(run_id, str(tmp_path / name), "panels")
    with pytest.raises(AnalysisError) as refused:
        side_by_side(Artifacts(store), groups(store))
    assert message.format(run_id) in str(refused.value)


def test_long_and_strange_names_are_cut(store, runs):
    name = "a'b\" 100% $x_1$ <b>\n\u202e " + "long " * 100
    runs(name[:200], {10: panel(9, names=(name, ""))})
    runs("b", {10: panel(9, names=("other name", ""))})
    assert side_by_side(Artifacts(store), groups(store)).picture.width == 4 * (CELL + GAP) + GAP


def test_artifacts_are_read_from_their_folder_and_through_a_client(store, runs, monkeypatch):
    run_id = runs("a", {10: panel(9)})
    local, remote = Artifacts(store), Artifacts(store)
    monkeypatch.setattr(remote, "_local", lambda run_id: None)
    for artifacts in (local, remote):
        assert artifacts.names(run_id, "panels") == ["target_000010.json", "target_000010.png"]
        assert artifacts.names(run_id, "nothing") == []
        assert Image.open(io.BytesIO(artifacts.read(run_id, "panels/target_000010.png"))).size[0] == 1284
        layout = schema.PanelLayout.from_json(artifacts.read(run_id, "panels/target_000010.json"))
        assert [row.sample for row in layout.rows] == ["a frame", "another"]
        with pytest.raises(AnalysisError, match=f"artifacts of run {run_id} cannot be read"):
            artifacts.read(run_id, "panels/none.png")
