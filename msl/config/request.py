"""Options of commands that are not settings of a training."""

from typing import Literal

from pydantic import Field

from msl.config.group import Group


class RequestConfig(Group):
    """How a stage is run. These options are not settings of the training."""

    recipe: str = Field(
        "auto",
        description="Set of defaults to start from; every other option overrides it. auto = streets for the domains "
        "that msl draws; for other data its benchmark, or settings that fit the images.",
    )
    group: str | None = Field(
        None, description="Name that runs share if they differ only by seed; none = a name made from the settings."
    )
    resume: str | None = Field(
        None,
        description="ID of an unfinished run to continue, in the same run. auto = the newest interrupted run with "
        "these settings, this data and this code; if there is none, a new run begins.",
    )
    tracking: Literal["online", "auto", "offline"] = Field(
        "online",
        description="offline = record the run on this machine alone, without a tracking server; `msl sync` sends it "
        "later. auto = offline if the server cannot be reached at the start.",
    )
    force: bool = Field(False, description="With resume: continue although the code has changed; the run records it.")
    dry_run: bool = Field(False, description="Print the resolved settings and what the command would do, and stop.")


class ReportConfig(Group):
    """A report on an experiment."""

    experiment: str = Field(description="Name of the experiment.")
    baseline: str = Field(description="Group to compare with: its name, or a part of the name that no other group has.")
    output: str = Field("report.html", description="File to write; its name ends in .html, or in .md for Markdown.")
    log: bool = Field(False, description="Also keep the report as an artifact of a new run.")
    store: str | None = Field(
        None, description="URI of the run store; none = $MLFLOW_TRACKING_URI, or mlflow.db in this folder."
    )


class SyncConfig(Group):
    """Which journals of trainings on this machine are sent to the tracking server."""

    run: str | None = Field(None, description="ID of one run; none = every run that has a journal in the work folder.")
