"""Whatever is wrong: one error that says what, where and the way out; the run FAILED; nothing trained."""

from pathlib import Path

import data_factory as factory
import pytest
import torch
from mlflow.tracking import MlflowClient
from tiny import checkpoint, request
from torch import nn

from msl import schema
from msl.config import EvaluateConfig
from msl.config.catalog import NETWORKS
from msl.errors import CheckpointError, ConfigError, DataError, DivergedError, TrackingError
from msl.models.deeplabv2 import DeepLabV2
from msl.runs import run as carry_out
from msl.stages.evaluate import evaluate

pytestmark = pytest.mark.usefixtures("tiny_store")


def only_run():
    (run,) = MlflowClient().search_runs(["0"])
    return run


def assert_failed(error):
    run = only_run()
    assert run.info.status == "FAILED"
    assert run.info.end_time is not None
    assert run.data.tags[schema.ERROR].startswith(f"{error.__name__}: ")
    assert "loss/source" not in run.data.metrics


CAMVID = {"source": "camvid_day", "target": "camvid_dusk", "data_root": "data", "crop_size": (40, 24)}


def truncate(path: Path):
    path.write_bytes(path.read_bytes()[:-50])


BROKEN_DATA = {
    "an unreadable image": (
        lambda root: truncate(root / "train/0016E5_00001.png"),
        r"camvid_day/train: 1 of 3 samples cannot be used: 1 unreadable\n  .*train/0016E5_00001.png: cannot be read.*"
        r"-e validate lists them all. -P skip_bad=true leaves them out.",
    ),
    "an unreadable image of the target": (
        lambda root: truncate(root / "train/0001TP_000001.png"),
        r"camvid_dusk/train: .*0001TP_000001.png: cannot be read",
    ),
    "an image without label": (
        lambda root: (root / "trainannot/0016E5_00001.png").unlink(),
        r"trainannot/0016E5_00001.png: no such file \(label of 0016E5_00001.png\)",
    ),
    "a label of another size": (
        lambda root: factory.save(factory.label(0, [1], (10, 10)), root / "trainannot/0016E5_00001.png"),
        r"the label is 10x10, its image 40x24",
    ),
    "a label id outside the table": (
        lambda root: factory.save(factory.label(0, [99]), root / "valannot/0016E5_00100.png"),
        r"camvid_day/val: .*ids \[99\] are not defined",
    ),
    "an empty split": (lambda root: (root / "test.txt").write_text(""), r"camvid_dusk: no image of split 'val'"),
    "a missing list": (lambda root: (root / "train.txt").unlink(), r"the list .*train.txt does not exist"),
}


@pytest.mark.parametrize("case", BROKEN_DATA)
def test_broken_data(case, tmp_path):
    break_it, message = BROKEN_DATA[case]
    break_it(factory.camvid(tmp_path / "data") / "camvid")
    with pytest.raises(DataError, match=f"(?s){message}"):
        carry_out(request("adapt", **CAMVID))
    assert_failed(DataError)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"source": "strets"}, ConfigError, "domain 'strets' is unknown. Did you mean streets"),
        ({"source": "cityscapes"}, DataError, "pass data_root=FOLDER or set MSL_DATA"),
        ({"source": "cityscapes", "data_root": "/nowhere"}, DataError, "data_root = /nowhere: no such folder"),
        ({"label_set": "city"}, ConfigError, "label_set = 'city' is unknown: choose one of cityscapes19"),
        ({"target": None}, ConfigError, "target = none: this stage trains on a target"),
        ({"weights": "imagenet"}, CheckpointError, "exist only for width = 1"),
    ],
)
def test_bad_settings(settings, error, message):
    with pytest.raises(error, match=message):
        carry_out(request("adapt", **settings))
    runs = MlflowClient().search_runs(["0"])
    assert {run.info.status for run in runs} == {"FAILED"}
    assert all(schema.ERROR in run.data.tags for run in runs)


class Flat(DeepLabV2):
    """A network that repeats nothing."""

    def __init__(self, config, backbone):
        super().__init__(config, backbone)
        self.backbone.network = nn.ModuleDict()


def test_a_network_without_blocks_cannot_recompute(monkeypatch):
    monkeypatch.setitem(NETWORKS._entries, "flat", f"{Flat.__module__}:Flat")
    with pytest.raises(ConfigError, match="recompute = true: the backbone has no blocks"):
        carry_out(request("pretrain", network="flat", recompute=True))
    assert MlflowClient().search_runs(["0"]) == []


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"device": "cuda:77"}, ConfigError, "device = cuda:77 cannot be used here"),
        ({"device": "abacus"}, ConfigError, "device = abacus cannot be used here"),
        (
            {"recompute": True, "compile": "network"},
            ConfigError,
            "does not go with compile = network.* pass compile=auto",
        ),
        ({"checkpoint": "nowhere.pt"}, CheckpointError, "nowhere.pt: no such file. Pass a path or runs:/RUN_ID"),
        (
            {"checkpoint": "runs:/0123/checkpoints/last.pt"},
            CheckpointError,
            "run 0123 cannot be found in the run store",
        ),
        ({"checkpoint": "runs:/0123"}, CheckpointError, "checkpoint = runs:/0123: run 0123 cannot be found"),
        ({"weights": "state.pth"}, CheckpointError, "weights = state.pth does not fit the network: .* missing"),
    ],
)
def test_a_cheap_mistake_makes_no_run(settings, error, message):
    torch.save({"layer.weight": torch.zeros(1)}, "state.pth")
    with pytest.raises(error, match=message):
        carry_out(request("adapt", **settings))
    assert MlflowClient().search_runs(["0"]) == []


@pytest.mark.parametrize("stage", ["pretrain", "adapt"])
def test_an_option_out_of_range_makes_no_run(stage):
    with pytest.raises(ConfigError, match="lr = -1"):
        carry_out(request(stage, lr=-1))
    assert MlflowClient().search_runs(["0"]) == []


def saved_elsewhere(tmp_path, **changes):
    carry_out(request("pretrain"))
    (run,) = MlflowClient().search_runs(["0"])
    path = tmp_path / "saved.pt"
    torch.save({**checkpoint(run.info.run_id), **changes}, path)
    MlflowClient().delete_run(run.info.run_id)
    return str(path)


def test_a_checkpoint_of_another_architecture(tmp_path):
    path = saved_elsewhere(tmp_path)
    with pytest.raises(CheckpointError, match="holds a network with width = 0.25, multi = False; .* multi = True"):
        carry_out(request("adapt", checkpoint=path, multi=True, width=0.5))
    assert MlflowClient().search_runs(["0"]) == []


def test_a_checkpoint_of_another_class_count(tmp_path):
    path = saved_elsewhere(tmp_path)
    with pytest.raises(CheckpointError, match=r"predicts 19 classes .*, the data has 13 .*label_set=cityscapes19"):
        carry_out(request("adapt", checkpoint=path, label_set="crosscity13"))
    assert MlflowClient().search_runs(["0"]) == []


def test_a_damaged_checkpoint(tmp_path):
    path = saved_elsewhere(tmp_path)
    truncate(Path(path))
    with pytest.raises(CheckpointError, match="saved.pt cannot be read"):
        carry_out(request("adapt", checkpoint=path))
    assert MlflowClient().search_runs(["0"]) == []
    with pytest.raises(CheckpointError, match="saved.pt cannot be read"):
        evaluate(EvaluateConfig.of(checkpoint=path))


def test_a_state_dict_is_no_checkpoint_of_ours(tmp_path):
    torch.save({"layer": torch.zeros(1)}, tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="w.pt is neither a checkpoint of msl nor of the authors"):
        carry_out(request("adapt", checkpoint=str(tmp_path / "w.pt")))
    assert MlflowClient().search_runs(["0"]) == []


def test_a_work_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MSL_WORK", str(tmp_path / "file" / "work"))
    with pytest.raises(
        TrackingError, match="file/work/.* cannot be written: Not a directory. Set MSL_WORK to another folder"
    ):
        carry_out(request("pretrain"))
    assert_failed(TrackingError)


def test_an_artifact_store_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    client = MlflowClient()
    client.create_experiment("elsewhere", artifact_location=str(tmp_path / "file" / "artifacts"))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "elsewhere")
    with pytest.raises(TrackingError, match="artifacts of the run cannot be written to .*file/artifacts"):
        carry_out(request("pretrain"))
    (run,) = client.search_runs([client.get_experiment_by_name("elsewhere").experiment_id])
    assert run.info.status == "FAILED"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("http://127.0.0.1:9", r"tracking store http://127.0.0.1:9 cannot be used: .*refused.*`make serve`"),
        ("file:///tmp/mlruns", "is a file store, which MLflow no longer supports. Set MLFLOW_TRACKING_URI"),
        ("sqlite:////dev/null/mlflow.db", "tracking store sqlite:////dev/null/mlflow.db cannot be used"),
    ],
)
def test_a_tracking_store_that_cannot_be_reached(uri, message, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackingError, match=message):
        carry_out(request("pretrain"))


def test_a_deleted_experiment(monkeypatch):
    client = MlflowClient()
    client.delete_experiment(client.create_experiment("gone"))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "gone")
    with pytest.raises(TrackingError, match="experiment 'gone' is deleted: restore it or"):
        carry_out(request("pretrain"))


def test_a_loss_that_is_no_number_ends_the_run_with_step_and_batch():
    with pytest.raises(DivergedError, match=r"loss/source = nan at step \d+ \(batch source: streets/train/0000\d, "):
        carry_out(request("pretrain", lr=1e30, max_iters=20, eval_every=20))
    run = only_run()
    assert run.info.status == "FAILED"
    assert "loss/source = nan" in run.data.tags[schema.ERROR]
