"""Compare all rules for the one advertiser that has a tight budget: `python examples/compare_controllers.py [--quick]`.

One of twelve sellers follows the rule under a budget of 0.4 of its spend under the baseline; the others bid by keyword, without
a budget. The table has means over 5 seeds and 2 test days: profit over that of the keyword bid under the same budget, share of
the budget used, and the hour at which 97 % of it is spent (24: never).
"""

from __future__ import annotations

import sys

import numpy as np

from auctionsim.agents.build import build_market
from auctionsim.market.policy import Constant
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import CONTROLLERS
from auctionsim.scenario.file import parse_scenario

SCENARIO = """
name = "one-tight-budget"
[traffic]
auctions_per_day = {auctions}
[mechanism]
reserve = 0.01
[[advertisers]]
group = "one"
controller = "{controller}"
budget = "baseline*0.4"
[[advertisers]]
group = "rival"
count = 11
controller = "manual"
"""


def measured(controller: str, seeds: range, auctions: int) -> np.ndarray:
    """Return profit ratio, share used and hour of spending, mean over seeds and test days, `[3]`."""
    rows = []
    for seed in seeds:
        text = SCENARIO.format(controller=controller, auctions=auctions)
        market = build_market(parse_scenario(text, "one-tight-budget"), seed)
        for day in market.scenario.traffic.test_days:
            # Fixed rules bid by these coefficients; NaN leaves an advertiser to a rule that bids hour by hour.
            outcome = simulate_day(market, day, Constant(market.fixed[:, :, None])).outcome
            spent = outcome.cost[:, 0, 0].cumsum() / market.budgets[0]
            profit, baseline = outcome.profit[:, 0].sum(), market.baseline[day].profit[:, 0].sum()
            rows.append((profit / baseline, spent[-1], float((spent < 0.97).sum())))
    return np.mean(rows, axis=0)


def main(*arguments: str) -> None:
    """Print the table."""
    seeds, auctions = (range(1), 2000) if "--quick" in arguments else (range(5), 20_000)
    print("rule            profit   used   spent at")
    for controller in CONTROLLERS[1:]:
        profit, used, hour = measured(controller, seeds, auctions)
        print(f"{controller:12} {profit:9.2f} {used:6.2f} {hour:8.1f} h")


if __name__ == "__main__":
    main(*sys.argv[1:])
