"""Runs on an MLflow tracking server: what they record, where they come from, and their files."""

from msl.tracking.adoption import note_failure
from msl.tracking.artifacts import download, read_record, sha256_of
from msl.tracking.connection import Client, connect
from msl.tracking.description import DataInput
from msl.tracking.ending import ending
from msl.tracking.journalled import journal_of, journalled
from msl.tracking.lease import refuse_if_held, take, this_process
from msl.tracking.leftovers import forget_if_continued_elsewhere
from msl.tracking.lineage import (
    code_digest,
    find_finished,
    fingerprint,
    finished_runs,
    nearest_finished,
    nearest_interrupted,
    runs_like,
)
from msl.tracking.locks import lock
from msl.tracking.offline import Recording, recording
from msl.tracking.reaper import is_interrupted
from msl.tracking.record import RunRecord
from msl.tracking.references import LAST_FIRST, WeightsFile, check_reference, check_run, find_weights
from msl.tracking.reporter import MlflowReporter
from msl.tracking.run_folder import RESUME_FOLDER, STARTS_FOLDER, is_in_use, remove_sent, run_folder, work_folder
from msl.tracking.runs import describe, describe_again, open_run, reopen, reopened
from msl.tracking.search import has_run
from msl.tracking.signals import asking, confirming, end_hanging, ending_with_starter, handling_signals

__all__ = [
    "LAST_FIRST",
    "RESUME_FOLDER",
    "STARTS_FOLDER",
    "Client",
    "DataInput",
    "MlflowReporter",
    "Recording",
    "RunRecord",
    "WeightsFile",
    "asking",
    "check_reference",
    "check_run",
    "code_digest",
    "confirming",
    "connect",
    "describe",
    "describe_again",
    "download",
    "end_hanging",
    "ending",
    "ending_with_starter",
    "find_finished",
    "find_weights",
    "fingerprint",
    "finished_runs",
    "forget_if_continued_elsewhere",
    "handling_signals",
    "has_run",
    "is_in_use",
    "is_interrupted",
    "journal_of",
    "journalled",
    "lock",
    "nearest_finished",
    "nearest_interrupted",
    "note_failure",
    "open_run",
    "read_record",
    "recording",
    "refuse_if_held",
    "remove_sent",
    "reopen",
    "reopened",
    "run_folder",
    "runs_like",
    "sha256_of",
    "take",
    "this_process",
    "work_folder",
]
