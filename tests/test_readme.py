"""README and docs, walked as a reader walks them: every line of their blocks is run as it is written.

The walk takes place in a copy of the checkout with one run store. The lines stay as they are: recipes are small
(tests/small_recipes); FOLDER, IMAGES, GTA5_source.pth, … are files of the copy; what a reader has to fill in, such as
RUN_ID, is filled in, and ports that may be in use are replaced. Every line belongs to one class below.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import data_factory
import pytest
import torch
import torchvision.models as zoo
from conftest import REPOSITORY
from mlflow.tracking import MlflowClient
from PIL import Image
from ports import held_port
from test_docs import FENCE

from msl.style import VGG, Encoder

pytestmark = pytest.mark.xdist_group("readme")  # one worker walks, in the order of the pages

# In this order: a page may use what the pages before it have made.
PAGES = (
    "README.md",
    "docs/experiments.md",
    "docs/commands.md",
    "docs/prediction.md",
    "docs/style.md",
    "docs/service.md",
)

CLASSES = {
    "shell": re.compile(r"source |export "),  # stays in force for the rest of the page
    "server": re.compile(r"make serve|mlflow models serve "),  # goes on in the background
    "run": re.compile(
        r"make demo|mlflow run \. |mlflow models predict |python -m (entrypoints|analysis)\b|msl "
        r"|\(printf .*\| curl |printf "
    ),
    "elsewhere": re.compile(r"docker"),  # needs Docker: tests/test_docker.py
}
# What a line must print besides ending well.
PRINTED = {
    "make demo": "adapt streets_dusk [1,2,3]",
    "python -m analysis table": "adapt streets_dusk lambda_target=0.09",
    "python -m analysis report": "report.html",
    "python -m entrypoints.adapt --recipe gta5_cityscapes": '"source": "gta5"',
    "msl table": "pretrain streets",
    "(printf": '"confidence"',
    "mlflow models predict": '"confidence"',
}
_PATIENCE_S = 600
_OUTPUT = "Target scores"  # how the one block begins that is no command
_COMMENT = re.compile(r"\s+# .*")
_ROAD, _CAR = 7, 26  # Cityscapes' labelIds


def shell_lines(page: str) -> Iterator[str]:
    """Each line of a page's blocks without a language; continued lines are joined."""
    for block in FENCE.finditer((REPOSITORY / page).read_text()):
        if block["language"] in ("", "bash", "sh") and not block["content"].startswith(_OUTPUT):
            yield from joined(block["content"])


def joined(block: str) -> list[str]:
    """The lines of a block, with continued lines as one."""
    return re.sub(r"\|\n\s*", "| ", re.sub(r"\\\n\s*", "", block)).splitlines()


def blocks(page: str, language: str) -> list[str]:
    return [b["content"] for b in FENCE.finditer((REPOSITORY / page).read_text()) if b["language"] == language]


def classes(line: str) -> list[str]:
    return [name for name, pattern in CLASSES.items() if pattern.match(line)]


def starting_with(table: dict[str, str], line: str) -> str:
    return next((value for start, value in table.items() if line.startswith(start)), "")


class Walk:
    """A reader's shell in a copy of the checkout."""

    def __init__(self, folder: Path, port: int, model_port: int) -> None:
        self.folder, self.port, self.model_port = folder, port, model_port
        self.appended = {"make serve": f' SERVE="--port {self.port} --workers 1"'}
        self.outputs: dict[str, str] = {}  # by line
        self.servers: list[subprocess.Popen[bytes]] = []
        self.state: list[str] = []
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "MSL_"))}
        self.env = inherited | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}",
            "PYTHONPATH": f"{REPOSITORY / 'tests/small_recipes'}{os.pathsep}{folder}",
            "MSL_CACHE": str(folder / "cache"),
            "MSL_SENDER": "inline",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "OMP_NUM_THREADS": "1",
            "PYTHONPYCACHEPREFIX": str(folder / "cache/compiled"),  # compiled once, even where packages are read-only
        }
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)

    def line(self, line: str) -> str:
        """What the line prints; a line that was run before is not run again."""
        if line not in self.outputs:
            self.outputs[line] = self._carry_out(line)
        return self.outputs[line]

    def _carry_out(self, line: str) -> str:
        match classes(line):
            case ["shell"]:
                self.state.append(self.filled_in(line))
            case ["server"]:
                self._start(line)
            case ["run"]:
                return self.shell(self.filled_in(line))
        return ""

    def filled_in(self, text: str) -> str:
        """The text with what a reader has to fill in."""
        text = text.replace("/data/ring_road", "ring_road")
        text = text.replace("localhost:5000", f"localhost:{self.port}").replace("5001", str(self.model_port))
        if "RUN_ID" in text:
            text = text.replace("RUN_ID", self.newest("adapt"))
        if "styled/…" in text:
            copies = (path for path in self.folder.glob("styled/*/camvid_day_camvid_dusk.yaml"))
            text = text.replace("styled/…", str(next(copies).parent.relative_to(self.folder)))
        if "PASSWORD=…" in text:
            credentials = (self.folder / ".msl/service/credentials").read_text()
            text = text.replace("PASSWORD=…", f"PASSWORD={credentials.rpartition(' = ')[2].strip()}")
        return text

    @property
    def _client(self) -> MlflowClient:
        return MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")

    def tag(self, run_id: str, name: str) -> str:
        return self._client.get_run(run_id).data.tags[name]

    def newest(self, stage: str) -> str:
        """ID of the newest run of a stage."""
        ids = [experiment.experiment_id for experiment in self._client.search_experiments()]
        chosen = f"tags.`msl.stage` = '{stage}' AND attributes.status = 'FINISHED'"
        return self._client.search_runs(ids, chosen)[0].info.run_id

    def shell(self, command: str) -> str:
        script = "\n".join([*self.state, command])
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=_PATIENCE_S
        )
        printed = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}\n{printed}"
        return printed

    def python(self, program: str) -> str:
        """What the program prints; it stands in a file of the checkout."""
        (self.folder / "program.py").write_text(self.filled_in(program))
        return self.shell("python program.py")

    def _start(self, line: str) -> None:
        command = self.filled_in(_COMMENT.sub("", line)) + starting_with(self.appended, line)
        health = f"http://127.0.0.1:{self.model_port if 'models' in line else self.port}/health"
        path = self.folder / f"server {len(self.servers)}.log"
        with path.open("w") as log:
            server = subprocess.Popen(
                ["bash", "-c", "\n".join([*self.state, command])],
                **{"cwd": self.folder, "env": self.env, "stdout": log, "stderr": log, "start_new_session": True},
            )
        self.servers.append(server)
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            assert server.poll() is None, path.read_text()
            with suppress(OSError), urllib.request.urlopen(health, timeout=10):
                return
            time.sleep(0.3)
        raise AssertionError(f"{command}: no server\n{path.read_text()}")

    def stop(self) -> None:
        for server in self.servers:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
            server.wait(120)


def authors_file(path: Path) -> None:
    """Random weights by the authors' names: a ResNet-101 with two heads of four convolutions."""
    torch.manual_seed(0)
    state = {name: value for name, value in zoo.resnet101().state_dict().items() if not name.startswith("fc.")}
    for head, channels in (("layer5", 1024), ("layer6", 2048)):
        for j in range(4):
            state[f"{head}.conv2d_list.{j}.weight"] = torch.randn(19, channels, 3, 3) * 0.01
            state[f"{head}.conv2d_list.{j}.bias"] = torch.randn(19) * 0.1
    torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}, "iteration": 1}, path)


def ring_road(folder: Path) -> None:
    """The images and labels that README's YAML file describes."""
    for i in range(2):
        data_factory.save(data_factory.picture(i), folder / f"train/{i}.jpg")
        data_factory.save(data_factory.picture(9 + i), folder / f"val/{i}.jpg")
        data_factory.save(data_factory.label(i, (_ROAD, _CAR)), folder / f"val_masks/{i}.png")


def write_files(folder: Path) -> None:
    """What the placeholders of README and docs stand for."""
    for write in (data_factory.camvid, data_factory.gta5, data_factory.crosscity):
        write(folder / "FOLDER")
    data_factory.cityscapes(folder / "FOLDER", count=1)
    for path in (folder / "FOLDER/camvid").rglob("*.png"):
        Image.open(path).resize((80, 48), Image.Resampling.NEAREST).save(path)  # a style image needs 32x32
    data_factory.save(data_factory.picture(0, (48, 40)), folder / "FOLDER/styles/ambulance/0.png")
    data_factory.save(data_factory.picture(1), folder / "IMAGES/0.png")
    data_factory.save(data_factory.picture(2, (640, 360)), folder / "frame.png")  # more than an argument holds
    torch.save(Encoder(VGG(channels=(4, 6, 8, 10))).state_dict(), folder / "encoder.pth")
    authors_file(folder / "GTA5_source.pth")
    ring_road(folder / "ring_road")


def copy_checkout(folder: Path) -> None:
    """The files that a clone would have, and an environment in which everything is installed."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, folder / name)
    (folder / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        (folder / ".venv" / entry.name).symlink_to(entry)
    (folder / ".venv/.ready").unlink(missing_ok=True)
    (folder / ".venv/.ready").touch()  # newer than pyproject.toml, so make installs nothing


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The shell, after the first line of README."""
    folder = tmp_path_factory.mktemp("checkout")
    copy_checkout(folder)
    write_files(folder)
    with held_port() as port, held_port() as model_port:
        walk = Walk(folder, port, model_port)
        for block in blocks("README.md", "yaml"):
            (folder / block.split()[1]).write_text(walk.filled_in(block))
        try:
            walk.line(next(shell_lines("README.md")))
            yield walk
        finally:
            walk.stop()


@pytest.mark.parametrize("page", PAGES)
def test_every_line_has_one_class(page):
    for line in filter(None, shell_lines(page)):
        assert len(classes(line)) == 1, f"{page}: say in CLASSES how this line is tested: {line}"


@pytest.mark.parametrize("page", PAGES)
def test_every_line_of_a_page_runs_as_it_is_written(page, walk):
    walk.state.clear()
    for line in filter(None, shell_lines(page)):
        start = time.monotonic()
        assert starting_with(PRINTED, line) in walk.line(line), f"{line}\n{walk.outputs[line]}"
        print(f"{time.monotonic() - start:6.1f} s  {line}")
    for program in blocks(page, "python"):
        start = time.monotonic()
        walk.python(program)
        print(f"{time.monotonic() - start:6.1f} s  {program.splitlines()[0]} …")


def test_the_page_of_a_run_shows_the_lines_that_were_run(walk):
    """Its commands are those of docs/prediction.md, with the run's own ID."""
    run_id = walk.newest("adapt")
    note = walk.tag(run_id, "mlflow.note.content")
    shown = [line for block in FENCE.finditer(note + "\n") for line in joined(block["content"])]
    lines = [line for line in shell_lines("docs/prediction.md") if line.startswith("mlflow run")]
    assert [line.replace("name=NAME", "name=streets") for line in shown] == [
        line.replace("RUN_ID", run_id) for line in lines
    ]


@pytest.mark.skipif(any(map(shutil.which, ("conda", "mamba"))), reason="conda is installed")
def test_without_conda_mlflow_says_what_the_pages_say(walk):
    """No code of ours runs before that, so the pages have to say it beside the line."""
    message = "Could not find Conda executable"
    assert "without it, MLflow needs conda" in (REPOSITORY / "README.md").read_text()
    assert message in " ".join((REPOSITORY / "docs/experiments.md").read_text().split())
    line = next(line for line in shell_lines("README.md") if line.startswith("mlflow run"))
    with pytest.raises(AssertionError, match=message):
        walk.shell(line.replace("--env-manager local", ""))
