import io

import numpy as np
import pytest
import torch
from mlflow.tracking import MlflowClient
from PIL import Image

from analysis import open_store
from analysis.errors import AnalysisError
from analysis.figures.panels import panels
from analysis.seeds.groups import seed_groups
from analysis.store.artifacts import Artifacts
from msl.labels import LABEL_SETS
from msl.scoring.panels import sheet

CITYSCAPES = LABEL_SETS["cityscapes19"]
CELL, GAP = 420, 6


def logged(prediction, seed=0):
    """A sheet as a run logs it: the predictions are all of one class."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (3, 10, 20), generator=generator, dtype=torch.uint8)
    label = torch.randint(0, 3, (10, 20), generator=generator)
    return sheet([("name", image, label, torch.full((10, 20), prediction))], CITYSCAPES)


@pytest.fixture
def runs(store, add_run, tmp_path):
    """Adds a run with sheets by file name."""

    def add(group, sheets):
        run_id = add_run(group, 0, {"last/target/mIoU": 1.0})
        for name, picture in sheets.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            picture.save(tmp_path / name)
            MlflowClient().log_artifact(run_id, str(tmp_path / name), "panels")
        return run_id

    return add


def groups(store):
    return list(seed_groups(open_store(store).runs()).values())


def test_predictions_stand_side_by_side_with_one_legend(store, runs):
    runs("a", {"target_000010.png": logged(9), "target_000002.png": logged(3)})
    runs("b", {"target_000010.png": logged(8)})
    picture, shown, missing = panels(Artifacts(store), groups(store))
    assert (shown, missing) == (["a", "b"], [])
    assert picture.width == 4 * (CELL + GAP) + GAP
    middle = 30 + 26 + 105
    assert picture.getpixel((2 * (CELL + GAP) + 200, middle)) == CITYSCAPES.palette[9]  # of the last step
    assert picture.getpixel((picture.width - 200, middle)) == CITYSCAPES.palette[8]
    below = np.asarray(picture)[30 + 26 + 210 :].reshape(-1, 3)
    legend = {colour for colour in CITYSCAPES.palette if (below == colour).all(axis=1).sum() > 100}
    assert legend == {CITYSCAPES.palette[i] for i in (0, 1, 2, 8, 9)}


def test_other_images_and_no_sheets_are_told(store, runs):
    runs("a", {"target_000010.png": logged(9)})
    runs("b", {"target_000010.png": logged(9, seed=1)})
    runs("c", {})
    _, shown, missing = panels(Artifacts(store), groups(store))
    assert shown == ["a"]
    assert missing == ["b: its panels show other images", "c: its first seed logged no panels of the target"]
    with pytest.raises(AnalysisError, match="no panels of the source here.*panels=4"):
        panels(Artifacts(store), groups(store), "source")


def test_a_broken_picture_is_named(store, runs, tmp_path):
    run_id = runs("a", {"target_000010.png": logged(9)})
    path = tmp_path / "target_000010.png"
    path.write_bytes(b"no picture")
    MlflowClient().log_artifact(run_id, str(path), "panels")
    with pytest.raises(AnalysisError, match=f"panels/target_000010.png of run {run_id} is no picture"):
        panels(Artifacts(store), groups(store))


def test_artifacts_are_read_from_their_folder_and_through_a_client(store, runs, monkeypatch):
    run_id = runs("a", {"target_000010.png": logged(9)})
    local, remote = Artifacts(store), Artifacts(store)
    monkeypatch.setattr(remote, "_local", lambda run_id: None)
    for artifacts in (local, remote):
        assert artifacts.names(run_id, "panels") == ["target_000010.png"]
        assert artifacts.names(run_id, "nothing") == []
        assert Image.open(io.BytesIO(artifacts.read(run_id, "panels/target_000010.png"))).size[0] == 1284
        with pytest.raises(AnalysisError, match=f"artifacts of run {run_id} cannot be read"):
            artifacts.read(run_id, "panels/none.png")
