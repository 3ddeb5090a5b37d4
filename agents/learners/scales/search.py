"""Search the scales of a rule on training days, a replay of each at a time: the floor first, then budgets, then caps.

One number u sets how much the rule asks for, and revenue rises with it. Up to `_ALL_PACED` it is the log of the scale of all;
beyond it every scale is as high as budgets and caps allow, and u is by how much caps are exceeded, the same share for all.

An advertiser may be paced: its scale is held below that of all, by a factor of its own, so that it keeps its budget and its
caps. Replays run without budgets: what it would spend is compared with what it has. For example, one that would spend 1.5
times its budget loses 0.4 log(1.5) = 0.16 of its log scale before the next replay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.learners.scales.bracket import Bracket
from auctionsim.agents.learners.scales.directions import objective_direction, value_direction
from auctionsim.agents.learners.scales.fit import (
    DayMeasures,
    mean_over_days,
    measured_day,
    narrowed,
    scaled_bids,
    start_bracket,
)
from auctionsim.agents.policies.base import Constant
from auctionsim.auction.outcome import COST
from auctionsim.market.goals import training_goals
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.fitness import violations
from auctionsim.objectives.goals import day_totals
from auctionsim.scenario import Scenario, ValueScaleSection

Array = NDArray[np.float64]

_ALL_PACED = float(arithmetic.log(30.0))
"""Log of a scale that is above whatever a budget or a cap allows: bids of 30 times the keyword bids."""
_GAIN, _HALVED_AFTER = 0.4, 5
"""Step of a log scale over that of the log of what is used, and the rounds after which it is half as large: cost grows about
with the square of bids, and in jumps where auctions are few."""
_LEAST_USE, _MOST_USE = -1.0, 3.0
"""Range in which the log of what is used counts: bids that win nothing do not tell by how much they are too low."""
_PACED_BY = ("cpc_cap", "cpa_cap", "roi_floor")
"""Constraints that a lower bid keeps."""


@dataclass(frozen=True)
class Rule:
    """A rule: the direction that it scales, and whether it paces each advertiser."""

    direction: Callable[[Market], Array]
    is_paced: bool


RULES = {
    "value-scale": Rule(value_direction, is_paced=False),
    "value-scale-paced": Rule(value_direction, is_paced=True),
    "objective-scale": Rule(objective_direction, is_paced=True),
}
"""The rules, by their names as `learner.algorithm`."""


@dataclass(frozen=True, eq=False)
class Tried:
    """One training day under the scales of a step."""

    measures: DayMeasures
    use: Array
    """Use of the budget or of a cap, whichever is more, as a ratio, `[learners, P]`; 0 where the rule does not pace."""


@dataclass(frozen=True, eq=False)
class Search:
    """State of a search, before a step."""

    bracket: Bracket
    logs: Array
    """Log of the scale of each advertiser for each u of the bracket's grid, to be tried next, `[learners, n_values]`."""
    found: Array
    """Logs of the scales to bid by, `[learners]`."""
    rounds: int
    """Rounds of pacing since the bracket was narrowed."""

    @classmethod
    def start(cls, market: Market, scenario: Scenario) -> Search:
        """Return the search before the first step, which bids about as high as the keyword bids do."""
        n, bracket, learner = len(market.learners), start_bracket(), scenario.learner
        highest = _highest(RULES[learner.algorithm], bracket.logs(learner.population), n)
        return cls(bracket, highest, np.zeros(n), 0)

    def is_over(self, settings: ValueScaleSection) -> bool:
        """Return whether the number is known to the tolerance."""
        return self.bracket.width <= settings.tolerance

    @property
    def _gain(self) -> float:
        return _GAIN / (1 + self.rounds / _HALVED_AFTER)

    def after(self, scenario: Scenario, days: Sequence[Tried], floor: float) -> tuple[Search, int]:
        """Return the search after a step, and the index of the policy to bid by among those that were tried."""
        settings, rule = scenario.learner.value_scale, RULES[scenario.learner.algorithm]
        n_learners, n_values = self.logs.shape
        measures = [day.measures for day in days]
        bracket, chosen = narrowed(self.bracket, measures, floor)
        found, highest = self.logs[:, chosen].copy(), _highest(rule, self.bracket.logs(n_values), n_learners)
        if rule.is_paced and self.rounds + 1 < settings.pacing_rounds:
            logs = np.minimum(highest, self.logs - self._gain * _excess(days))
            # Where nothing moves any more, further rounds would find the same.
            if float(np.abs(logs - self.logs).max()) > settings.tolerance:
                return replace(self, logs=logs, found=found, rounds=self.rounds + 1), chosen
        if rule.is_paced and floor > 0:
            bracket = _reopened(self.bracket, bracket, mean_over_days([day.revenue for day in measures]) >= floor, n_values)
        # Who is paced begins the next bracket where it stood; the others at the scale of all.
        held = np.where(found < highest[:, chosen], found, np.inf)
        logs = np.minimum(_highest(rule, bracket.logs(n_values), n_learners), held[:, None])
        return Search(bracket, logs, found, 0), chosen


def tried_day(market: Market, day: int, search: Search) -> Tried:
    """Replay a training day under the scales that a search is to try; with and without budgets where the rule paces."""
    rule = RULES[market.scenario.learner.algorithm]
    bids = scaled_bids(market, rule.direction(market), arithmetic.exp(search.logs))
    slack = arithmetic.exp(np.maximum(search.bracket.logs(search.logs.shape[1]) - _ALL_PACED, 0.0))
    use = _use(market, day, bids, slack) if rule.is_paced else np.zeros_like(search.logs)
    return Tried(measured_day(market, day, bids), use)


def _highest(rule: Rule, numbers: Array, n_learners: int) -> Array:
    """Return the log scale of everybody for each u where nobody is held below it, `[learners, n_values]`."""
    return np.tile(np.minimum(numbers, _ALL_PACED) if rule.is_paced else numbers, (n_learners, 1))


def _reopened(before: Bracket, after: Bracket, holds: NDArray[np.bool_], n_values: int) -> Bracket:
    """Return the range after a step, wider where the crossing has left it: pacing moves revenue while the range shrinks."""
    widest, logs, width = start_bracket(), before.logs(n_values), 2 * before.width
    if holds[0] and before.low > widest.low:
        return Bracket(max(widest.low, before.low - width), float(logs[0]))
    if not holds.any() and after.high == before.high < widest.high:
        return Bracket(float(logs[-2]), min(widest.high, before.high + width))
    return after


def _excess(days: Sequence[Tried]) -> Array:
    """Return the logs of what is used, by which scales are to fall, as far as they count, `[learners, n_values]`."""
    use = arithmetic.log(np.maximum(mean_over_days([day.use for day in days]), 1e-12))
    return np.clip(use, _LEAST_USE, _MOST_USE)


def _use(market: Market, day: int, bids: Array, slack: Array) -> Array:
    """Return how much of its budget or of a cap each advertiser would use without budgets, `[learners, P]`.

    Args:
        market: The market.
        day: A training day.
        bids: Coefficients, `[advertisers, 4, P]`.
        slack: Factor on all caps for each policy, >= 1, `[P]`.
    """
    free, who, goals = market.without_budgets(), market.learners, training_goals(market, day)
    totals = day_totals(simulate_day(free, day, Constant(bids), n_policies=bids.shape[2]).outcome)
    use: Array = totals[who, COST] / np.maximum(market.budgets[who], 1e-12)[:, None]
    for violation in violations(totals, goals, [key for key in _PACED_BY if key in goals.limits]).values():
        use = np.maximum(use, (1 + violation[who]) / slack)
    return use
