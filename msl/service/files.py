"""The artifacts of a service: files in a folder or in S3, each with a mark that changes when the file changes."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from urllib.parse import urlsplit

from msl.errors import ServiceError
from msl.files import files_below

_UPLOADING = ".artifact.uploading."  # MLflow's name for a file that is not complete yet


@dataclass(frozen=True)
class Mark:
    """Size and time of a file: they change when the file changes."""

    size: int  # bytes
    stamp: str  # time of the last change, or S3's ETag


class Files(Protocol):
    """A store of artifacts. Paths are relative to its root, with slashes."""

    def marks(self) -> dict[str, Mark]:
        """The mark of every file, by path."""

    def mark(self, path: str) -> Mark | None:
        """The mark of a file; None if there is no such file."""

    def fetch(self, path: str, target: Path) -> None:
        """Copy a file to this machine."""

    def put(self, source: Path, path: str) -> None:
        """Copy a file into the store."""


def open_files(artifacts: str) -> Files:
    """The store at a folder or at ``s3://BUCKET/PATH``.

    Raises:
        ServiceError: the address is of another kind.
    """
    scheme = urlsplit(artifacts).scheme
    if scheme == "s3":
        return S3Files(artifacts)
    if scheme:
        raise ServiceError(f"artifacts = {artifacts}: a backup needs a folder or s3://BUCKET/PATH")
    return FolderFiles(Path(artifacts))


class FolderFiles:
    """Files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def marks(self) -> dict[str, Mark]:
        """The mark of every file, by path; files that are still being uploaded are left out."""
        names = (path.relative_to(self._root).as_posix() for path in files_below(self._root) if path.is_file())
        marks = {name: self.mark(name) for name in names if not PurePosixPath(name).name.startswith(_UPLOADING)}
        return {name: mark for name, mark in sorted(marks.items()) if mark is not None}

    def mark(self, path: str) -> Mark | None:
        """The mark of a file; None if there is no such file."""
        try:
            status = (self._root / path).stat()
        except FileNotFoundError:
            return None
        return Mark(status.st_size, f"{status.st_mtime_ns}.{status.st_ino}")

    def fetch(self, path: str, target: Path) -> None:
        """Copy a file to this machine."""
        shutil.copyfile(self._root / path, target)

    def put(self, source: Path, path: str) -> None:
        """Copy a file into the store."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


class S3Files:
    """Objects below a prefix of a bucket. MLFLOW_S3_ENDPOINT_URL and boto3's settings say where, as for MLflow."""

    def __init__(self, uri: str) -> None:
        try:
            import boto3
        except ImportError as error:
            raise ServiceError(f"artifacts = {uri} needs boto3: run `pip install '.[s3]'` first") from error
        parts = urlsplit(uri)
        self._uri = uri
        self._bucket, self._prefix = parts.netloc, f"{parts.path.strip('/')}/".lstrip("/")
        self._client: Any = boto3.client("s3", endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL"))

    def marks(self) -> dict[str, Mark]:
        """The mark of every object, by path."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        with self._plain_errors():
            objects = [entry for page in pages for entry in page.get("Contents", ())]
        return {entry["Key"].removeprefix(self._prefix): Mark(entry["Size"], entry["ETag"]) for entry in objects}

    def mark(self, path: str) -> Mark | None:
        """The mark of an object; None if there is no such object."""
        try:
            with self._plain_errors():
                head = self._client.head_object(Bucket=self._bucket, Key=self._prefix + path)
        except FileNotFoundError:
            return None
        return Mark(head["ContentLength"], head["ETag"])

    def fetch(self, path: str, target: Path) -> None:
        """Copy an object to this machine."""
        with self._plain_errors():
            self._client.download_file(self._bucket, self._prefix + path, str(target))

    def put(self, source: Path, path: str) -> None:
        """Copy a file into the bucket."""
        with self._plain_errors():
            self._client.upload_file(str(source), self._bucket, self._prefix + path)

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """Raise S3's errors as ServiceError, and a missing object as FileNotFoundError."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                raise FileNotFoundError(str(error)) from error
            raise ServiceError(f"artifacts = {self._uri}: {error}") from error
