"""The request of a run, kept in the run's folder until the run is described: from it, the run can begin again."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from msl import schema
from msl.errors import TrackingError
from msl.files import whole_file
from msl.recipes import Recipe, Request
from msl.tracking import Client, has_run, is_in_use, work_folder


def save_request(request: Request, folder: Path) -> None:
    """Write the request into the folder of its run.

    Raises:
        TrackingError: the folder cannot be written.
    """
    with whole_file(folder / schema.REQUEST_FILE, TrackingError) as file:
        file.write_text(json.dumps(_content(request)))


def drop_request(folder: Path) -> None:
    """The run is described: from now on, its record is what a resume reads."""
    (folder / schema.REQUEST_FILE).unlink(missing_ok=True)


def saved_request(run_id: str) -> Request | None:
    """The request of a run that ended on this machine before it was described; None if there is no such run."""
    try:
        content = json.loads((work_folder() / run_id / schema.REQUEST_FILE).read_text())
    except FileNotFoundError:
        return None
    return Request.of(**content["request"] | {"base": Recipe.model_validate(content["request"]["base"])})


def newest_like(client: Client, request: Request) -> str | None:
    """ID of the newest run that ended on this machine before it was described, and that would have the same result.

    Only of runs of this store: others were recorded without a server, or on another one.
    """
    decisive = _content(request)["decisive"]
    alike: list[tuple[float, Path]] = []
    for file in work_folder().glob(f"*/{schema.REQUEST_FILE}"):
        with suppress(FileNotFoundError):  # another run, described meanwhile, has dropped it
            if json.loads(file.read_text())["decisive"] == decisive:
                alike.append((file.stat().st_mtime, file.parent))
    run_ids = [folder.name for _, folder in sorted(alike, reverse=True) if not is_in_use(folder)]
    return next((run_id for run_id in run_ids if has_run(client, run_id)), None)


def _content(request: Request) -> dict[str, Any]:
    """The request in values that JSON gives back as they are, and what of it decides the result."""
    base = request.base.model_dump(mode="json")
    content = {
        "request": {
            "stage": request.stage,
            "recipe": request.recipe,
            "base": base,
            "overrides": dict(request.overrides),
            "group": request.group,
            "reasons": dict(request.reasons),
        },
        "decisive": {"stage": request.stage, "base": base, "settings": request.settings.decisive()},
    }
    as_json: dict[str, Any] = json.loads(json.dumps(content))
    return as_json
