"""The notebooks run from the first to the last cell, and show the numbers of the store that they are given."""

import re

import nbformat
import pytest
from conftest import REPOSITORY
from nbclient import NotebookClient

NOTEBOOKS = REPOSITORY / "analysis" / "notebooks"
SCORES = {"mIoU": 0.0, "fwIoU": 30.0, "PA": 40.0, "IoU/road": 50.0}


@pytest.fixture
def two_groups(store, add_run, monkeypatch, tmp_path):
    """A baseline and two further groups, which differ by one parameter, of two seeds each."""
    for stage, weight, gain in (("pretrain", 0.0, 0.0), ("adapt", 0.1, 3.0), ("adapt", 0.2, 2.0)):
        for seed in range(2):
            scores = {name: 30.0 + offset / 2 + gain + seed for name, offset in SCORES.items()}
            metrics = {f"{which}/target/{name}": value for name, value in scores.items() for which in ("last", "best")}
            curve = [(step, scores["mIoU"] - 2 + step / 100, step) for step in (0, 100, 200)]
            losses = {f"loss/{part}": [(step, 1.0, step) for step in (100, 200)] for part in ("source", "target")}
            add_run(f"{stage} {weight}", seed, {"target/mIoU": curve, **metrics, **losses}, "FINISHED", "exp", stage,
                    source="gta5", target="cityscapes", lambda_target=weight)  # fmt: skip
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "exp")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


def shown(name, folder):
    """All that a notebook's cells put out, as text and HTML."""
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in outputs) == (name == "runs_in_pandas")
    parts = [part for output in outputs for part in (output.get("text", ""), *output.get("data", {}).values())]
    return "\n".join(part for part in parts if isinstance(part, str))


def test_runs_in_pandas(two_groups):
    text = shown("runs_in_pandas", two_groups)
    assert "'exp'" in text
    assert re.search(r"^adapt 0.1 +2 +33.5 +0.71$", text, re.MULTILINE)  # mean and standard deviation of 33 and 34
    assert re.search(r"^200 +33.5 +32.5 +30.5$", text, re.MULTILINE)


def test_tables_of_the_paper(two_groups):
    text = shown("tables_of_the_paper", two_groups)
    assert "33.50 &#177; 0.71" in text
    assert "+3.00" in text
    assert r"(+3.00) &" in text
    assert r"\toprule" in text
    assert "IoU of each class in percent on the target" in text
    assert "C12" in text
    assert "lambda_target" in text


@pytest.fixture
def demo(store, add_run, monkeypatch, tmp_path):
    """What `make demo` leaves behind: one pretraining and one adaptation, of one seed, in experiment demo."""
    for stage, gain in (("pretrain", 0.0), ("adapt", 3.0)):
        scores = {name: 30.0 + offset / 2 + gain for name, offset in SCORES.items()}
        metrics = {f"{which}/target/{name}": value for name, value in scores.items() for which in ("last", "best")}
        curve = [(step, scores["mIoU"] - 2 + step / 100, step) for step in (0, 100, 200)]
        parts = ["source", "target"] if stage == "adapt" else ["source"]
        losses = {f"loss/{part}": [(100, 1.0, 100)] for part in parts}
        add_run(f"{stage} streets", 0, {"target/mIoU": curve, **metrics, **losses}, "FINISHED",
                "demo", stage, source="streets", target="streets_real", lambda_target=2.0)  # fmt: skip
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


def test_they_run_on_the_store_of_the_demo(demo):
    assert "adapt streets" in shown("runs_in_pandas", demo)
    text = shown("tables_of_the_paper", demo)
    assert "+3.00" in text
    assert "no two finished groups differ in lambda_target alone" in text


@pytest.mark.parametrize("name", ["runs_in_pandas", "tables_of_the_paper"])
def test_they_are_stored_with_the_outputs_of_a_whole_run(name):
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell.outputs for cell in cells)
    kinds = {output.output_type for cell in cells for output in cell.outputs}
    assert kinds <= {"execute_result", "display_data", "stream"}
    assert "adapt streets" in str(cells)
