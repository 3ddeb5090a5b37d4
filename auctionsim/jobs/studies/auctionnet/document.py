"""Write the page of the study `auctionnet`: scores, differences to the simplest rival, and the order beside published ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from auctionsim.analysis.documents.results import arms_table, by_seed, paired_table, paired_values
from auctionsim.analysis.documents.sections import Heading, Note, Section, Table, Text
from auctionsim.analysis.rank_correlation import rank_correlation
from auctionsim.analysis.statistics import compare_paired, ranks
from auctionsim.jobs.studies.auctionnet.published import TABLES
from auctionsim.ratios import NotDefined

SIMPLEST = "fixed-target"
"""The simplest rival: it bids the target for every expected conversion, and reacts to nothing."""
_METRICS = {
    "score": "Score",
    "conversions": "Conversions",
    "over_target": "Share over target",
    "cpa_ratio": "CPA over target",
    "budget_used": "Budget used",
}


def auctionnet_sections(results: pl.DataFrame, scenario: str) -> list[Section]:
    """Return the page's sections, the best policy first.

    Args:
        results: The rows of results.parquet.
        scenario: The scenario's name.
    """
    scores = {arm: by_seed(results, scenario, arm, "score") for arm in results["arm"].unique(maintain_order=True)}
    means = {arm: float(np.mean(list(own.values()))) for arm, own in scores.items() if own}
    order = list(ranks(means))
    return [
        Text(_headline(results, scenario, order)),
        Heading("Scores"),
        arms_table(results, scenario, _METRICS, arms=order),
        paired_table(results, scenario, SIMPLEST, [arm for arm in order if arm != SIMPLEST], {"score": "Score"}),
        Heading("Beside published orders"),
        _orders(means),
        Note(
            "Published scores are of AuctionNet's own data, which is not here, and of other rivals. Scales differ between "
            "papers, and with the size of the data: only orders are compared, and no figure above is meant to equal one of "
            "theirs. AuctionNet's own paper prints figures without numbers; on its basic task online LP is the best."
        ),
        Note(
            "Score: conversions of a day x min(1, (target / CPA)^2), mean over 48 advertisers, each followed in turn, and test "
            "days. Steps are half-hours, 48 a day, as in AuctionNet; pid, dual-pacing, throttle, linear and ortb act once per "
            "hour and know no target. The rivals follow by turns spend-pid, online-lp and fixed-target."
        ),
    ]


def _headline(results: pl.DataFrame, scenario: str, order: list[str]) -> str:
    """Return the best policy, its difference to the simplest rival, and its lead."""
    best, following = order[0], order[1:2]
    if best == SIMPLEST:
        return f"No policy scores above {SIMPLEST}, which bids the target and reacts to nothing."
    text = (
        f"The best is {best}; over {SIMPLEST}, which reacts to nothing, it scores {_lead(results, scenario, best, SIMPLEST)}."
    )
    if following and following[0] != SIMPLEST:
        text += f" Its lead over the next one, {following[0]}, is {_lead(results, scenario, best, following[0])}."
    return text


def _lead(results: pl.DataFrame, scenario: str, best: str, other: str) -> str:
    """Return the difference of two policies' scores, paired by seed, and whether it tells them apart."""
    found = compare_paired(*paired_values(results, scenario, best, other, "score"))
    return str(found) if found.differs else f"{found}, which does not tell them apart"


def _orders(means: Mapping[str, float]) -> Table:
    """Return a table with a row per published table: the shared policies, correlations and what they allow to claim."""
    rows = []
    for table in TABLES:
        found = rank_correlation(means, table.scores)
        shared = ", ".join(sorted(means.keys() & table.scores.keys())) or "none"
        if isinstance(found, NotDefined):
            rows.append([table.source, shared, str(found), "no claim"])
        else:
            rows.append([table.source, shared, str(found), found.claim])
    note = "rho: Spearman, tau: Kendall, p: over all permutations, two-sided. Fewer than 5 shared policies allow no claim."
    return Table(["published table", "policies in both", "rank correlation", "claim"], rows, note)
