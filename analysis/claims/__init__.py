"""The report's claims, and what our own runs say of them.

`claims` holds the claims as data. `candidates` recognises which experiment of the report a seed group is, `verdicts`
judges each claim by the groups that fit it, and `table` writes the verdicts.
"""

from analysis.claims.claims import CLAIMS, Claim, Region, Statement
from analysis.claims.table import claim_table
from analysis.claims.verdicts import Evidence, Finding, find_claims, judge

__all__ = [
    "CLAIMS",
    "Claim",
    "Evidence",
    "Finding",
    "Region",
    "Statement",
    "claim_table",
    "find_claims",
    "judge",
]
