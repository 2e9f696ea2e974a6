"""Whether a tracking server answers, asked in the way in which MLflow's own client asks: the same variables count."""

from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from msl.console import reason

_GATEWAY_ERRORS = (502, 503, 504)  # a gateway answers that the server behind it does not
_FOR_THE_USER = ("SSL", "certificate", "invalid path", "Invalid url", "Failed to parse", "must not be set")


def status_of(uri: str, timeout_s: float) -> int:
    """The number of the server's answer; MLflow itself would try for four minutes.

    Args:
        uri: address of the server.
        timeout_s: seconds to wait for it.

    Raises:
        MlflowException, ValueError, OSError: nothing answers, a certificate does not fit, or a variable is wrong.
    """
    options: dict[str, Any] = {"max_retries": 0, "raise_on_status": False, "timeout": timeout_s}
    answer = http_request(get_default_host_creds(uri), "/health", "GET", **options)
    return int(answer.status_code)


def trouble_of(uri: str, timeout_s: float) -> str | None:
    """Why a server cannot be reached; None if it answers, or if only its user can mend what is wrong."""
    try:
        status = status_of(uri, timeout_s)
    except (MlflowException, OSError) as error:
        return None if any(word in str(error) for word in _FOR_THE_USER) else reason(error, uri)
    except ValueError:  # no address, or a wrong value of a variable: `connect` will say it
        return None
    return f"a gateway answers with the error {status}" if status in _GATEWAY_ERRORS else None
