"""MLflow's pages as people use them: a real browser logs in, finds runs, compares two of them, looks at a panel."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import mlflow.artifacts
import pytest
import tiny
from mlflow.entities import RunInfo
from mlflow.tracking import MlflowClient
from PIL import Image
from running import Service, running

from msl import schema
from msl.runs import run as carry_out

pytestmark = pytest.mark.xdist_group("service")

PATIENCE_MS = 180_000  # for what is drawn; on a busy machine a page takes a minute
EXPERIMENT = "streets in a browser"
TARGET_MIOU = schema.score(schema.TARGET, schema.MIOU)
# Asked for by every page, for its assistant; the service has none, and the pages do without.
ASSISTANT = "/ajax-api/3.0/mlflow/assistant/"


@dataclass
class Study:
    service: Service
    experiment: str
    pretrained: RunInfo
    adapted: RunInfo

    def page(self, path: str) -> str:
        return f"{self.service.uri}/#/experiments/{self.experiment}/{path}"


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A service with an adaptation and the pretraining that it starts from."""
    folder = tmp_path / "service"
    folder.mkdir()
    with running(folder) as service:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", service.uri)
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", service.password)
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        tiny.write_domains(tmp_path)
        adapted = MlflowClient().get_run(carry_out(tiny.request("adapt", eval_every=2)).run_id)
        pretrained = MlflowClient().get_run(adapted.data.tags[schema.PARENT])
        yield Study(service, adapted.info.experiment_id, pretrained.info, adapted.info)


@pytest.fixture
def opened(browser):
    """A function that opens a window, with a name and a password or without."""
    contexts = []

    def opened(login=None):
        credentials = login and dict(zip(("username", "password"), login, strict=True))
        contexts.append(browser.new_context(viewport={"width": 1440, "height": 900}, http_credentials=credentials))
        contexts[-1].set_default_timeout(PATIENCE_MS)
        return contexts[-1].new_page()

    yield opened
    for context in contexts:
        context.close()


def test_without_a_login_there_is_no_page(opened, service):
    stranger, answers = opened(), []
    stranger.on("response", lambda answer: answers.append(answer.status))
    with pytest.raises(Exception, match="ERR_INVALID_AUTH_CREDENTIALS"):  # where a window on a screen asks for them
        stranger.goto(service.uri)
    assert answers == [401]
    guess = opened(("admin", "a guess"))
    assert guess.goto(service.uri).status == 401
    assert guess.inner_text("body").startswith("log in: set MLFLOW_TRACKING_USERNAME")


def test_runs_are_found_compared_and_looked_at(opened, study, tmp_path):
    page, refused = opened(study.service.admin), []
    page.context.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"{study.service.uri}/#/experiments")
    page.get_by_role("button", name="Model training").click()
    page.get_by_role("link", name=EXPERIMENT).click()
    compare_both(page, study)
    assert curves(page) == {run.run_name: logged(run) for run in (study.pretrained, study.adapted)}
    look_at_the_panel(page, study, tmp_path)
    assert {url for url in refused if not urlsplit(url).path.startswith(ASSISTANT)} == set()


def compare_both(page, study):
    """From the list of runs, where a pretraining lies below the run that needed it and is chosen with it."""
    row = page.locator(".ag-row").filter(has=page.get_by_text(study.adapted.run_name, exact=True))
    row.locator("button").first.click()
    page.get_by_text(study.pretrained.run_name, exact=True).wait_for()
    row.locator("input[type=checkbox]").first.check()
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("heading", name="Comparing 2 Runs from 1 Experiment").wait_for()


def curves(page):
    """Steps and values of the target's mIoU by run, as drawn on the page that the comparison links to."""
    # Of the first metric that both runs have; most others come into being with scrolling.
    link = page.get_by_title("Plot chart").filter(has_text="best/").first
    link.wait_for()
    spelled, wanted = (quote(name, safe="") for name in (link.inner_text(), TARGET_MIOU))
    address = link.get_attribute("href").replace(spelled, wanted)
    page.goto(f"{urlsplit(page.url)._replace(fragment='').geturl()}{address}")
    plot = page.locator(".js-plotly-plot")
    plot.locator(".scatterlayer .trace").nth(1).wait_for()
    page.wait_for_function("new Set(document.querySelector('.js-plotly-plot').data.map(line => line.name)).size === 2")
    lines = plot.evaluate("plot => plot.data.map(line => [line.name, Array.from(line.x), Array.from(line.y)])")
    return {name: list(zip(steps, values, strict=True)) for name, steps, values in lines}


def logged(run):
    return [(point.step, point.value) for point in MlflowClient().get_metric_history(run.run_id, TARGET_MIOU)]


def look_at_the_panel(page, study, folder):
    """Through the description of the run, which links to where that started, too."""
    page.goto(study.page(f"runs/{study.adapted.run_id}"))
    start = page.get_by_role("link", name=f"run {study.pretrained.run_id[:8]}")
    assert start.get_attribute("href").endswith(f"runs/{study.pretrained.run_id}")
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Panels").click()
    popup.value.get_by_text("target_000004.png").click()
    shown = popup.value.locator("img[src^='blob:']").first
    shown.wait_for()
    file = mlflow.artifacts.download_artifacts(
        run_id=study.adapted.run_id, artifact_path="panels/target_000004.png", dst_path=str(folder)
    )
    with Image.open(Path(file)) as image:
        assert shown.evaluate("image => [image.naturalWidth, image.naturalHeight]") == list(image.size)
