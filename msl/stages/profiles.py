"""The profile that a run's settings ask for."""

from typing import Any

from msl import schema
from msl.stages.stage import Job
from msl.training import Callback
from msl.training.callbacks import Profile


def profile_of(job: Job[Any, Any]) -> dict[str, Callback]:
    """The callback that measures steps, if the setting `profile` asks for it. It is the last: it ends a step."""
    steps = job.config.runtime.profile
    return {"profile": Profile(steps, job.folder / schema.PROFILE_FOLDER, job.reporter)} if steps else {}
