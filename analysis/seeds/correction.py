"""p values of many comparisons at once."""

import math
from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for their number; NaN is no comparison and stays NaN.

    With 20 groups that do not differ from the baseline, every second table has an uncorrected p below 0.05. Of
    corrected ones, at most one table of twenty has, however the comparisons depend on each other: the groups share a
    baseline (Holm, *A Simple Sequentially Rejective Multiple Test Procedure*, Scandinavian Journal of Statistics 1979).
    """
    ordered = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    corrected, largest = [math.nan] * len(p_values), 0.0
    for rank, (p, place) in enumerate(ordered):
        largest = max(largest, min(1.0, (len(ordered) - rank) * p))
        corrected[place] = largest
    return corrected
