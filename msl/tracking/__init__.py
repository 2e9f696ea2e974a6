"""Runs on an MLflow tracking server: what they record, where they come from, and their files."""

from msl.tracking.artifacts import download, read_record, sha256_of
from msl.tracking.connection import Client, connect
from msl.tracking.journalled import journalled
from msl.tracking.lease import refuse_if_held, take, this_process
from msl.tracking.leftovers import forget_if_continued_elsewhere
from msl.tracking.lineage import code_digest, find_finished, fingerprint, finished_runs, nearest_finished
from msl.tracking.record import RunRecord
from msl.tracking.references import LAST_FIRST, WeightsFile, check_reference, check_run, find_weights
from msl.tracking.reporter import MlflowReporter
from msl.tracking.run_folder import run_folder
from msl.tracking.runs import DataInput, describe, describe_again, ending, note_failure, open_run, reopen, reopened
from msl.tracking.signals import asking

__all__ = [
    "LAST_FIRST",
    "Client",
    "DataInput",
    "MlflowReporter",
    "RunRecord",
    "WeightsFile",
    "asking",
    "check_reference",
    "check_run",
    "code_digest",
    "connect",
    "describe",
    "describe_again",
    "download",
    "ending",
    "find_finished",
    "find_weights",
    "fingerprint",
    "finished_runs",
    "forget_if_continued_elsewhere",
    "journalled",
    "nearest_finished",
    "note_failure",
    "open_run",
    "read_record",
    "refuse_if_held",
    "reopen",
    "reopened",
    "run_folder",
    "sha256_of",
    "take",
    "this_process",
]
