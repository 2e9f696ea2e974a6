"""What describes a run once: its name, its parameters and the data that it reads; in values that JSON can hold."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

NAME, PARAMS, INPUTS = "name", "params", "inputs"  # kinds of records
_BATCH_PARAMS = 100  # MLflow's limit
_DIGEST_LIMIT = 36  # characters of a data set's digest in MLflow
_INPUT_ATTEMPTS = 5


@dataclass(frozen=True)
class DataInput:
    """A domain that a run reads."""

    role: str  # source or target
    name: str
    split: str
    digest: str
    images: int
    style: Mapping[str, str] = field(default_factory=dict)  # how the images of a styled copy were made


def log_description(client: MlflowClient, run_id: str, kind: str, values: Any) -> None:
    """Send a part of a run's description. A second sending changes nothing.

    Args:
        client: of the tracking store.
        run_id: the run.
        kind: NAME, PARAMS or INPUTS.
        values: the name; the parameters by name; or the fields of each `DataInput`.
    """
    if kind == NAME:
        client.update_run(run_id, name=values)
    elif kind == PARAMS:
        params = [Param(name, value) for name, value in values.items()]
        for start in range(0, len(params), _BATCH_PARAMS):
            client.log_batch(run_id, params=params[start : start + _BATCH_PARAMS])
    else:
        log_inputs(client, run_id, [_dataset(DataInput(**data)) for data in values])


def log_inputs(client: MlflowClient, run_id: str, inputs: Sequence[DatasetInput]) -> None:
    """Record the inputs, even if other runs record the same ones at the same moment.

    MLflow looks for a data set in one statement and adds it in another. If another run adds it between the two, the
    second statement fails; the next attempt finds it.
    """
    for _ in range(_INPUT_ATTEMPTS - 1):
        with suppress(MlflowException):
            return client.log_inputs(run_id, list(inputs))
    return client.log_inputs(run_id, list(inputs))


def as_json(inputs: Iterable[DataInput]) -> list[dict[str, Any]]:
    """The fields of each input, for `log_description`."""
    return [{**vars(data), "style": dict(data.style)} for data in inputs]


def _dataset(data: DataInput) -> DatasetInput:
    entity = Dataset(
        name=f"{data.name}/{data.split}",
        digest=data.digest[:_DIGEST_LIMIT],
        source_type="msl",
        source=json.dumps({"domain": data.name, "split": data.split, "sha256": data.digest, **_styled(data)}),
        profile=json.dumps({"images": data.images}),
    )
    return DatasetInput(entity, [InputTag("mlflow.data.context", data.role)])


def _styled(data: DataInput) -> dict[str, Any]:
    return {"style": dict(data.style)} if data.style else {}
