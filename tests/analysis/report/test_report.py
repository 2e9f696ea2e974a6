"""The report: what it says, whatever names hold, and that a real browser shows it."""

import re

import pytest
from click.testing import CliRunner
from mlflow.tracking import MlflowClient
from PIL import Image

from analysis import open_store
from analysis.__main__ import main
from analysis.errors import AnalysisError
from analysis.figures.svg import value_text
from analysis.report import as_page, gather, write_report
from entrypoints.report import main as stage
from msl import schema
from msl.commands import main as msl

NASTY = "a'b\" 100% </script><script>alert(1)</script>\n| & {x}"
MIOU = "target/mIoU"


@pytest.fixture
def filled(store, add_run, tmp_path):
    """Two groups of three seeds with curves, classes and panels."""
    for group, gain in (("plain", 0.0), (NASTY, 2.0)):
        for seed in range(3):
            curve = [(0, 20.0 + seed, 1), (100, 25.0 + gain + seed, 2), (200, 30.0 + gain + seed, 3)]
            metrics = {MIOU: curve, "last/target/mIoU": 30.0 + gain + seed, "last/target/IoU/road": 60.0 + gain + seed}
            losses = {"loss/source": [(100, 1.0, 1), (200, 0.5, 2)]}
            run_id = add_run(group, seed, {**metrics, **losses}, source="gta5", target="cityscapes")
            picture = tmp_path / "target_000200.png"
            Image.linear_gradient("L").resize((1284, 200)).convert("RGB").save(picture)
            MlflowClient().log_artifact(run_id, str(picture), "panels")
    return store


@pytest.fixture
def page_file(filled, tmp_path):
    (path,) = write_report(filled, "exp", "plain", tmp_path / "out" / "report.html")
    return path


def test_numbers_are_those_of_the_statistics(filled):
    report = gather(open_store(filled), "exp", "plain")
    page = as_page(report)
    assert "33.00 ± 1.00" in page.replace("&#177;", "±")
    assert "+2.00" in page
    curve = next(curve for curve in report.curves[MIOU] if curve.group == "plain")
    assert value_text(curve.seeds[-1], "percent") == "31.00 ± 1.00"
    assert "6 finished runs in 2 groups" in report.summary
    assert [cell.text for cell in report.runs.rows[0]][:3] == ["plain", "adapt", "3"]


def test_a_page_needs_nothing_else_and_shows_names_as_they_are(page_file):
    page = page_file.read_text(encoding="ascii")
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    assert not re.findall(r"https?://", page)


def test_markdown_has_its_figures_beside_it(filled, tmp_path):
    document, *figures = write_report(filled, "exp", "plain", tmp_path / "a report.md")
    text = document.read_text(encoding="utf-8")
    assert [path.name for path in figures] == ["curves.svg", "curves.png", "panels_target.png"]
    assert "](a%20report_figures/curves.png)" in text
    assert "<script>" not in text
    assert "## Claims" in text


@pytest.fixture
def taken_apart(store, add_run):
    """Two seeds of a parent, an adaptation and its twin, with a criterion at every evaluation."""
    client = MlflowClient()

    def scored(*values):
        steps = [(step, value, 1 + step) for step, value in zip((10, 20), values, strict=True)]
        criteria = [(step, 100 - value, time) for step, value, time in steps]
        return {MIOU: steps, f"last/{MIOU}": values[-1], "target/criteria/SND": criteria}

    for seed in range(2):
        parent = add_run("source only", seed, scored(29.0, 30.0 + seed), stage="pretrain")
        for group, weight, gain in (("twin", 0.0, 5.0), ("MS", 0.1, 6.5)):
            length = {"round_num": 1, "epoch_each_round": 1, "epoch_iters": 20}
            run_id = add_run(group, seed, scored(36.0, 30.0 + gain + seed), lambda_target=weight, **length)
            client.set_tag(run_id, schema.PARENT, parent)
    return store


def test_gains_and_choices_are_sections_with_their_figures(taken_apart, tmp_path):
    (page,) = write_report(taken_apart, "exp", "twin", tmp_path / "r.html")
    text = page.read_text()
    assert re.findall(r'<h2 id="\w+">(\w+)', text)[:4] == ["Comparison", "Attribution", "Curves", "Selection"]
    assert text.count('class="drawing"') == 2
    assert "SND" in text
    document, *figures = write_report(taken_apart, "exp", "twin", tmp_path / "r.md")
    assert {"gains.png", "regrets.png"} <= {file.name for file in figures}
    assert "What choosing without target labels costs" in document.read_text()


def test_no_panels_spoil_no_report(store, add_run, tmp_path):
    add_run("g", 0, {"last/target/mIoU": 1.0})
    (path,) = write_report(store, "exp", "g", tmp_path / "r.html")
    assert "no panels of the target here" in path.read_text()


@pytest.mark.parametrize(
    ("experiment", "baseline", "output", "message"),
    [
        ("exq", "plain", "r.html", "no experiment 'exq' in this store; nearest: exp"),
        ("exp", "plane", "r.html", "no finished group 'plane' in this store; nearest: plain"),
        ("exp", "plain", "r.pdf", "end the file's name so"),
        ("exp", "plain", "mlflow.db/r.html", "cannot be written"),
    ],
)
def test_bad_input(filled, experiment, baseline, output, message, tmp_path):
    with pytest.raises(AnalysisError, match=re.escape(message)):
        write_report(filled, experiment, baseline, tmp_path / output)


@pytest.mark.parametrize(
    "arguments",
    [
        ("curves", "--metrics", MIOU, "--output", "f"),
        ("curves", "--classes", "--output", "f"),
        ("panels", "--group", "plain", "--output", "f.png"),
        ("report", "--baseline", "plain", "--output", "f.html"),
    ],
)
def test_commands(filled, arguments, tmp_path):
    result = CliRunner().invoke(main, [*arguments, "--experiment", "exp"])
    assert result.exit_code == 0, result.output
    assert all((tmp_path / name).stat().st_size for name in result.output.split())


def test_an_unknown_curve_has_a_name_nearby(filled):
    result = CliRunner().invoke(main, ["curves", "--experiment", "exp", "--metrics", "target/miou"])
    assert result.exit_code == 1
    assert "no curve 'target/miou' in this store; nearest: target/mIoU" in result.output


def test_the_stage_keeps_its_report_as_an_artifact(filled):
    result = CliRunner().invoke(stage, ["--experiment", "exp", "--baseline", "plain", "--output", "r.md", "--log"])
    assert result.exit_code == 0, result.output
    run_id = result.output.split()[-1]
    assert MlflowClient().get_run(run_id).info.status == "FINISHED"
    assert {file.path for file in MlflowClient().list_artifacts(run_id, "report")} == {
        "report/r.md",
        "report/r_figures",
    }
    bad = CliRunner().invoke(stage, ["--experiment", "exq", "--baseline", "plain"])
    assert (bad.exit_code, "nearest: exp" in bad.output) == (1, True)


def test_the_command_reads_and_keeps_in_the_store_that_it_is_given(filled, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
    command = ["report", "--experiment", "exp", "--baseline", "plain", "--store", filled, "--log", "true"]
    result = CliRunner().invoke(msl, command)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "report.html").exists()
    assert MlflowClient(filled).get_run(result.output.split()[-1]).info.status == "FINISHED"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_browser_shows_sorts_and_reads_out(browser, page_file, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: request.url.startswith(("http:", "https:")) and complaints.append(request.url))
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width

    section = page.locator("section", has=page.locator("#comparison"))
    heading = section.locator("th").nth(2)
    names = section.locator("tbody th")
    heading.locator("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert "alert(1)" in names.first.inner_text()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names.first.inner_text() == "plain"

    chart = page.locator(".chart").first
    drawing = chart.locator("> svg")
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    page.mouse.move(box["x"] + box["width"] * (52 + 0.52 * 376) / 440, box["y"] + 40)
    assert chart.locator(".at").inner_text() == "iteration 100"
    assert chart.locator(".value").all_inner_texts() == ["26.00 ± 1.00", "28.00 ± 1.00"]
    drawing.focus()
    page.keyboard.press("ArrowRight")
    assert chart.locator(".value").all_inner_texts() == ["31.00 ± 1.00", "33.00 ± 1.00"]

    page.locator(".panel").first.click()
    assert page.locator("dialog img").evaluate("image => image.naturalWidth") == 4 * 426 + 6
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()
    assert complaints == []
    page.close()
