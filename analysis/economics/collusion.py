"""Is it collusion? Indices against several competitive benchmarks, and a verdict that asks for a control without budgets.

Low revenue alone proves nothing: advertisers who pace their budgets pay little too (Rawat, arXiv 2306.09437), and total profit
also rises where better allocation makes it. So a verdict needs both, revenue suppressed and profit moved towards the cartel's,
against every competitive benchmark, and again in a market without budgets. docs/collusion.md explains the measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.economics import indices
from auctionsim.analysis.economics.competition import cartel_totals, competitive_totals, days_totals
from auctionsim.auction.kernel.engine import COST, GMV
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy

Array = NDArray[np.float64]

SHOWN_FROM = 0.1
"""From this share of the way to the cartel on, an index counts as raised: a convention, stated with every verdict."""

Kind = Literal["competitive", "disputed", "pacing", "collusion"]


@dataclass(frozen=True)
class Against:
    """An outcome between one competitive benchmark (0) and the cartel (1)."""

    profit_gain: float
    """Delta, of the controlled advertisers' profit."""
    suppression: float
    """Share of the benchmark's revenue that is missing."""
    normalised_suppression: float
    efficiency_loss: float = float("nan")

    @property
    def is_raised(self) -> bool:
        """Whether profit and missing revenue both point to a cartel."""
        return self.profit_gain >= SHOWN_FROM and self.normalised_suppression >= SHOWN_FROM


@dataclass(frozen=True)
class Evidence:
    """What one market's days show."""

    against: dict[str, Against]
    """By competitive benchmark."""
    harm_to_self_bidders: float
    """Share of their profit under everybody's keyword bids that self-bidders lose; NaN where there are none."""
    worst_advertiser: float
    """Smallest ratio of a controlled advertiser's profit to that in competition (independent learners, else truthful)."""

    @property
    def raised(self) -> list[str]:
        """Benchmarks against which profit and missing revenue both point to a cartel."""
        return [name for name, index in self.against.items() if index.is_raised]

    @property
    def not_raised(self) -> list[str]:
        """The other benchmarks."""
        return [name for name, index in self.against.items() if not index.is_raised]


@dataclass(frozen=True)
class Verdict:
    """The answer, and what it rests on."""

    kind: Kind
    with_budgets: Evidence
    without_budgets: Evidence
    """The control; the same evidence where the market has no budgets."""

    @property
    def sentence(self) -> str:
        """The verdict in words, with the indices' range over benchmarks."""
        found, control = self.with_budgets, self.without_budgets
        has_budgets = control is not found
        words = {
            "competitive": "no sign of collusion",
            "disputed": f"disputed: raised against {' and '.join(found.raised)}, not against {' and '.join(found.not_raised)}",
            "pacing": "pacing, not collusion: without budgets nothing of it is left",
            "collusion": "collusion against every competitive benchmark"
            + (", with and without budgets" if has_budgets else ""),
        }
        if self.kind == "disputed" and not found.not_raised:
            words["disputed"] = f"disputed: without budgets not raised against {' and '.join(control.not_raised)}"
        text = f"{words[self.kind]}. Profit gain {_range(found, 'profit_gain')}, revenue missing {_range(found, 'suppression')}"
        if has_budgets:
            text += f"; without budgets {_range(control, 'profit_gain')} and {_range(control, 'suppression')}"
        return f"{text} (over {', '.join(found.against)}; 0 is competition, profit gain 1 the cartel, raised from {SHOWN_FROM})"


def between(totals: Array, competitive: Array, cartel: Array, members: NDArray[np.bool_]) -> Against:
    """Indices of an outcome; totals are `[advertisers, 5]` as `competition.days_totals` gives them, members `[advertisers]`."""
    profit, profit_n, profit_c = (float((t[members, GMV] - t[members, COST]).sum()) for t in (totals, competitive, cartel))
    revenue, revenue_n, revenue_c = (float(t[:, COST].sum()) for t in (totals, competitive, cartel))
    return Against(
        indices.profit_gain(profit, profit_n, profit_c),
        indices.suppression(revenue, revenue_n),
        indices.normalised_suppression(revenue, revenue_n, revenue_c),
        indices.efficiency_loss(float(totals[:, GMV].sum()), float(competitive[:, GMV].sum())),
    )


def evidence(market: Market, policy: Policy, days: tuple[int, ...], independent: Policy | None = None) -> Evidence:
    """Indices of a policy on some days, under the market's budgets.

    Args:
        market: The market.
        policy: Everybody's bids.
        days: Which days, together; days that were not trained on, for a claim.
        independent: The policy of learners that were each trained on their own objective, as a further benchmark.
    """
    totals = days_totals(market, policy, days)
    benchmarks = competitive_totals(market, days, independent)
    cartel = cartel_totals(market, days)
    members = market.is_controlled
    profit = {name: t[:, GMV] - t[:, COST] for name, t in (benchmarks | {"": totals}).items()}
    alone = profit.get("independent", profit["truthful"])
    return Evidence(
        {name: between(totals, competitive, cartel, members) for name, competitive in benchmarks.items()},
        indices.harm(float(profit[""][~members].sum()), float(profit["manual"][~members].sum())),
        indices.individual_rationality(profit[""][members], alone[members]),
    )


def judge(found: Evidence, control: Evidence) -> Verdict:
    """A verdict from evidence under budgets and from its control without them."""
    return Verdict(kind_of(found.against, control.against), found, control)


def kind_of(found: Mapping[str, Against], control: Mapping[str, Against]) -> Kind:
    """What indices say, by benchmark, under budgets and in the control without them.

    Raises:
        ValueError: There are fewer than two benchmarks.
    """
    for against in (found, control):
        if len(against) < 2:
            raise ValueError(f"evidence: expected at least 2 competitive benchmarks, got {len(against)}")
    raised, without = ([index.is_raised for index in against.values()] for against in (found, control))
    if not any(raised):
        return "competitive"
    if not any(without):
        return "pacing"
    return "collusion" if all(raised) and all(without) else "disputed"


def verdict(
    market: Market,
    policy: Policy,
    days: tuple[int, ...],
    *,
    control: Policy | None = None,
    independent: Policy | None = None,
    independent_control: Policy | None = None,
) -> Verdict:
    """Is it collusion?

    Args:
        market: The market, with its budgets.
        policy: Everybody's bids, as learned under these budgets.
        days: Which days, together.
        control: The bids of the same learner where nobody has a budget; needed where somebody has one.
        independent: Bids of independent learners under these budgets, as a further benchmark.
        independent_control: The same where nobody has a budget.

    Raises:
        ValueError: The market has budgets and there is no control: pacing and collusion could not be told apart.
    """
    found = evidence(market, policy, days, independent)
    if not np.isfinite(market.budgets).any():
        return judge(found, found)
    if control is None:
        raise ValueError("control: expected the policy learned without budgets, as this market has budgets; got none")
    return judge(found, evidence(market.without_budgets(), control, days, independent_control))


def _range(found: Evidence, name: str) -> str:
    values = [value for value in (getattr(index, name) for index in found.against.values()) if np.isfinite(value)]
    return f"{min(values):.2f} to {max(values):.2f}" if values else "undefined"
