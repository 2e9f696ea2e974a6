"""The gap that labels of the target would close, and how much of it an adaptation closes."""

import math
from dataclasses import dataclass

from analysis.comparison.attribution import TOTAL, Attribution
from analysis.seeds import Measure, SeedGroup, Share


@dataclass(frozen=True)
class Gap:
    """From source only to a group that learned from labels of the target."""

    supervised: SeedGroup
    measure: Measure

    def seeds(self, part: Attribution) -> tuple[str, ...]:
        """The seeds of which the adaptation, its parent and the supervised network are scored."""
        scores = self.supervised.values(self.measure)
        return tuple(seed for seed in part.seeds[TOTAL] if math.isfinite(scores.get(seed, math.nan)))

    def closed(self, part: Attribution) -> Share:
        """(run - source only) / (supervised - source only); NaN if labels make the score no better."""
        scores, seeds = self.supervised.values(self.measure), part.seeds[TOTAL]
        run, source = (dict(zip(seeds, side.values, strict=True)) for side in (part.total.group, part.total.reference))
        common = self.seeds(part)
        gaps = [scores[seed] - source[seed] for seed in common]
        if math.fsum(gaps) * (-1 if self.measure.lower_is_better else 1) <= 0:
            return Share(math.nan, None)
        return Share.of([run[seed] - source[seed] for seed in common], gaps)
