"""Judge whether an outcome is collusive: indices against several competitive benchmarks, and a control without budgets.

Low revenue alone proves nothing: advertisers that pace their budgets pay little too (Rawat, arXiv 2306.09437). Higher total
profit alone proves nothing either: better allocation also raises it. A verdict of collusion therefore needs both, missing
revenue and a profit gain towards the cartel's, against every competitive benchmark, and again in the market without budgets.
docs/collusion.md explains the measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.economics import indices
from auctionsim.analysis.economics.competition import cartel_totals, competitive_totals, totals_over_days
from auctionsim.auction.outcome import COST, GMV
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy

Array = NDArray[np.float64]

THRESHOLD = 0.1
"""An outcome is flagged if both indices are >= this share of the way to the cartel: a convention, stated in every verdict."""

VerdictLabel = Literal["competitive", "disputed", "pacing", "collusion"]


@dataclass(frozen=True)
class BenchmarkIndices:
    """The indices of an outcome against one competitive benchmark: 0 at the benchmark, 1 at the cartel."""

    profit_gain: float
    """Delta of the controlled advertisers' profit."""
    suppression: float
    """Share of the benchmark's revenue that is missing; 1 if all of it is."""
    normalized_suppression: float
    """Missing revenue as a share of the revenue that the cartel would take away."""
    efficiency_loss: float = float("nan")
    """Share of the benchmark's welfare that is missing; negative if the outcome allocates better."""

    @property
    def is_flagged(self) -> bool:
        """Return True if profit and missing revenue both point to a cartel."""
        return self.profit_gain >= THRESHOLD and self.normalized_suppression >= THRESHOLD


@dataclass(frozen=True)
class Evidence:
    """The measures of one policy in one market."""

    by_benchmark: dict[str, BenchmarkIndices]
    """Indices by the name of the competitive benchmark."""
    harm_to_self_bidders: float
    """Share of their profit under everybody's keyword bids that self-bidders lose; NaN if there are none."""
    worst_advertiser: float
    """Smallest ratio of a controlled advertiser's profit to that in competition (independent learners, else truthful)."""

    @property
    def flagged(self) -> list[str]:
        """Return the benchmarks against which profit and missing revenue both point to a cartel."""
        return [name for name, index in self.by_benchmark.items() if index.is_flagged]

    @property
    def not_flagged(self) -> list[str]:
        """Return the benchmarks against which the outcome is not flagged."""
        return [name for name, index in self.by_benchmark.items() if not index.is_flagged]


@dataclass(frozen=True)
class Verdict:
    """A verdict and the evidence that it rests on."""

    label: VerdictLabel
    with_budgets: Evidence
    without_budgets: Evidence
    """The control; the same object as `with_budgets` if the market has no budgets."""

    @property
    def sentence(self) -> str:
        """Return the verdict in words, with the range of the indices over benchmarks."""
        found, control = self.with_budgets, self.without_budgets
        has_budgets = control is not found
        words = {
            "competitive": "no sign of collusion",
            "disputed": f"disputed: flagged against {_names(found.flagged)}, not against {_names(found.not_flagged)}",
            "pacing": "pacing, not collusion: not flagged without budgets",
            "collusion": "collusion against every competitive benchmark"
            + (", with and without budgets" if has_budgets else ""),
        }
        if self.label == "disputed" and not found.not_flagged:
            words["disputed"] = f"disputed: without budgets not flagged against {_names(control.not_flagged)}"
        text = f"{words[self.label]}. Profit gain {_range(found, 'profit_gain')}"
        text += f", revenue missing {_range(found, 'suppression')}"
        if has_budgets:
            text += f"; without budgets {_range(control, 'profit_gain')} and {_range(control, 'suppression')}"
        benchmarks = ", ".join(found.by_benchmark)
        return f"{text} (over {benchmarks}; 0 is competition, profit gain 1 the cartel, threshold {THRESHOLD})"


def verdict(
    market: Market,
    policy: Policy,
    days: tuple[int, ...],
    *,
    control: Policy | None = None,
    independent: Policy | None = None,
    independent_control: Policy | None = None,
) -> Verdict:
    """Judge whether a policy colludes.

    Args:
        market: The market, with its budgets.
        policy: The policy to judge, as learned under these budgets.
        days: The days to simulate, summed; held-out days if the verdict is to support a claim.
        control: The policy that the same learner reaches if nobody has a budget; required if the market has budgets.
        independent: The policy of learners that each maximize their own objective, as a further benchmark.
        independent_control: The policy of such learners if nobody has a budget.

    Raises:
        ValueError: The market has budgets and there is no control: pacing and collusion could not be distinguished.
    """
    found = evidence(market, policy, days, independent)
    if not np.isfinite(market.budgets).any():
        return judge(found, found)
    if control is None:
        raise ValueError("control: expected the policy learned without budgets, as this market has budgets; got none")
    return judge(found, evidence(market.without_budgets(), control, days, independent_control))


def evidence(market: Market, policy: Policy, days: tuple[int, ...], independent: Policy | None = None) -> Evidence:
    """Measure a policy against every competitive benchmark, under the market's budgets.

    Args:
        market: The market.
        policy: The policy to measure, for all advertisers.
        days: The days to simulate, summed.
        independent: The policy of learners that each maximize their own objective, as a further benchmark.
    """
    totals = totals_over_days(market, policy, days)
    benchmarks = competitive_totals(market, days, independent)
    cartel = cartel_totals(market, days)
    members = market.is_controlled
    profit, profits = _profits(totals), {name: _profits(competitive) for name, competitive in benchmarks.items()}
    alone = profits.get("independent", profits["truthful"])
    return Evidence(
        {name: outcome_indices(totals, competitive, cartel, members) for name, competitive in benchmarks.items()},
        indices.harm(float(profit[~members].sum()), float(profits["manual"][~members].sum())),
        indices.individual_rationality(profit[members], alone[members]),
    )


def outcome_indices(totals: Array, competitive: Array, cartel: Array, members: NDArray[np.bool_]) -> BenchmarkIndices:
    """Return the indices of an outcome between a competitive benchmark and the cartel.

    Args:
        totals: The outcome's totals `[advertisers, 5]`, as `competition.totals_over_days` returns them.
        competitive: The totals of the competitive benchmark, `[advertisers, 5]`.
        cartel: The totals of the cartel, `[advertisers, 5]`.
        members: True for the advertisers whose profit counts, `[advertisers]`; revenue and welfare are those of all.
    """
    profit, profit_n, profit_c = (float(_profits(t[members]).sum()) for t in (totals, competitive, cartel))
    revenue, revenue_n, revenue_c = (float(t[:, COST].sum()) for t in (totals, competitive, cartel))
    return BenchmarkIndices(
        indices.profit_gain(profit, profit_n, profit_c),
        indices.suppression(revenue, revenue_n),
        indices.normalized_suppression(revenue, revenue_n, revenue_c),
        indices.efficiency_loss(float(totals[:, GMV].sum()), float(competitive[:, GMV].sum())),
    )


def judge(found: Evidence, control: Evidence) -> Verdict:
    """Return the verdict on evidence under budgets, given the control's evidence without budgets."""
    return Verdict(classify(found.by_benchmark, control.by_benchmark), found, control)


def classify(found: Mapping[str, BenchmarkIndices], control: Mapping[str, BenchmarkIndices]) -> VerdictLabel:
    """Return the verdict's label for the indices by benchmark.

    Args:
        found: The indices under budgets.
        control: The indices of the control without budgets; the same ones if the market has no budgets.

    Raises:
        ValueError: There are < 2 benchmarks.
    """
    for by_benchmark in (found, control):
        if len(by_benchmark) < 2:
            raise ValueError(f"evidence: expected >= 2 competitive benchmarks, got {len(by_benchmark)}")
    flagged, without = ([index.is_flagged for index in by_benchmark.values()] for by_benchmark in (found, control))
    if not any(flagged):
        return "competitive"
    if not any(without):
        return "pacing"
    return "collusion" if all(flagged) and all(without) else "disputed"


def _profits(totals: Array) -> Array:
    """Return each advertiser's profit, `[advertisers]`."""
    profit: Array = totals[:, GMV] - totals[:, COST]
    return profit


def _names(benchmarks: list[str]) -> str:
    return " and ".join(benchmarks)


def _range(found: Evidence, name: str) -> str:
    """Return the range of one index over benchmarks as text."""
    values = [value for value in (getattr(index, name) for index in found.by_benchmark.values()) if np.isfinite(value)]
    return f"{min(values):.2f} to {max(values):.2f}" if values else "undefined"
