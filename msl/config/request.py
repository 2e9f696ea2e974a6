"""How a command is asked for: what is no setting of the training itself."""

from pydantic import Field

from msl.config.group import Group


class RequestConfig(Group):
    """How a stage is asked for: what is no setting of the training itself."""

    recipe: str = Field("streets", description="Set of defaults to start from; every other option overrides it.")
    group: str | None = Field(
        None, description="Name shared by runs that differ only by seed; none = from the settings."
    )
    resume: str | None = Field(None, description="ID of an unfinished run to go on with, in the same run.")
    dry_run: bool = Field(False, description="Print the resolved settings and stop.")


class ReportConfig(Group):
    """A report on an experiment."""

    experiment: str = Field(description="Name of the experiment.")
    baseline: str = Field(description="Group to compare with: its name, or a part that no other has.")
    output: str = Field("report.html", description="File to write; ends in .html, or in .md for Markdown.")
    log: bool = Field(False, description="Keep the report as an artifact of a run of its own, too.")
    store: str | None = Field(None, description="URI of the run store; none = $MLFLOW_TRACKING_URI, or mlflow.db here.")
