"""The IDs in the texts of an exported experiment: a copy names its own runs and models, not those of the origin."""

import re
from collections.abc import Mapping

_ID = re.compile(r"\b(?:m-)?[0-9a-f]{32}\b")
_SHORT = re.compile(r"(?<=\[run )[0-9a-f]{8}(?=\]\()")  # of a link in a run's note
_PAGE = re.compile(r"(?<=#/experiments/)\w+(?=/runs/([0-9a-f]{32}))")
_VERSION = re.compile(r"models:/[^/\s\"']+/\d+")


class NewIds:
    """Texts with the IDs that an import gave."""

    def __init__(self, experiment_id: str, ids: Mapping[str, str], versions: Mapping[str, str]) -> None:
        """Take what replaces what.

        Args:
            experiment_id: of the copy.
            ids: the new ID of each run and model, by the old one.
            versions: the new URI of each registered version of a model, by the old one.
        """
        self._experiment_id, self._ids, self._versions = experiment_id, ids, versions
        self._short = {old[:8]: new[:8] for old, new in ids.items()}

    def rewritten(self, text: str) -> str:
        """A text with new IDs; IDs of runs that were not exported stay."""
        text = _PAGE.sub(lambda match: self._experiment_id if match[1] in self._ids else match[0], text)
        text = _SHORT.sub(lambda match: self._short.get(match[0], match[0]), text)
        text = _VERSION.sub(lambda match: self._versions.get(match[0], match[0]), text)
        return _ID.sub(lambda match: self._ids.get(match[0], match[0]), text)
