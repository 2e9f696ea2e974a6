import numpy as np
import pytest
import torch
from PIL import Image

from msl.data.images import decode_ids
from msl.errors import ConfigError
from msl.files import whole_file
from msl.labels import CITYSCAPES_IDS, find_label_set
from msl.scoring.exports import LabelFiles


@pytest.mark.parametrize("name", ["cityscapes19", "synthia16", "crosscity13"])
def test_what_is_written_reads_back_as_the_prediction(name, tmp_path):
    label_set = find_label_set(name)
    prediction = torch.arange(len(label_set), dtype=torch.uint8).repeat(3, 2)
    LabelFiles(tmp_path / "out", label_set)("val/aachen_000000_000019", prediction)
    path = tmp_path / "out/val/aachen_000000_000019_pred_labelIds.png"
    table = np.frombuffer(label_set.table(CITYSCAPES_IDS), np.uint8)
    raw = decode_ids(path.read_bytes())
    assert np.array_equal(table[raw], prediction.numpy())
    assert raw[0, 0] == 7  # road
    colours = np.asarray(Image.open(path).convert("RGB"))
    assert colours[0, : len(label_set)].tolist() == [list(colour) for colour in label_set.palette]


def test_classes_that_are_not_cityscapes_keep_their_train_ids(tmp_path):
    label_set = find_label_set("camvid11")
    prediction = torch.arange(11, dtype=torch.uint8)[None]
    LabelFiles(tmp_path, label_set)("val/a", prediction)
    raw = decode_ids((tmp_path / "val/a_pred_trainIds.png").read_bytes())
    assert np.array_equal(raw, prediction.numpy())


def test_a_folder_that_cannot_be_is_refused_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=".*/file/out cannot be written: Not a directory. Name another"):
        LabelFiles(tmp_path / "file/out", find_label_set("camvid11"))


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "a_pred_trainIds.png").mkdir()
    with pytest.raises(ConfigError, match="a_pred_trainIds.png cannot be written: Is a directory"):
        LabelFiles(tmp_path, find_label_set("camvid11"))("a", torch.zeros(2, 2, dtype=torch.uint8))


def test_own_ids_are_written_where_they_are_asked_for(tmp_path):
    prediction = torch.arange(19, dtype=torch.uint8)[None]
    LabelFiles(tmp_path, find_label_set("cityscapes19"), train_ids=True)("a", prediction)
    assert np.array_equal(decode_ids((tmp_path / "a_pred_trainIds.png").read_bytes()), prediction.numpy())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_file_is_the_old_one_until_it_is_whole(error, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises((ConfigError, KeyboardInterrupt)), whole_file(path, ConfigError) as temporary:
        temporary.write_text("ne")
        raise error
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.txt", "old")]
    with whole_file(path, ConfigError) as temporary:
        temporary.write_text("new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.txt", "new")]
