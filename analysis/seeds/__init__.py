"""Runs that differ by seed only: their groups, measures and statistics, and what makes a comparison unfair.

`groups` makes seed groups of runs, `names` finds them and shortens their names. `measures` names their numbers,
`statistics` summarises these over seeds. `trends` reads from a run's curves how it developed, `comparability` finds
what the reader of a comparison has to know.
"""

from analysis.seeds.comparability import comparability_notes, infinite_notes
from analysis.seeds.correction import holm
from analysis.seeds.groups import INERT, SeedGroup, find_seed_group, number, seed_groups
from analysis.seeds.measures import ALIASES, Measure, find_measure, find_measures, headline_scores, recorded_measures
from analysis.seeds.names import find_group, shared_note, short_names
from analysis.seeds.power import paired_power, pairs_needed
from analysis.seeds.share import Share
from analysis.seeds.statistics import Difference, Interval, Summary, smooth
from analysis.seeds.trends import DROP, FALL, LOSSES, with_trends

__all__ = [
    "ALIASES",
    "DROP",
    "FALL",
    "INERT",
    "LOSSES",
    "Difference",
    "Interval",
    "Measure",
    "SeedGroup",
    "Share",
    "Summary",
    "comparability_notes",
    "find_group",
    "find_measure",
    "find_measures",
    "find_seed_group",
    "headline_scores",
    "holm",
    "infinite_notes",
    "number",
    "paired_power",
    "pairs_needed",
    "recorded_measures",
    "seed_groups",
    "shared_note",
    "short_names",
    "smooth",
    "with_trends",
]
