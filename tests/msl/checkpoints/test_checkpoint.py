import pickle
from dataclasses import replace

import pytest
import torch

from msl.checkpoints import About, Checkpoint, NetworkAbout, load_network, read, write
from msl.checkpoints.style import style_network
from msl.config import ModelConfig
from msl.errors import CheckpointError
from msl.models import build_model

CLASSES = ["sky", "road"]
CONFIG = ModelConfig(width=0.25, num_classes=2)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_model(CONFIG)


@pytest.fixture
def saved(model):
    network = NetworkAbout(model=CONFIG, label_set="two", classes=tuple(CLASSES))
    return Checkpoint(about=About(group="g", network=network), step=3, weights=model.state_dict())


def test_a_network_comes_back(saved, model, tmp_path):
    path = tmp_path / "deep" / "last.pt"
    write(path, saved)
    loaded = load_network(read(path), path, CONFIG, CLASSES)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in loaded.state_dict().items())
    assert [p.name for p in path.parent.iterdir()] == ["last.pt"]


def test_a_write_that_fails_leaves_the_old_file_whole(saved, tmp_path, monkeypatch):
    path = tmp_path / "last.pt"
    write(path, saved)
    before = path.read_bytes()

    def tear(content, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", tear)
    with pytest.raises(CheckpointError, match="last.pt cannot be written: .*No space left"):
        write(path, saved)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("step", None, "its entry 'step' is missing"),
        ("weights", None, "its entry 'weights' is missing"),
        ("classes", None, "its entry 'classes' is missing"),
        ("weights", [1.0], "its entry weights is a list, no dict"),
        ("weights", {"head": "x"}, "its weight head is a str, no Tensor"),
        ("model", {"backbone": "resnet1"}, "backbone = 'resnet1': unknown"),
    ],
)
def test_a_file_that_lacks_something_is_told_and_not_half_read(saved, tmp_path, entry, value, message):
    path = tmp_path / "last.pt"
    write(path, saved)
    content = torch.load(path, weights_only=True)
    content.pop(entry)
    torch.save(content | ({} if value is None else {entry: value}), path)
    with pytest.raises(CheckpointError, match=f"last.pt is marked as a checkpoint of msl, but .*: {message}"):
        read(path)


def test_a_style_network_without_its_shape_is_told(saved, tmp_path):
    network = replace(saved.about.network, front={"channels": [4, 6, 8, 10], "style_size": None, "alpha": 1.0})
    with pytest.raises(CheckpointError, match=r"last.pt: the description of its style network lacks depths"):
        load_network(replace(saved, about=replace(saved.about, network=network)), tmp_path / "last.pt")
    decoder = replace(saved, about=About(group="g", style={"channels": [4, 6, 8, 10]}))
    with pytest.raises(CheckpointError, match=r"last.pt: the description of its style network lacks depths"):
        style_network(decoder, tmp_path / "last.pt", None)


def test_an_empty_file_is_told(tmp_path):
    (tmp_path / "last.pt").touch()
    with pytest.raises(CheckpointError, match=r"last.pt cannot be read: damaged, .* It is empty"):
        read(tmp_path / "last.pt")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backbone": "resnet18", "width": 1}, "backbone = mobilenet_v2, width = 0.25; .* ask for backbone = resnet18"),
        ({"multi": True}, "holds a network with multi = False; the settings ask for multi = True"),
        ({"num_classes": 5}, "num_classes = 2; .* num_classes = 5"),
    ],
)
def test_another_architecture_is_refused(saved, tmp_path, settings, message):
    with pytest.raises(CheckpointError, match=message):
        load_network(saved, tmp_path / "x.pt", CONFIG.model_copy(update=settings))


def test_other_classes_are_refused(saved, tmp_path):
    with pytest.raises(CheckpointError, match=r"predicts 2 classes \(sky, road\), the data has 1 \(sky\)"):
        load_network(saved, tmp_path / "x.pt", CONFIG, ["sky"])


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code from a checkpoint was run",))


def test_files_that_are_no_checkpoint_are_refused(saved, tmp_path):
    path = tmp_path / "x.pt"
    with pytest.raises(CheckpointError, match="x.pt: no such file"):
        read(path)
    write(path, saved)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="x.pt cannot be read"):
        read(path)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match="x.pt cannot be read"):
        read(path)
    torch.save(saved.weights, path)
    with pytest.raises(CheckpointError, match="x.pt is neither a checkpoint of msl nor of the authors"):
        read(path)
