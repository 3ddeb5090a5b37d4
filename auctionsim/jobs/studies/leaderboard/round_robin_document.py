"""Write the round robin's table: mean payoff against the others, regret, and who gains by invading."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.documents.results import by_seed
from auctionsim.analysis.documents.sections import Heading, Section, Table
from auctionsim.analysis.interquartile import BOOTSTRAP, compare_middles, interquartile_mean, middle_interval
from auctionsim.jobs.studies.leaderboard.round_robin import BETWEEN

Array = NDArray[np.float64]

_NAMED = 3
"""Invaders that a cell names."""


def round_robin_sections(results: pl.DataFrame, scenario: str, arm: str) -> list[Section]:
    """Return the round robin's table, the best mean payoff first; nothing if it was not measured.

    Args:
        results: The rows of results.parquet.
        scenario: The round robin's scenario.
        arm: Its arm.
    """
    own = results.filter(scenario=scenario, arm=arm)
    names = [metric.split(BETWEEN)[0] for metric in own["metric"].unique(maintain_order=True) if _is_diagonal(metric)]
    if len(names) < 2:
        return []
    payoff = np.array([[list(by_seed(own, scenario, arm, f"{a}{BETWEEN}{b}").values()) for b in names] for a in names])
    middle = np.array([[interquartile_mean(own) for own in row] for row in payoff])
    against_others = (payoff.sum(axis=1) - payoff[np.arange(len(names)), np.arange(len(names))]) / (len(names) - 1)
    regret = (payoff.max(axis=0) - payoff).mean(axis=1)
    rows = []
    for i in sorted(range(len(names)), key=lambda i: -interquartile_mean(against_others[i])):
        invaders = _invaders(payoff, i, names)
        shown = ", ".join(invaders[:_NAMED]) + (f" and {len(invaders) - _NAMED} more" if len(invaders) > _NAMED else "")
        best = names[int(middle[:, i].argmax())]
        rows.append(
            [
                names[i],
                str(middle_interval(against_others[i])),
                str(middle_interval(payoff[i, i])),
                str(middle_interval(regret[i])),
                best,
                shown or "nobody",
            ]
        )
    note = (
        f"{scenario}. Half of the advertisers follow one entrant, half another, then the roles are swapped; payoffs are mean "
        f"objectives as ratios to keyword bids, test days, interquartile means over {payoff.shape[2]} seeds with {BOOTSTRAP}. "
        "Regret: how much the best reply to each entrant earns more, mean over all entrants, itself included. Invaded by: "
        "entrants that earn more in its company than it earns there, paired by seed, interval above 0; the number of pairs is "
        "not corrected for. Learners were trained with everybody following them, not against the mixture."
    )
    header = ["Entrant", "Mean against others", "Against itself", "Regret", "Best reply to it", "Invaded by"]
    return [Heading("Round robin"), Table(header, rows, note)]


def _is_diagonal(metric: str) -> bool:
    one, found, other = metric.partition(BETWEEN)
    return bool(found) and one == other


def _invaders(payoff: Array, i: int, names: list[str]) -> list[str]:
    """Return who earns more against i than i against it, by the size of the difference."""
    gains = {j: compare_middles(payoff[j, i], payoff[i, j]) for j in range(len(names)) if j != i}
    gaining = [j for j, gain in gains.items() if gain.difference.low > 0]
    return [names[j] for j in sorted(gaining, key=lambda j: -gains[j].difference.mean)]
