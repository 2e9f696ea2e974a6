"""Runs on an MLflow tracking server: what they record, where they come from, and their files."""

from msl.tracking.artifacts import download, read_record, sha256_of
from msl.tracking.connection import Client, connect
from msl.tracking.journalled import journalled
from msl.tracking.lineage import code_digest, find_finished, fingerprint, nearest_finished
from msl.tracking.offline import Recording, recording
from msl.tracking.record import RunRecord
from msl.tracking.references import LAST_FIRST, WeightsFile, find_weights
from msl.tracking.reporter import MlflowReporter
from msl.tracking.run_folder import run_folder
from msl.tracking.runs import DataInput, describe, describe_again, ending, open_run, reopen, reopened
from msl.tracking.signals import asking

__all__ = [
    "LAST_FIRST",
    "Client",
    "DataInput",
    "MlflowReporter",
    "Recording",
    "RunRecord",
    "WeightsFile",
    "asking",
    "code_digest",
    "connect",
    "describe",
    "describe_again",
    "download",
    "ending",
    "find_finished",
    "find_weights",
    "fingerprint",
    "journalled",
    "nearest_finished",
    "open_run",
    "read_record",
    "recording",
    "reopen",
    "reopened",
    "run_folder",
    "sha256_of",
]
