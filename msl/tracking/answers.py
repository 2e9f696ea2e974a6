"""What an error of MLflow's client says of the server: a refusal that stays, or a trouble that passes."""

import re

from mlflow.exceptions import MlflowException
from requests import HTTPError

_REFUSALS = range(400, 500)
# A log-in that expired, a store without the run (it may be an older copy), a request that came late, too many of them.
_PASSING = (401, 403, 404, 408, 429)


def is_refusal(error: Exception) -> bool:
    """Whether the server, or its store of artifacts, will refuse the same request again."""
    status = _status(error)
    return status in _REFUSALS and status not in _PASSING


def reason_of(error: Exception) -> str:
    """The message without the chain of Python objects that caused it, and without the page that a proxy answered."""
    reason = str(error).partition("\n")[0].partition(" with exception")[0].partition(" Response text:")[0]
    return reason if isinstance(error, MlflowException | HTTPError) else f"{type(error).__name__}: {reason}"


def _status(error: Exception) -> int | None:
    """The status of an answer. MLflow calls codes that it does not know, such as 413, a 500; its text has them."""
    if isinstance(error, HTTPError):  # of an artifact
        return None if error.response is None else int(error.response.status_code)
    if not isinstance(error, MlflowException):
        return None
    told = re.search(r"failed with error code (\d{3})", str(error))
    return int(told[1]) if told else int(error.get_http_status_code())
