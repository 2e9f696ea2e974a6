"""Where a tracking service keeps its data, and how it is started, copied and cleaned."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from msl.config import Group


class StorageConfig(Group):
    """Where a service keeps its data."""

    folder: Path = Field(Path(), description="Folder of the service: its run store, accounts and artifacts.")
    database: str | None = Field(
        None, description="postgresql://USER@HOST/NAME for runs and accounts; none = SQLite files in the folder."
    )
    database_password_file: Path | None = Field(None, description="File with the password of the database.")
    artifacts: str | None = Field(
        None, description="Where artifacts are stored: a folder or s3://BUCKET/PATH; none = mlartifacts in the folder."
    )


class ServeConfig(StorageConfig):
    """A tracking server."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 = every address of this machine.")
    port: int = Field(5000, ge=1, le=65535, description="Port to listen on.")
    allowed_hosts: str | None = Field(
        None,
        description="Names by which clients reach the server, with commas between; localhost is always allowed.",
    )
    workers: int = Field(2, ge=1, le=64, description="Server processes.")
    default_permission: Literal["READ", "EDIT"] = Field(
        "READ",
        description="What an account may do without a grant: READ = look; EDIT = also log runs and make experiments.",
    )
    upload_limit_mb: int = Field(4096, ge=1, description="Largest file that may be uploaded, MiB.")
    connections: int = Field(1000, ge=10, description="Most connections of one server process.")
    account_failures: int = Field(
        5,
        ge=1,
        description="Wrong passwords of one account that cost no wait; each further one doubles the wait.",
    )
    address_failures: int = Field(
        20, ge=1, description="The same of one address; --trusted_proxies tells whose clients have their own."
    )
    admin_password_file: Path | None = Field(
        None,
        description="File with the password of the account admin; none = a password is generated at the first start.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="Addresses or networks of proxies, with commas between, whose X-Forwarded-For names the client.",
    )
    access_log: Path | None = Field(None, description="File for a line of JSON about each request; none = no file.")
    alert: str | None = Field(
        None,
        pattern="^https?://",
        description="Webhook that is told of runs that fail, give no sign of life or are a new best; none = no alerts.",
    )
    upgrade: bool = Field(False, description="Bring the database to the schema of this MLflow version, and stop.")


class BackupConfig(StorageConfig):
    """A copy of a service, or a check of one."""

    backup: Path = Field(description="Folder of the backups; files that an earlier backup has are not copied again.")
    check: bool = Field(
        False, description="Make no backup; read all snapshots, compare every checksum and name those that are whole."
    )


class RestoreConfig(StorageConfig):
    """A service made from a backup."""

    backup: Path = Field(description="Folder of the backups.")
    snapshot: str = Field("newest", description="Name of a folder in snapshots; newest = the newest that is whole.")


class CleanConfig(Group):
    """Which runs of the tracking store to clean; MLFLOW_TRACKING_URI names the store."""

    experiment: str | None = Field(None, description="Name of the experiment to clean; none = all.")
    older_than_days: float = Field(7, ge=0, description="Days; the files of runs that ended less than this ago stay.")
    delete: bool = Field(False, description="Delete the files that may be deleted; otherwise they are only listed.")


class AccountConfig(StorageConfig):
    """An account of a service."""

    name: str = Field(description="Name of the account.")


class PasswordConfig(AccountConfig):
    """An account and its new password."""

    password_file: Path | None = Field(None, description="File with the password; none = a password is generated.")


class GrantConfig(AccountConfig):
    """What an account may do with one experiment or registered model."""

    experiment: str | None = Field(None, description="Name of the experiment.")
    model: str | None = Field(None, description="Name of the registered model.")
    permission: Literal["DENY", "READ", "USE", "EDIT", "MANAGE"] | None = Field(
        None, description="The permission; none = take back what was granted."
    )
