"""What an older version of this project left behind still loads, resumes and compares: checkpoints, runs, an export.

README.md says how the data was made. Everything goes through the command line and `analysis.open_store`, which stay.
"""

import csv
import json
import re
import runpy
import shutil
import sqlite3
import sys
import tarfile
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow.db import commands as database
from mlflow.tracking import MlflowClient
from PIL import Image

from analysis import open_store

DATA = Path(__file__).parent
# On one processor and version of torch the numbers are equal to the bit; others round otherwise, which flips single
# pixels of guidance labels. Without any vector instructions, losses differ by 6e-5 at the most and scores by nothing.
LOSS = {"rel": 1e-5, "abs": 1e-4}
SCORE = {"abs": 0.5}  # percent
INCIDENTAL = ("speed/", "memory/", "attempt")
NEWER = re.compile(r"adaptation/|target/criteria/|chosen/")  # metrics that version 1 did not log


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data as it was made, the run store brought to the tables of the MLflow that is installed."""
    folder = tmp_path_factory.mktemp("store-1")
    for archive in ("store-1.tar.xz", "checkpoints-1.tar.xz", "interrupted-1.tar.xz"):
        with tarfile.open(DATA / archive) as packed:
            packed.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.3 and older have none
            packed.extractall(folder)
    for run in (folder / "mlruns/0").iterdir():  # packed once
        shutil.copytree(run / "artifacts", folder / "export/artifacts" / run.name)
    database.main(["upgrade", f"sqlite:///{folder / 'mlflow.db'}"], standalone_mode=False)
    return folder


@pytest.fixture
def old(unpacked: Path, tmp_path: Path) -> dict[str, str]:
    """This test's own copy of the data in the working directory; run IDs by name."""
    shutil.copytree(unpacked, tmp_path, dirs_exist_ok=True)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection, connection:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            connection.execute(f"UPDATE {table} SET {column} = replace({column}, '@', ?)", (str(tmp_path),))
    made = json.loads((tmp_path / "expected/made.json").read_text())
    return dict(made["runs"])


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What ``python -m MODULE …`` prints, without the seconds that another process takes to begin."""

    def run(module: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [module, *arguments])
        capsys.readouterr()
        with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
            warnings.filterwarnings("ignore", "'.*' found in sys.modules", RuntimeWarning)  # other tests import it
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        printed = capsys.readouterr()
        assert ended.value.code in (0, None), printed.err
        return printed.out

    return run


@pytest.fixture
def carry_out(say: Callable[..., str], tmp_path: Path) -> Callable[..., str]:
    """ID of the new run that a stage with these options makes; of the old run, if it is resumed."""

    def run(stage: str, **options: object) -> str:
        before = run_ids(tmp_path)
        say(f"entrypoints.{stage}", *(f"--{name}={spelled(value)}" for name, value in options.items()))
        new = run_ids(tmp_path) - before
        return new.pop() if new else str(options["resume"])

    return run


def run_ids(folder: Path) -> set[str]:
    return set(open_store(f"sqlite:///{folder / 'mlflow.db'}").runs()["run_id"])


def spelled(value: object) -> str:
    return "none" if value is None else str(value)


def last(run_id: str) -> str:
    return f"runs:/{run_id}/checkpoints/last.pt"


def settings(run_id: str) -> dict[str, object]:
    """The recorded settings of a run as the options that ask for the same."""
    recorded = json.loads((Path("mlruns/0") / run_id / "artifacts/config.json").read_text())["settings"]
    return {name: value for name, value in recorded.items() if name != "num_classes"}


def curve(run_id: str, store: str = "sqlite:///mlflow.db") -> dict[str, float]:
    """What a run logged that repeats itself, by metric and step."""
    rows = open_store(store).history([run_id])
    rows = rows[~rows["metric"].str.startswith(INCIDENTAL) & ~rows["metric"].str.contains(NEWER)]
    return {f"{row.metric} {row.step}": row.value for row in rows.itertuples()}


def assert_alike(new: dict[str, float], expected: dict[str, float]) -> None:
    assert new.keys() == expected.keys()
    for key, value in expected.items():
        tolerance = LOSS if key.startswith(("loss/", "style/", "lr", "epoch")) else SCORE
        assert new[key] == pytest.approx(value, **tolerance), key


@pytest.mark.parametrize("stage", ["pretrain", "adapt", "deeplabv3p", "joint_adain", "interrupted"])
def test_a_checkpoint_gets_the_scores_that_it_got(stage, old, carry_out):
    new = carry_out("evaluate", checkpoint=last(old[stage]), panels=0, num_workers=0)
    scores = curve(new)
    assert_alike(scores, curve(old[f"evaluate {stage}"]))
    if stage != "interrupted":  # it was killed before it was scored
        logged = curve(old[stage])
        assert_alike(scores, {key: logged[key] for key in scores})


@pytest.mark.parametrize("stage", ["pretrain", "adapt"])
def test_the_best_checkpoint_gets_the_best_scores(stage, old, carry_out):
    new = carry_out("evaluate", checkpoint=f"runs:/{old[stage]}/checkpoints/best.pt", panels=0, num_workers=0)
    best = {key.removeprefix("best/"): value for key, value in curve(old[stage]).items() if key.startswith("best/")}
    assert_alike(curve(new), best)


@pytest.mark.parametrize("stage", ["adapt", "joint_adain", "train_style"])
def test_the_same_settings_from_the_same_start_give_the_same_curve(stage, old, carry_out):
    """Adaptations start from the old pretraining, joint_adain draws with the old decoder."""
    new = carry_out(stage, **settings(old[stage]))
    assert_alike(curve(new), curve(old[stage]))
    tags = [MlflowClient().get_run(run_id).data.tags for run_id in (new, old[stage])]
    lineage = ("msl.parent", "msl.data.source", "msl.data.target", "msl.style.decoder")
    assert [tags[0].get(name) for name in lineage] == [tags[1].get(name) for name in lineage]


def test_generated_domains_have_the_digests_that_they_had(old, carry_out):
    made = json.loads(Path("expected/made.json").read_text())["versions"]
    if made["pillow"] != Image.__version__ or made["numpy"] != np.__version__:
        pytest.skip(f"scenes were drawn with {made}")
    before = settings(old["deeplabv3p"])
    del before["network"]  # the command's own
    new = carry_out("deeplabv3p", **before | {"checkpoint": last(old["deeplabv3p"]), "max_iters": 1, "eval_every": 1})
    tags = [MlflowClient().get_run(run_id).data.tags for run_id in (new, old["deeplabv3p"])]
    assert tags[0]["msl.data.source"] == tags[1]["msl.data.source"]
    assert tags[0]["msl.data.target"] == tags[1]["msl.data.target"]


def test_a_killed_run_goes_on_to_the_end_that_it_would_have_had(old, carry_out):
    run_id = old["interrupted"]
    assert MlflowClient().get_run(run_id).info.status == "RUNNING"
    assert carry_out("pretrain", resume=run_id) == run_id
    assert_alike(curve(run_id), json.loads(Path("expected/interrupted.json").read_text()))
    run = MlflowClient().get_run(run_id)
    assert (run.info.status, run.data.tags["msl.attempt"]) == ("FINISHED", "2")


def test_a_finished_run_goes_on(old, carry_out):
    """Its best result so far comes along."""
    run_id = old["joint_adain"]
    before = curve(run_id)
    assert carry_out("joint_adain", resume=run_id, max_iters=6) == run_id
    after = curve(run_id)
    assert before.items() <= after.items()
    assert {"loss/target 6", "style/content 6", "last/target/mIoU 6"} <= after.keys() - before.keys()
    scores = {step: after[f"target/mIoU {step}"] for step in (4, 6)}
    best = max(step for step in scores if f"best/target/mIoU {step}" in after)
    assert scores[best] == after[f"best/target/mIoU {best}"] == max(scores.values())


def test_predictions_are_those_of_the_older_version(old, carry_out):
    carry_out(
        "predict",
        checkpoint=f"runs:/{old['adapt']}",
        images="camera/val",
        output="predicted",
        overlay="none",
        confidence="map",
    )
    assert confidences("predicted") == pytest.approx(confidences("expected/predicted"), abs=2e-3)
    assert files("predicted") - files("expected/predicted") == {Path("legend.png")}
    assert len(files("expected/predicted")) == 6
    for name in files("expected/predicted"):
        differing = pixels(Path("predicted") / name) != pixels(Path("expected/predicted") / name)
        assert differing.mean() < 0.01, name


def confidences(folder: str) -> dict[str, float]:
    with (Path(folder) / "predictions.csv").open() as file:
        return {row["image"]: float(row["confidence"]) for row in csv.DictReader(file)}


def files(folder: str) -> set[Path]:
    return {path.relative_to(folder) for path in Path(folder).rglob("*.png")}


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def test_an_old_decoder_styles_as_it_did(old, carry_out):
    look = {"style": "photographs", "encoder": "vgg.pth", "decoder": last(old["train_style"])}
    carry_out("stylize", **look, content="arcade.yaml", split="val", output="copies", num_workers=0)
    (copy,) = Path("copies").glob("*/val")
    assert files(str(copy)) == files("expected/styled")
    for name in files("expected/styled"):
        assert np.abs(pixels(copy / name) - pixels(Path("expected/styled") / name)).max() <= 1, name


def test_an_old_run_becomes_a_model(old, say, tmp_path):
    say("entrypoints.package", "--checkpoint", f"runs:/{old['adapt']}", "--name", "streets", "--alias", "champion")
    version = MlflowClient().get_model_version_by_alias("streets", "champion")
    assert version.run_id == old["adapt"]
    answer = ("--images", "camera/val", "--output", "predicted", "--overlay", "none", "--confidence", "map")
    say("entrypoints.predict", "--checkpoint", "models:/streets@champion", *answer)
    assert confidences("predicted") == pytest.approx(confidences("expected/predicted"), abs=2e-3)


def test_the_table_is_that_of_the_older_version(old, say):
    assert_expected(say("analysis", "table", "--baseline", "pretrained", "--published", "none"))


def assert_expected(table: str) -> None:
    """Scores and differences are equal, and every footnote is there; newer versions add intervals, p and footnotes."""
    expected = Path("expected/table.txt").read_text()
    assert table.startswith(expected.splitlines()[0])
    assert rows_of(table) == rows_of(expected)
    assert notes_of(table) >= notes_of(expected)
    assert notes_of(expected)


def rows_of(table: str) -> list[list[str]]:
    """Names, numbers of seeds, scores and differences."""
    lines = [line for line in table.splitlines()[1:] if not line.startswith(("[", "---"))]
    added = re.compile(r"\[[-+\d., ]+\]|\b[01]\.\d{3}\b|  p\b")  # footnotes' marks, intervals, p
    return [added.sub("", line).split() for line in lines]


def notes_of(table: str) -> set[str]:
    return {line.partition("] ")[2] for line in table.splitlines() if line.startswith("[")}


def test_an_export_is_that_of_the_older_version(old, say):
    say("analysis", "export", "again", "--experiment", "Default", "--artifacts")
    for name in ("runs", "tags", "params", "metrics"):
        frames = [pd.read_parquet(f"{folder}/{name}.parquet") for folder in ("export", "again")]
        first, second = (frame.sort_values(list(frame), ignore_index=True) for frame in frames)
        pd.testing.assert_frame_equal(first, second)
    contents = [json.loads(Path(folder, "experiment.json").read_text()) for folder in ("export", "again")]
    assert contents[0] == contents[1] | {"store": "sqlite:///mlflow.db"}
    held = [{path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("artifacts/**/*.*")}
            for folder in ("export", "again")]  # fmt: skip
    assert held[0] == held[1]
    assert len(held[0]) > 20


@pytest.fixture
def other_store(_empty_store: Path, tmp_path: Path) -> str:
    """URI of a run store that holds nothing."""
    return f"sqlite:///{shutil.copyfile(_empty_store, tmp_path / 'other.db')}"


def test_an_old_export_is_imported(old, say, other_store):
    """It gives the table of the store that it was exported from."""
    other = ("--store", other_store)
    say("analysis", "import", "export", "--experiment", "copy", *other)
    assert_expected(say("analysis", "table", "--baseline", "pretrained", "--published", "none", *other))
    runs = open_store(other_store).runs("copy").set_index("msl.imported")
    assert set(runs.index) == set(old.values())
    for run_id in old.values():
        assert curve(runs.loc[run_id, "run_id"], other_store) == curve(run_id)
    (imported,) = Path().glob(f"mlruns/*/{runs.loc[old['adapt'], 'run_id']}/artifacts/checkpoints/last.pt")
    assert imported.read_bytes() == Path(f"mlruns/0/{old['adapt']}/artifacts/checkpoints/last.pt").read_bytes()
