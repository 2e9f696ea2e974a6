"""A styled copy is whole, whatever was killed or damaged, and each process that makes it says with whom."""

import os
import platform
import signal
import sys
import time
from pathlib import Path

import data_factory
import pytest
from mlflow.tracking import MlflowClient
from tiny import request
from trainings import started, wait_for

from msl.data import open_domain
from msl.errors import DataError
from msl.recipes import Request
from msl.runs import run as carry_out

pytestmark = pytest.mark.usefixtures("tiny_store")

HOST = platform.node()
SETTINGS = {"method": "colour", "content": "camvid_day", "style": "photographs", "image_format": "png"}


@pytest.fixture(autouse=True)
def photographs(tmp_path):
    data_factory.save(data_factory.picture(0, (40, 48)), tmp_path / "photographs" / "0.png")


@pytest.fixture
def stylize(tmp_path):
    """Make the copy, or complete it."""
    data_factory.camvid(tmp_path)
    settings = SETTINGS | {"data_root": str(tmp_path)}
    return lambda: carry_out(Request.of(stage="stylize", recipe="streets", overrides=settings, resume=None))


def images_of(file):
    return sorted(path for split in ("train", "val") for path in (Path(file).parent / split).rglob("*.png"))


def flip(path):
    """Change one bit in the middle, and neither size nor time."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def cut(path):
    path.write_bytes(path.read_bytes()[:100])


def replace(path):
    data_factory.save(data_factory.picture(5, (8, 8)), path)


@pytest.mark.parametrize("damage", [flip, cut, replace])
def test_a_damaged_image_is_made_again_and_no_other(damage, stylize, caplog):
    copy = stylize()
    images = images_of(copy.result)
    before = {path: path.read_bytes() for path in images}
    times = {path: path.stat().st_mtime_ns for path in images}
    damage(images[1])
    again = stylize()
    assert (again.result, again.images_made) == (copy.result, 1)
    assert f"{images[1]} is damaged, as its SHA-256 says: it is made again" in caplog.text
    assert {path: path.read_bytes() for path in images} == before
    assert [path for path in images if path.stat().st_mtime_ns != times[path]] in ([images[1]], [])


def test_an_image_that_changed_is_named_before_a_training(stylize):
    copy = stylize()
    image = images_of(copy.result)[0]
    replace(image)
    told = rf"1 of \d+ samples cannot be used: 1 changed\n.*{image.name}.*as its SHA-256 says: run stylize again"
    with pytest.raises(DataError, match=told):
        carry_out(request("pretrain", source=copy.result, target=None))
    assert stylize().images_made == 1
    assert open_domain(copy.result).inspect().problems == []


def test_a_copy_of_older_code_is_checked_by_decoding_and_then_proved(stylize):
    copy = stylize()
    (Path(copy.result).parent / ".digests.jsonl").unlink()
    images = images_of(copy.result)
    cut(images[0])
    assert stylize().images_made == 1
    flip(images[1])
    assert stylize().images_made == 1


@pytest.mark.parametrize("cut_at", [0.3, 0.99])
def test_digests_that_a_power_cut_has_torn_cost_nothing(cut_at, stylize):
    copy = stylize()
    file = Path(copy.result).parent / ".digests.jsonl"
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * cut_at)])
    assert stylize().images_made == 0
    flip(images_of(copy.result)[-1])
    assert stylize().images_made == 1


def command():
    Path("many.yaml").write_text("name: many\nlayout: streets\nsize: 512,256\ncount: {train: 60, val: 1}\n")
    options = [
        "--content",
        "many.yaml",
        "--method",
        "colour",
        "--style",
        "photographs",
        "--threads",
        "1",
        "--image_format",
        "png",
    ]
    return [sys.executable, "-m", "entrypoints.stylize", *options]


def made():
    folder = next(Path().glob("styled/many_photographs*"), None)
    images = [] if folder is None else [path for path in folder.rglob("train/**/*.png") if path.name[0] != "."]
    return [path for path in images if "labels" not in path.parts]


def test_the_second_process_says_who_makes_the_copy_and_goes_on_when_the_first_dies(tmp_path):
    with started(command()) as first:
        wait_for(lambda: len(made()) > 3, first)
        first.send_signal(signal.SIGSTOP)  # within an image
        (first_run,) = [run.info.run_id for run in MlflowClient().search_runs(["0"])]
        with started(command()) as second:
            client = MlflowClient()

            def progress():
                runs = [run for run in client.search_runs(["0"]) if run.info.run_id != first_run]
                return runs[0].data.tags.get("msl.progress") if runs else None

            def shared():
                return (progress() or "").endswith(
                    f"made together with run {first_run} (process {first.pid} on {HOST})"
                )

            wait_for(shared, second)
            first.kill()
            output, _ = second.communicate(timeout=240)
        assert second.returncode == 0, output
    assert f"run {first_run} (process {first.pid} on {HOST}) makes this copy, too" in output
    assert f"run {first_run} (process {first.pid} on {HOST}) has ended; this run makes what is left" in output
    assert progress() == "61 of 61 images"
    assert len(made()) == 60
    folder = next(Path().glob("styled/many_photographs*"))
    assert list(folder.rglob("*.tmp*")) == []
    assert [path.name for path in (folder / ".makers").iterdir()] == ["lock"]


def test_a_copy_killed_again_and_again_is_the_copy(tmp_path):
    """Each process is killed a moment later than the one before; leftovers go when the copy is complete."""
    for pause_s in (0.0, 0.05, 0.1, 0.15, 0.2, 0.3):
        with started(command()) as process:
            count = len(made())
            wait_for(lambda count=count: len(made()) > count, process)
            time.sleep(pause_s)
            process.kill()
            process.wait()
    folder = made()[0].parent
    while folder.parent.name != "styled":
        folder = folder.parent
    leftover = folder / "train" / ".000001.4711.tmp.png"
    leftover.write_bytes(b"half")
    assert not list(folder.glob("*.yaml"))
    with started(command()) as process:
        output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    assert len(made()) == 60
    assert list(folder.rglob("*.tmp*")) == []
    killed = {path.relative_to(folder): path.read_bytes() for path in made()}
    folder.rename("killed")
    with started(command()) as process:
        process.communicate(timeout=240)
    assert {path.relative_to(folder): path.read_bytes() for path in made()} == killed
