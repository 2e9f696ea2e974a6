"""A resumed run is the run that was never interrupted, to the last bit."""

import json
import math
import platform
import signal
import time

import pytest
import torch
from mlflow.tracking import MlflowClient
from tiny import SETTINGS, artifact, checkpoint, request
from trainings import running_past, start, wait_for

from analysis import open_store
from msl.errors import CheckpointError, ConfigError, DataError, TrackingError
from msl.recipes import Request
from msl.runs import run as carry_out
from msl.tracking import reopen, reopened
from msl.training.callbacks import cadence

pytestmark = pytest.mark.usefixtures("tiny_store")

# Checkpoints fall between evaluations and within the intervals of the logged means.
LONG = {"max_iters": 14, "epoch_iters": 5, "eval_every": 5, "log_every": 4, "checkpoint_every": 3}


def assert_same(first, second, curves):
    assert curves(first) == curves(second)
    one, two = checkpoint(first), checkpoint(second)
    assert one["positions"] == two["positions"]
    assert torch.equal(one["random"]["cpu"], two["random"]["cpu"])
    assert all(torch.equal(one["weights"][name], two["weights"][name]) for name in one["weights"])
    assert one["optimizer"]["param_groups"] == two["optimizer"]["param_groups"]
    states = [saved["optimizer"]["state"] for saved in (one, two)]
    assert states[0]
    assert all(torch.equal(states[0][i][name], states[1][i][name]) for i in states[0] for name in states[0][i])
    teachers = [saved["callbacks"].get("teacher", {"steps": 0, "weights": {}}) for saved in (one, two)]
    assert teachers[0]["steps"] == teachers[1]["steps"]
    assert all(torch.equal(value, teachers[1]["weights"][name]) for name, value in teachers[0]["weights"].items())


SOLO = {"round_num": 3, "epoch_each_round": 1, "target_solo_epoch": 1}
SELF = {"pseudo_threshold": 0.3, "sampling": "rare_classes", "masking": "blocks", "mask_block": 16}
ADAMW = {"optimizer": "adamw", "lr": 1e-3, "betas": (0.8, 0.99), "clip_norm": 0.5, "warmup_iters": 12}


@pytest.mark.parametrize(
    ("stage", "changes"),
    [("pretrain", {}), ("adapt", {}), ("target_solo", SOLO), ("pretrain", ADAMW), ("self_train", SELF)],
)
def test_a_run_that_was_stopped_and_taken_up_is_the_whole_run(stage, changes, curves):
    changes = dict(changes)
    if stage != "pretrain":
        parent = carry_out(request("pretrain")).run_id
        changes["checkpoint"] = f"runs:/{parent}/checkpoints/last.pt"
    whole = carry_out(request(stage, **LONG, **changes))
    part = carry_out(request(stage, **{**LONG, **changes, "max_iters": 10}))
    recompute = stage in ("adapt", "self_train")  # another machine may have less memory, and computes the same bits
    resumed = carry_out(request(stage, resume=part.run_id, max_iters=14, recompute=recompute))
    assert resumed.run_id == part.run_id
    assert resumed.metrics == whole.metrics
    assert_same(whole.run_id, resumed.run_id, lambda run_id: without_finals(curves(run_id), at=10))


def without_finals(logged, at):
    """A run that ended at a step has logged final scores then, and cut an interval of means short.

    Of final scores the newest are those of the whole run.
    """
    cut = (at, at + 2)
    newest = {name: max(step for other, step in logged if other == name) for name, _ in logged}
    return {
        (name, step): value
        for (name, step), value in logged.items()
        if not (name.startswith(("best/", "last/")) and step < newest[name])
        and not (name.startswith(("loss/", "lr", "epoch", "self_train/", "adaptation/")) and step in cut)
    }


def wait_until_failed(run_id):
    """The sender, which outlives the training, says what happened."""
    deadline = time.monotonic() + 60
    while (run := MlflowClient().get_run(run_id)).info.status == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert run.info.status == "FAILED"
    assert "ended without a word" in run.data.tags["msl.error"]


def stored_rows(run_id):
    """Every row that is in the store, but for times and memory."""
    client = MlflowClient()
    names = [name for name in client.get_run(run_id).data.metrics if not name.startswith(("speed/", "memory/"))]
    return {name: [(m.step, m.value) for m in client.get_metric_history(run_id, name)] for name in names}


def test_a_killed_run_goes_on_as_if_nothing_had_happened(curves, tiny_store):
    settings = {**SETTINGS, **LONG, "max_iters": 80}
    whole = carry_out(request("pretrain", **{**LONG, "max_iters": 80}))
    MlflowClient().delete_run(whole.run_id)  # out of the way of the search below
    with start("pretrain", **settings) as process:
        run_id = wait_for(running_past(12), process)
        process.send_signal(signal.SIGKILL)
    wait_until_failed(run_id)

    resumed = carry_out(request("pretrain", resume=run_id))
    MlflowClient().restore_run(whole.run_id)
    assert_same(whole.run_id, resumed.run_id, curves)
    assert MlflowClient().get_run(run_id).info.status == "FINISHED"
    tags = MlflowClient().get_run(run_id).data.tags
    assert tags["msl.attempt"] == "2"
    assert stored_rows(run_id) == stored_rows(whole.run_id)  # no row twice, and none that says "superseded"


def test_a_run_without_a_checkpoint_begins_anew(curves):
    whole = carry_out(request("pretrain"))
    failed = request("pretrain", lr=1e30)
    with pytest.raises(Exception, match="at step"):
        carry_out(failed)
    (run,) = MlflowClient().search_runs(["0"], "attributes.status = 'FAILED'")
    with pytest.raises(Exception, match="at step"):  # its settings are still its own
        carry_out(request("pretrain", resume=run.info.run_id))
    assert curves(whole.run_id)


def test_what_may_not_change_is_refused_and_nothing_is_touched():
    run_id = carry_out(request("pretrain")).run_id
    changeable = "cache, compile, data_root, deterministic, device, max_iters, nproc, num_workers, profile, "
    changeable += "recompute, skip_bad, sync_bn, threads"
    with pytest.raises(ConfigError, match=f"leave out lr. Only {changeable}"):
        carry_out(request("pretrain", resume=run_id, lr=0.5))
    with pytest.raises(TrackingError, match="is of stage pretrain: resume it with -e pretrain"):
        carry_out(request("adapt", resume=run_id))
    assert MlflowClient().get_run(run_id).info.status == "FINISHED"


def test_a_run_never_has_fewer_iterations_than_it_went():
    run_id = carry_out(request("pretrain")).run_id
    with pytest.raises(ConfigError, match="max_iters = 2: the run already has 4 iterations. Pass 4 or more"):
        carry_out(request("pretrain", resume=run_id, max_iters=2))


@pytest.mark.parametrize("content", [b"", b"torn"])
def test_a_run_whose_checkpoint_is_damaged_stays_as_it_was(content):
    run_id = carry_out(request("pretrain")).run_id
    artifact(run_id, "checkpoints/last.pt").write_bytes(content)
    before = MlflowClient().get_run(run_id)
    with pytest.raises(CheckpointError, match="last.pt cannot be read: damaged"):
        carry_out(request("pretrain", resume=run_id, max_iters=6))
    after = MlflowClient().get_run(run_id)
    assert (after.info.status, after.data.tags) == ("FINISHED", before.data.tags)


def failed_before_its_first_checkpoint(tmp_path):
    """The run, which started from a file, and that file."""
    parent = carry_out(request("pretrain")).run_id
    start_file = tmp_path / "start.pt"
    start_file.write_bytes(artifact(parent, "checkpoints/last.pt").read_bytes())
    with pytest.raises(Exception, match="at step"):
        carry_out(request("adapt", checkpoint="start.pt", lr=1e30, eval_every=100))
    (run,) = MlflowClient().search_runs(["0"], "attributes.status = 'FAILED'")
    return run, start_file


def test_a_run_whose_start_is_gone_stays_as_it_was(tmp_path):
    before, start_file = failed_before_its_first_checkpoint(tmp_path)
    start_file.unlink()
    with pytest.raises(CheckpointError, match=r"checkpoint = start\.pt: no such file"):
        carry_out(request("adapt", resume=before.info.run_id))
    assert MlflowClient().get_run(before.info.run_id).data.tags == before.data.tags


def test_classes_that_a_file_describes_are_read_again(tmp_path):
    text = (tmp_path / "tiny.yaml").read_text()
    (tmp_path / "few.yaml").write_text(f"{text}classes: [road, sky, car]\n".replace("name: tiny", "name: few"))
    run_id = carry_out(request("pretrain", label_set="few.yaml")).run_id
    assert carry_out(request("pretrain", resume=run_id, max_iters=6)).run_id == run_id
    assert checkpoint(run_id)["classes"] == ["road", "sky", "car"]


def test_a_run_that_is_not_there_is_refused():
    with pytest.raises(TrackingError, match="run 0123 cannot be read back"):
        carry_out(request("pretrain", resume="0123"))


def test_data_that_changed_meanwhile_is_refused(tmp_path):
    run_id = carry_out(request("pretrain")).run_id
    (tmp_path / "tiny.yaml").write_text((tmp_path / "tiny.yaml").read_text() + "seed: 1\n")
    with pytest.raises(DataError, match="its data has changed"):
        carry_out(request("pretrain", resume=run_id, max_iters=8))


def test_a_torn_upload_does_not_matter(tmp_path):
    """A kill in the middle of copying into a local artifact store; the copy beside the process is whole."""
    run_id = carry_out(request("pretrain")).run_id
    path = artifact(run_id, "checkpoints/last.pt")
    local = tmp_path / ".msl" / run_id / "last.pt"
    local.parent.mkdir(parents=True)
    local.write_bytes(path.read_bytes())
    path.write_bytes(local.read_bytes()[:1000])
    assert carry_out(request("pretrain", resume=run_id, max_iters=6)).run_id == run_id
    assert checkpoint(run_id)["step"] == 6


def test_checkpoints_by_time_change_nothing(curves, monkeypatch):
    """A checkpoint after every step, written while the next steps run."""
    plain = carry_out(request("pretrain", **ADAMW, **LONG)).run_id
    monkeypatch.setattr(cadence, "INTERVAL_S", 0.0)
    monkeypatch.setattr(cadence, "LARGEST_SHARE", math.inf)
    timed = carry_out(request("pretrain", **ADAMW, **LONG, checkpoint_minutes=1e-9)).run_id
    assert_same(plain, timed, curves)


def test_a_damaged_checkpoint_costs_one_generation(tmp_path, caplog):
    """A bit of the newest has changed on both sides; the training goes on from the one before, and ends alike."""
    whole = carry_out(request("pretrain", **LONG)).run_id
    run_id = carry_out(request("pretrain", **{**LONG, "max_iters": 10})).run_id
    older = carry_out(request("pretrain", **{**LONG, "max_iters": 9})).run_id
    folder, uploaded = tmp_path / ".msl" / run_id, artifact(run_id, "checkpoints/last.pt")
    folder.mkdir(parents=True)
    (folder / "last.previous.pt").write_bytes(artifact(older, "checkpoints/last.pt").read_bytes())
    content = bytearray(uploaded.read_bytes())
    content[len(content) // 2] ^= 1
    for path in (uploaded, folder / "last.pt"):
        path.write_bytes(content)
    carry_out(request("pretrain", resume=run_id, max_iters=14))
    assert f"{folder / 'last.pt'} cannot be read: damaged" in caplog.text
    assert f"The run continues from {folder / 'last.previous.pt'} instead, at step 9." in caplog.text
    weights = [checkpoint(run)["weights"] for run in (whole, run_id)]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_two_processes_do_not_train_one_run():
    with start("pretrain", **{**SETTINGS, "max_iters": 400, "eval_every": 4}) as process:
        run_id = wait_for(running_past(8), process)
        with pytest.raises(TrackingError, match="another process on this machine is training run"):
            carry_out(request("pretrain", resume=run_id))
        process.kill()


def test_a_finished_run_is_said_to_be_finished(caplog):
    caplog.set_level("INFO", "msl")
    run_id = carry_out(request("pretrain", max_iters=2)).run_id
    caplog.clear()
    carry_out(request("pretrain", resume=run_id))
    assert f"pretrain: run {run_id} is finished: it has all its 2 iterations" in caplog.text
    carry_out(request("pretrain", resume=run_id, max_iters=3))
    assert f"pretrain: run {run_id} continues at step 2" in caplog.text


def test_other_code_is_refused_unless_it_is_forced_and_then_the_run_says_so():
    run_id, client = carry_out(request("pretrain")).run_id, MlflowClient()
    client.set_tag(run_id, "msl.code.digest", "0123456789abcdef")  # as if msl had changed since
    before = client.get_run(run_id)
    with pytest.raises(ConfigError, match=r"the code that decides its result has changed since commit .* force=true"):
        carry_out(request("pretrain", resume=run_id, max_iters=6))
    after = client.get_run(run_id)
    assert (after.info, after.data.tags) == (before.info, before.data.tags)

    forced = Request.of(stage="pretrain", recipe="streets", overrides={"max_iters": 6}, resume=run_id, force=True)
    carry_out(forced)
    tags = client.get_run(run_id).data.tags
    assert (tags["msl.forced"], tags["msl.fingerprint"]) == ("2", "")
    assert tags["msl.code.digest"] != "0123456789abcdef"
    codes = [start["code"] for start in json.loads(artifact(run_id, "config.json").read_text())["attempts"]]
    assert codes == [tags["msl.code.digest"]] * 2  # the tag alone was changed here


def test_what_a_resume_changes_is_described_anew(tiny_store):
    run_id, client = carry_out(request("pretrain")).run_id, MlflowClient()
    carry_out(request("pretrain", resume=run_id, max_iters=6))
    assert client.get_run(run_id).data.params["cfg.max_iters"] == "4"  # MLflow's parameters cannot change
    (row,) = open_store(tiny_store).runs().to_dict("records")
    assert row["cfg.max_iters"] == "6"
    record = json.loads(artifact(run_id, "config.json").read_text())
    assert record["settings"]["max_iters"] == 6
    assert [(one["attempt"], one["step"], one["settings"]["max_iters"]) for one in record["attempts"]] == [
        (1, 0, 4),
        (2, 4, 6),
    ]
    assert all(one["machine"] == platform.node() for one in record["attempts"])
    carry_out(request("pretrain", resume=run_id, max_iters=8))
    (row,) = open_store(tiny_store).runs().to_dict("records")
    assert row["cfg.max_iters"] == "8"


def test_a_start_that_is_no_network_is_refused_before_the_run_changes(tmp_path):
    before, start_file = failed_before_its_first_checkpoint(tmp_path)
    torch.save({"format": 1, "weights": {}}, start_file)
    with pytest.raises(CheckpointError):
        carry_out(request("adapt", resume=before.info.run_id))
    after = MlflowClient().get_run(before.info.run_id)
    assert (after.info, after.data.tags) == (before.info, before.data.tags)


def test_what_was_said_of_the_end_goes_when_the_run_goes_on():
    with pytest.raises(Exception, match="at step"):
        carry_out(request("pretrain", lr=1e30, max_iters=4, eval_every=100))
    (run,) = MlflowClient().search_runs(["0"])
    assert {"msl.error", "msl.status"} <= set(run.data.tags)
    reopen(reopened(MlflowClient(), run.info.run_id))
    assert not {"msl.error", "msl.status"} & set(MlflowClient().get_run(run.info.run_id).data.tags)
