"""What a name is recorded as: a tag, a parameter or a metric. MLflow has a name space for each of the three."""

from typing import Final

from msl.schema import metrics
from msl.schema.settings import PARAM_PREFIX

TAGS: Final = "tags"
PARAMS: Final = "params"
METRICS: Final = "metrics"
KINDS: Final = (TAGS, PARAMS, METRICS)

_TAG_PREFIXES = ("msl.", "mlflow.")
_METRIC_FOLDERS = tuple(f"{folder}/" for folder in (*metrics.DOMAINS, *metrics.CHECKPOINTS))
_OTHER_PREFIXES = "speed/", "memory/", "predicted/", "adaptation/", "self_train/"
_METRIC_PREFIXES = (*_METRIC_FOLDERS, metrics.LOSS_PREFIX, metrics.STYLE_PREFIX, *_OTHER_PREFIXES)
_METRICS = frozenset({metrics.LR, metrics.EPOCH, metrics.ATTEMPT})


def kind(name: str) -> str | None:
    """What msl records under this name, whatever others record under it; None for a name that is not msl's."""
    if name.startswith(_TAG_PREFIXES):
        return TAGS
    if name.startswith(PARAM_PREFIX):
        return PARAMS
    return METRICS if name.startswith(_METRIC_PREFIXES) or name in _METRICS else None
