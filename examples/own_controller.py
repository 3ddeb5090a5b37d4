"""A controller of your own, named in a scenario: `python examples/own_controller.py`.

Prints what eight sellers earn on a test day when they bid by keyword all day, and when they double their bids from 18 h on.
"""

from __future__ import annotations

import numpy as np

from auctionsim.agents.build import build_market
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, DayState
from auctionsim.objectives.goals import day_totals, objective_vector
from auctionsim.scenario.file import parse_scenario

SCENARIO = """
name = "evening"
[traffic]
auctions_per_day = 4000
[[advertisers]]
group = "seller"
count = 8
controller = "{controller}"
"""


class Evening:
    """Bids twice the keyword bid from 18 h on."""

    def __init__(self, market: Market, advertisers: np.ndarray) -> None:
        self.n = len(advertisers)

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        def act(state: DayState) -> np.ndarray:
            theta = np.zeros((self.n, 4, n_policies))  # over 1, pcvr, value, keyword_bid
            theta[:, 3] = 2.0 if state.hour >= 18 else 1.0
            return theta

        return DayPolicy(act)


def profits(controller: str) -> np.ndarray:
    """Each seller's profit on test day 2, currency."""
    market = build_market(parse_scenario(SCENARIO.format(controller=controller), "evening"))
    totals = day_totals(market.outcome(2, market.fixed[:, :, None]))
    return objective_vector(totals)[:, 3, 0]


if __name__ == "__main__":
    # Run as a file, this module is called __main__; elsewhere name it as it is imported: "package.module:Evening".
    for name in ("manual", f"{__name__}:Evening"):
        print(f"{name:>20}", np.round(profits(name), 1))
