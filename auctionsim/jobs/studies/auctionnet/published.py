"""Hold published scores of policies on AuctionNet's data. Scales differ between papers, so only orders are compared.

Each paper evaluates on periods and budgets of its own; dense data has about ten times the conversions of sparse data.
No figure here is an accepted range for ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedScores:
    """The scores of one table of one paper."""

    source: str
    """Paper, data and setting."""
    scores: Mapping[str, float]
    """Score by the name of the policy, as in `OURS` where this package has it; higher is better."""


OIL = "Chiappa et al. 2024 (OIL, arXiv 2412.11434)"
GAVE = "Gao et al. 2025 (GAVE, arXiv 2504.14587) and Li et al. 2024 (GAS, arXiv 2412.17018)"
TABLES = (
    PublishedScores(
        f"{OIL}, AuctionNet", {"online-lp": 331.7, "bc": 176.0, "iql": 383.0, "ppo": 385.0, "oil": 466.4}
    ),
    PublishedScores(
        f"{OIL}, AuctionNet-Sparse", {"online-lp": 24.1, "bc": 19.1, "iql": 16.9, "ppo": 28.3, "oil": 35.3}
    ),
    PublishedScores(
        f"{GAVE}, AuctionNet, all of the budget",
        {
            "diffbid": 152.0, "uscb": 157.0, "cql": 171.0, "iql": 281.0, "bcq": 321.0, "cdt": 326.0, "dt": 329.0,
            "gas": 359.0, "gave": 376.0,
        },
    ),
    PublishedScores(
        f"{GAVE}, AuctionNet-Sparse, all of the budget",
        {
            "diffbid": 19.5, "uscb": 17.5, "cql": 22.2, "iql": 30.0, "bcq": 31.1, "cdt": 31.2, "dt": 29.6,
            "gas": 36.1, "gave": 37.2,
        },
    ),
)  # fmt: skip
"""Published tables. AuctionNet's own paper prints figures without numbers: the best on its basic task is online LP."""
