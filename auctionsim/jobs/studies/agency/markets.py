"""Make small markets, train their learners, and sum up who earned what on the test day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from auctionsim.auction.outcome import Outcome
    from auctionsim.market.market import Market

SLOTS = (1.0, 0.6, 0.4)
ITERATIONS = 100
"""Generations of training."""
TEST_DAY = 1
_TOML = """
name = "{name}"
[traffic]
days = 2
auctions_per_day = {auctions}
queries = 20
candidates = 8
train_days = [0]
test_days = [1]
[mechanism]
slot_effect = {slots}
pricing = "{pricing}"
reserve = 0.01
[learner]
global_weight = 0.0
sigma_end = 0.03
[train]
iterations = {iterations}
[[advertisers]]
group = "ad"
count = {count}
controller = "{controller}"
{more}
"""


def made_market(
    name: str, seed: int, *, pricing: str, count: int, controller: str = "learner", more: str = "", quick: bool = False
) -> Market:
    """Make a market of three slots in which every learner wants its own profit alone.

    Args:
        name: Name of the scenario.
        seed: Seed of the traffic, of who adopts, and of the learner's noise.
        pricing: `gsp`, `vcg` or `first`.
        count: Number of advertisers, of whom 8 meet in each auction.
        controller: Controller of all of them.
        more: Further keys of their group, then further sections.
        quick: Whether it is a short form.
    """
    from auctionsim.agents.build import build_market
    from auctionsim.scenario.file import parse_scenario

    text = _TOML.format(
        name=name, auctions=100 if quick else 400, slots=list(SLOTS), pricing=pricing, iterations=4 if quick else ITERATIONS,
        count=count, controller=controller, more=more,
    )  # fmt: skip
    return build_market(parse_scenario(text, name), seed)


def settled_outcome(market: Market) -> Outcome:
    """Return the outcome of the test day: of what learners learned, where there are any, and of the rules."""
    from auctionsim.agents.learners.base import trained
    from auctionsim.agents.learners.registry import make_learner
    from auctionsim.market.policy import Constant
    from auctionsim.market.simulate import simulate_day

    if len(market.learners) == 0:
        return simulate_day(market, TEST_DAY, Constant(market.fixed[:, :, None])).outcome
    learner = make_learner(market.scenario)
    state = trained(learner, market, market.scenario.train.iterations)
    return simulate_day(market, TEST_DAY, learner.policy(market, state)).outcome


def profit_of(outcome: Outcome, who: NDArray[np.int64]) -> float:
    """Return the profit of some advertisers on a day, currency.

    Args:
        outcome: The day's outcome.
        who: Indices of the advertisers, `[n]`.
    """
    return float(outcome.profit[:, who].sum())


def ratios(found: Outcome, plain: Outcome) -> dict[str, float]:
    """Return revenue, welfare (GMV) and price per click relative to those of another outcome of the day."""
    price, usual = (float(one.cost.sum() / one.clicks.sum()) for one in (found, plain))
    return {
        "revenue": float(found.cost.sum() / plain.cost.sum()),
        "welfare": float(found.gmv.sum() / plain.gmv.sum()),
        "price": price / usual,
    }
