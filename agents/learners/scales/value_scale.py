"""The learners `value-scale`, `value-scale-paced` and `objective-scale`: the simplest rules that hold the revenue floor.

`value-scale`: everybody bids lambda times the value of a click, with one lambda for all. `value-scale-paced`: the same with a
factor <= 1 of each advertiser's own, its pacing multiplier, by which it keeps its budget to the end of the day (Conitzer et al.
2018, "Multiplicative pacing equilibria") and, ours, its caps. `objective-scale`: each scales what it wants, a constant for
clicks, pcvr for conversions, the value for GMV and profit. An iteration is a step of the search (`search.py`), and
nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from auctionsim import arithmetic
from auctionsim.agents.learners.base import Arrays, TaskBatch, learner_repr
from auctionsim.agents.learners.scales.bracket import Bracket
from auctionsim.agents.learners.scales.fit import mean_over_days, scaled_bids
from auctionsim.agents.learners.scales.search import RULES, Search, Tried, tried_day
from auctionsim.agents.policies.base import Constant, Policy
from auctionsim.market.market import Market
from auctionsim.objectives.constraints import trained_revenue_floor
from auctionsim.scenario import Scenario, ValueScaleSection

_LOGGED = ("revenue_ratio", "profit_ratio")


class ValueScale:
    """The rules of one scale; see the module's text."""

    Constants = ValueScaleSection

    __repr__ = learner_repr

    def __init__(self, scenario: Scenario, constants: ValueScaleSection) -> None:
        self._scenario, self._settings = scenario, constants

    def start(self, market: Market) -> Arrays:
        """Start at scales that bid about as high as the keyword bids do."""
        return _arrays(Search.start(market, self._scenario), 0, np.zeros(len(_LOGGED)))

    def ask(self, market: Market, state: Arrays) -> TaskBatch:  # noqa: ARG002  (a learner may need the market)
        """Return one task per training day; none once the scales are found."""
        is_over = _search(state).is_over(self._settings)
        return TaskBatch(try_day, state, [] if is_over else list(self._scenario.traffic.train_days))

    def tell(self, market: Market, state: Arrays, results: Sequence[Tried]) -> tuple[Arrays, Mapping[str, float]]:  # noqa: ARG002
        """Narrow the bracket, or pace once more; log what the scales to bid by brought."""
        search, logged = _search(state), state["logged"]
        if results:
            search, chosen = search.after(self._scenario, results, trained_revenue_floor(self._scenario))
            days = [(day.measures.revenue, day.measures.profit) for day in results]
            logged = mean_over_days([np.stack(day)[:, chosen] for day in days])
        after = _arrays(search, int(state["iteration"][0]) + 1, logged)
        return after, {**dict(zip(_LOGGED, logged.tolist(), strict=True)), "bracket_width": search.bracket.width}

    def policy(self, market: Market, state: Arrays) -> Policy:
        """Return constant bids at the scales found so far."""
        direction = RULES[self._scenario.learner.algorithm].direction(market)
        return Constant(scaled_bids(market, direction, arithmetic.exp(state["found"])[:, None]))

    def replays_per_iteration(self, market: Market) -> int:  # noqa: ARG002  (as other learners)
        """Return the number of scales tried, twice where days are replayed without budgets too; none once they are found."""
        return self._scenario.learner.population * (2 if RULES[self._scenario.learner.algorithm].is_paced else 1)


def try_day(market: Market, state: Arrays, day: int) -> Tried:
    """Replay one training day under the scales that are to be tried next."""
    return tried_day(market, day, _search(state))


def _search(state: Arrays) -> Search:
    low, high = state["bracket"].tolist()
    return Search(Bracket(low, high), state["logs"], state["found"], int(state["rounds"][0]))


def _arrays(search: Search, iteration: int, logged: np.ndarray) -> Arrays:
    return {
        "bracket": np.array([search.bracket.low, search.bracket.high]),
        "logs": search.logs,
        "found": search.found,
        "rounds": np.array([search.rounds], dtype=np.int64),
        "logged": logged,
        "iteration": np.array([iteration], dtype=np.int64),
    }
