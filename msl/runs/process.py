"""One of the processes that `msl.runs.launching` starts: ``python -m msl.runs.process FOLDER``."""

import pickle
import sys
from pathlib import Path

from msl.console import set_up
from msl.recipes import Request
from msl.runs.begin import run
from msl.runs.following import follow
from msl.runs.launching import REQUEST_FILE, RESULT_FILE
from msl.stages.stage import Outcome
from msl.world import world


def main(folder: Path) -> None:
    """Run the request in the folder, and leave the outcome or the error there; or train with the process that does."""
    set_up()
    if not world().is_first:
        follow()
        return
    request: Request = pickle.loads((folder / REQUEST_FILE).read_bytes())
    result: Outcome | Exception
    try:
        result = run(request)
    except Exception as error:
        result = error
    (folder / RESULT_FILE).write_bytes(_pickled(result))
    sys.exit(int(isinstance(result, Exception)))


def _pickled(result: Outcome | Exception) -> bytes:
    try:
        content = pickle.dumps(result)
        pickle.loads(content)
    except Exception:  # an error of a library may not allow it
        return pickle.dumps(RuntimeError(f"{type(result).__name__}: {result}"))
    return content


if __name__ == "__main__":
    main(Path(sys.argv[1]))
