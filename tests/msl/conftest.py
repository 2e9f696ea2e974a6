"""What the tests of runs and stages share: reading a run back."""

from collections.abc import Callable

import pandas as pd
import pytest

from analysis import open_store

# Of what a run logs, these are of the machine and the hour; all else repeats itself.
_INCIDENTAL = ("speed/", "memory/", "attempt")


@pytest.fixture
def curves(tiny_store: str) -> Callable[[str], dict[tuple[str, int], float]]:
    """The repeatable part of a run's history, by metric and step."""

    def read(run_id: str) -> dict[tuple[str, int], float]:
        rows = open_store(tiny_store).history([run_id])
        rows = rows[~rows["metric"].str.startswith(_INCIDENTAL)]
        return {(row.metric, row.step): row.value for row in rows.itertuples()}

    return read


@pytest.fixture
def the_run(tiny_store: str) -> Callable[..., pd.Series]:
    """One run as a row of `Store.runs`: by its ID, or the only one with a stage."""

    def find(run_id: str | None = None, stage: str | None = None) -> pd.Series:
        runs = open_store(tiny_store).runs()
        chosen = runs[runs["run_id"] == run_id] if run_id else runs[runs["msl.stage"] == stage]
        assert len(chosen) == 1, chosen
        return chosen.iloc[0]

    return find
