"""Start of several processes for one request, on this machine."""

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import msl
from msl import schema
from msl.errors import LostProcessError
from msl.recipes import Request
from msl.stages.stage import Outcome
from msl.tracking import ending_with_starter
from msl.world import world

REQUEST_FILE, RESULT_FILE = "request", "result"


def process_count(request: Request) -> int:
    """How many processes are to be started for a request: 1 within a process that torchrun has started."""
    return 1 if world().is_several else int(request.settings.flat().get("nproc", 1))


def launched(request: Request, count: int) -> Outcome:
    """Run a request in so many processes; the outcome, or the error, is that of the first one.

    Raises:
        MslError: of the first process.
        SystemExit: a signal has ended the run.
    """
    from msl.training.distributed.launch import launch

    starter = ending_with_starter() if os.environ.get(schema.MLFLOW_RUN) else nullcontext()
    with TemporaryDirectory() as folder, _importable(), starter:
        (Path(folder) / REQUEST_FILE).write_bytes(pickle.dumps(request))
        exit_code = launch("msl.runs.process", [folder], count)
        result_file = Path(folder) / RESULT_FILE
        if not result_file.exists():
            raise LostProcessError(_ended(exit_code))
        result = pickle.loads(result_file.read_bytes())
    if isinstance(result, Outcome):
        return result
    raise result


def _ended(exit_code: int | None) -> str:
    how = f"exit code {exit_code}" if exit_code is None or exit_code >= 0 else f"signal {-exit_code}"
    return f"a process of this training has ended ({how}). The run can be resumed: `msl runs` shows it."


@contextmanager
def _importable() -> Iterator[None]:
    """Within this block, another process finds this msl."""
    previous = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(msl.__file__).parents[1]), *filter(None, [previous])])
    try:
        yield
    finally:
        if previous is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = previous
