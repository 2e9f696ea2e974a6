"""Where a tracking service lies, how it is started, copied and cleaned."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from msl.config import Group


class PlaceConfig(Group):
    """Where a service keeps its data."""

    folder: Path = Field(Path(), description="Folder of the service: its run store, accounts and artifacts.")
    database: str | None = Field(
        None, description="postgresql://USER@HOST/NAME for runs and accounts; none = SQLite files in the folder."
    )
    database_password_file: Path | None = Field(None, description="File with the password of the database.")
    artifacts: str | None = Field(
        None, description="Where artifacts are stored: a folder or s3://BUCKET/PATH; none = mlartifacts in the folder."
    )


class ServeConfig(PlaceConfig):
    """A tracking server."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 = every address of this machine.")
    port: int = Field(5000, ge=1, le=65535, description="Port to listen on.")
    allowed_hosts: str | None = Field(
        None, description="Names by which clients reach the server, with commas between; localhost is always allowed."
    )
    workers: int = Field(2, ge=1, le=64, description="Server processes.")
    default_permission: Literal["READ", "EDIT"] = Field(
        "READ",
        description="What an account may do without a grant: READ = look; EDIT = also log runs and make experiments.",
    )
    upload_limit_mb: int = Field(4096, ge=1, description="Largest file that may be uploaded, MiB.")
    admin_password_file: Path | None = Field(
        None,
        description="File with the password of the account admin; none = a password is generated at the first start.",
    )
    upgrade: bool = Field(False, description="Bring the database to the schema of this MLflow version, and stop.")


class BackupConfig(PlaceConfig):
    """A copy of a service, or a check of one."""

    backup: Path = Field(description="Folder of the backups; files that an earlier backup has are not copied again.")
    check: bool = Field(False, description="Make no backup; read the newest one and compare every checksum.")


class RestoreConfig(PlaceConfig):
    """A service made from a backup."""

    backup: Path = Field(description="Folder of the backups.")
    snapshot: str = Field("newest", description="Name of a folder in snapshots, or newest.")


class CleanConfig(Group):
    """What to clean in the tracking store that MLFLOW_TRACKING_URI names."""

    experiment: str | None = Field(None, description="Name of the experiment to look at; none = all.")
    older_than_days: float = Field(7, ge=0, description="Days; runs that ended later than that are left alone.")
    delete: bool = Field(False, description="Delete what is listed; otherwise it is only listed.")
