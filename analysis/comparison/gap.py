"""The gap that labels of the target would close, and how much of it an adaptation closes."""

import math
from dataclasses import dataclass

from analysis.comparison.attribution import TOTAL, Attribution
from analysis.seeds import Measure, SeedGroup, Share
from msl import schema


@dataclass(frozen=True)
class Gap:
    """From source only to a group that learned from labels of the target."""

    supervised: SeedGroup
    measure: Measure

    def seeds(self, part: Attribution) -> tuple[str, ...]:
        """The seeds of which the adaptation, its parent and the supervised network are scored."""
        scores = self.supervised.values(self.measure)
        return tuple(seed for seed in part.seeds[TOTAL] if math.isfinite(scores.get(seed, math.nan)))

    def obstacle(self, part: Attribution) -> str | None:
        """Why the share of an adaptation is no number; None if it is one."""
        role = schema.parse_metric(self.measure.metric).domain or schema.TARGET
        scored, labelled = (group.domain(role) or "not recorded" for group in (part.group, self.supervised))
        if scored != labelled:
            return f"{role} {scored}, that of {self.supervised.name} is {labelled}"
        if not self.seeds(part):
            return "no seed that both have"
        better = math.fsum(self._sides(part)[1]) * (-1 if self.measure.lower_is_better else 1)
        return None if better > 0 else f"{self.supervised.name} is not better than source only"

    def closed(self, part: Attribution) -> Share:
        """(run - source only) / (supervised - source only); meaningless where there is an obstacle."""
        return Share.of(*self._sides(part))

    def _sides(self, part: Attribution) -> tuple[list[float], list[float]]:
        """Seed by seed, what the adaptation gains and what labels gain."""
        scores, seeds = self.supervised.values(self.measure), part.seeds[TOTAL]
        run, source = (dict(zip(seeds, side.values, strict=True)) for side in (part.total.group, part.total.reference))
        common = self.seeds(part)
        return [run[seed] - source[seed] for seed in common], [scores[seed] - source[seed] for seed in common]
