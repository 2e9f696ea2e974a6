"""The house: which room may import which, what stays public, and that the dependencies are named alike."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY

# The floors: a room imports from those below it only, and rooms on one floor do not import each other.
FLOORS = [
    {"console", "errors"},
    {"files", "folder_lock", "foreign_files", "labels", "once", "references", "schema", "seals", "world"},
    {"config", "store_lock"},
    {"recipes"},
    {"numerics", "metrics", "weights", "streets"},
    {"losses", "data"},
    {"models", "style"},
    {"checkpoints", "scoring"},
    {"training", "tracking", "service"},
    {"inputs"},
    {"stages", "serving"},
    {"runs"},
    {"studies"},
    {"commands", "python"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FROM_OUTSIDE = {  # what is kept to some rooms
    "mlflow": {"store_lock", "tracking", "service", "serving"},
    "torch": {"weights", "numerics", "losses", "metrics", "data", "models", "style"}
    | {"checkpoints", "scoring", "training", "inputs", "stages", "serving"},
    "timm": {"models"},
    "torchvision": {"weights", "data", "models", "style"},
    "click": {"once", "commands"},
    "pandas": {"serving"},
    "matplotlib": set(),
    "sqlalchemy": {"service", "store_lock", "tracking"},
}

EVERY_COMMAND = "from msl.commands.catalog import COMMANDS, find_command; [find_command(name) for name in COMMANDS]"


def imports(path: Path) -> set[str]:
    """Full names of what a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room_of(path: Path) -> str:
    return path.relative_to(REPOSITORY / "msl").parts[0].removesuffix(".py")


MSL_FILES = [
    path for path in sorted((REPOSITORY / "msl").rglob("*.py")) if path.parent.name != "msl" or path.stem != "__init__"
]


@pytest.mark.parametrize("path", MSL_FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_imports_run_downward(path):
    room = room_of(path)
    for name in imports(path):
        top, _, inner = name.partition(".")
        assert top != "entrypoints", f"{name} lives above"
        assert top != "analysis" or room == "commands", f"{name} lives beside"
        if top == "msl" and inner:
            other = inner.partition(".")[0]
            if other not in FLOOR:  # `from msl import schema` has the room as the imported name
                continue
            assert other == room or FLOOR[other] < FLOOR[room], f"{room} imports {name}"
        if top in FROM_OUTSIDE:
            assert room in FROM_OUTSIDE[top], f"{room} knows {top}"


def test_every_room_has_its_floor():
    assert {room_of(path) for path in MSL_FILES} == set(FLOOR)


# The parts at the top of analysis: each imports from the floors below it only.
ANALYSIS_FLOORS = [
    {"errors", "tables"},
    {"store"},
    {"__init__", "seeds"},
    {"comparison", "claims"},
    {"figures"},
    {"report"},
    {"commands"},
    {"__main__"},
]
ANALYSIS_FLOOR = {part: number for number, parts in enumerate(ANALYSIS_FLOORS) for part in parts}
ANALYSIS_FILES = sorted((REPOSITORY / "analysis").rglob("*.py"))
MOST_PARTS, MOST_IMPORTS = 12, 40


def part_of(path: Path) -> str:
    return path.relative_to(REPOSITORY / "analysis").parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    """The other parts of analysis that a file imports; `from analysis import open_store` is from `__init__`."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("analysis.")}
    return {name if name in ANALYSIS_FLOOR else "__init__" for name in names} - {part_of(path)}


def test_the_parts_of_analysis():
    entries = {path.name.removesuffix(".py") for path in (REPOSITORY / "analysis").iterdir()} - {
        "__pycache__",
        "py.typed",
    }
    assert entries == {*ANALYSIS_FLOOR, "notebooks"}
    assert len(entries) <= MOST_PARTS
    arrows = {(part_of(path), part) for path in ANALYSIS_FILES for part in imported_parts(path)}
    assert len(arrows) <= MOST_IMPORTS


@pytest.mark.parametrize("path", ANALYSIS_FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_imports_within_analysis_run_downward(path):
    for part in imported_parts(path):
        assert ANALYSIS_FLOOR[part] < ANALYSIS_FLOOR[part_of(path)], f"{part_of(path)} imports {part}"


@pytest.mark.parametrize("path", ANALYSIS_FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_analysis_knows_only_the_names_of_msl(path):
    names = {name for name in imports(path) if name.split(".")[0] == "msl"}
    assert {".".join(name.split(".")[:2]) for name in names} <= {
        "msl.labels",
        "msl.schema",
        "msl.console",
        "msl.once",
        "msl.store_lock",
    }
    barred = {"torch", "torchvision", "entrypoints"} | (set() if path.parent.name == "store" else {"mlflow"})
    assert not {name.split(".")[0] for name in imports(path)} & barred


def loaded(code: str) -> set[str]:
    """Modules in a fresh interpreter after running `code`."""
    script = f"{code}\nimport sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY, timeout=60
    )
    return {name.partition(".")[0] for name in result.stdout.split()}


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import msl", {"torch", "mlflow", "numpy", "pydantic", "click"}),
        ("import analysis", {"torch", "mlflow", "pandas", "sqlalchemy", "matplotlib"}),
        (
            "import analysis.store, analysis.comparison, analysis.report, analysis.__main__",
            {"torch", "mlflow", "matplotlib"},
        ),
        ("import entrypoints.adapt, entrypoints.evaluate, entrypoints.package", {"torch", "mlflow", "pandas", "numpy"}),
        ("import msl.commands", {"torch", "mlflow", "pandas", "numpy", "analysis"}),
        (EVERY_COMMAND, {"torch", "torchvision", "mlflow", "pandas", "numpy", "sqlalchemy", "matplotlib"}),
        ("import msl.recipes, msl.schema, msl.labels", {"torch", "mlflow", "numpy", "click"}),
        ("import msl.losses, msl.style", {"mlflow", "click", "pandas"}),
        ("import msl.training, msl.training.callbacks, msl.scoring.panels", {"mlflow", "click", "pandas"}),
        ("import msl.tracking", {"torch", "torchvision"}),
        ("import msl.service.server, msl.service.backup, msl.service.retention", {"torch", "torchvision"}),
    ],
)
def test_a_fresh_interpreter_loads_no_more_than_it_needs(code, absent):
    assert not loaded(code) & absent


def test_public_names_stay():
    import analysis
    import msl.data
    import msl.losses
    import msl.metrics
    import msl.models
    import msl.style

    assert {"max_square", "iw_max_square", "entropy", "iw_entropy", "guidance_labels"} <= set(msl.losses.__all__)
    matrix = {"update", "iou", "mean_iou", "fw_iou", "pixel_accuracy", "mean_pixel_accuracy"}
    assert matrix <= set(dir(msl.metrics.ConfusionMatrix))
    assert {"build_model", "SegOutput"} <= set(msl.models.__all__)
    assert msl.models.SegOutput._fields == ("main", "aux")
    assert {"open_domain", "Domain"} <= set(msl.data.__all__)
    assert {"adain", "StyleTransfer"} <= set(msl.style.__all__)
    assert analysis.__all__ == ["open_store"]


def test_conda_and_pip_name_the_same_dependencies():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((REPOSITORY / "conda.yaml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in conda if isinstance(entry, dict))
    assert sorted(pip) == sorted(project["dependencies"])
    names = {entry.partition("=")[0] for entry in conda if isinstance(entry, str)}
    assert names <= {"python", "pip", "setuptools", "wheel"}  # else `mlflow run --env-manager uv` refuses the file
    assert f"python={project['requires-python'].removeprefix('>=')}" in conda


def test_every_dependency_is_imported_somewhere():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[\[>]", dependency)[0] for dependency in project["dependencies"]}
    spelled = {"pillow": "PIL", "pyyaml": "yaml"}
    files = [p for room in ("msl", "analysis", "entrypoints") for p in (REPOSITORY / room).rglob("*.py")]
    imported = {name.split(".")[0] for path in files for name in imports(path)}
    assert {spelled.get(name, name) for name in names} <= imported


def test_the_top_level_is_the_house():
    tracked = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout
    top = {line.partition("/")[0] for line in tracked.splitlines()}
    house = {"MLproject", "conda.yaml", "msl", "entrypoints", "analysis", "tests", "docker", "docs", ".ci"}
    assert top <= house | {"pyproject.toml", "Makefile", "README.md", "LICENSE", ".gitignore"}
