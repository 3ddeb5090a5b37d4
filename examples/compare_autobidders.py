"""Compare the methods of value maximizers on one market: `python examples/compare_autobidders.py [--quick]`.

Twelve advertisers share a market: three with a target CPA and a budget that is larger than what the target lets them spend,
three with a target ROAS alone, three with a budget alone, and three that keep their keyword bids. All nine follow one method;
where there is no budget, `throttle` is `dual`. The table has sums over two test days, then means over 5 seeds, with 20
rehearsals and with none: the share of the six targets that are kept to 5 %, what targets allowed over what was paid in the
worst case, the share of budgets used by those who have no target, and the value of all nine over that under the baseline.
"""

from __future__ import annotations

import sys

import numpy as np

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.autobidding.task import Task
from auctionsim.market.policy import Constant
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.goals import day_totals
from auctionsim.scenario.file import parse_scenario

SCENARIO = """
name = "autobidders"
[traffic]
auctions_per_day = {auctions}
[[advertisers]]
group = "cpa"
count = 3
controller = "target-cpa"
cpa_cap = "baseline*1.2"
budget = "baseline*6.0"
autobid = {{ method = "{method}", rehearsals = {rehearsals} }}
[[advertisers]]
group = "roas"
count = 3
controller = "target-roas"
roas_floor = "baseline*0.8"
autobid = {{ method = "{unlimited}", rehearsals = {rehearsals} }}
[[advertisers]]
group = "budget"
count = 3
controller = "max-value"
budget = "baseline*1.0"
autobid = {{ method = "{method}", rehearsals = {rehearsals} }}
[[advertisers]]
group = "manual"
count = 3
controller = "manual"
"""
_CONVERSIONS, _GMV, _COST = 2, 3, 4


def measured(method: str, rehearsals: int, seed: int, auctions: int) -> tuple[float, float, float, float]:
    """Return the share of targets kept, the worst ratio, the share of budgets used, and value over the baseline's."""
    unlimited = "dual" if method == "throttle" else method
    text = SCENARIO.format(method=method, unlimited=unlimited, rehearsals=rehearsals, auctions=auctions)
    market = build_market(parse_scenario(text, "autobidders"), seed)
    days = market.scenario.traffic.test_days
    bids = Constant(market.fixed[:, :, None])
    totals = sum(day_totals(simulate_day(market, day, bids).outcome)[:9] for day in days)
    before = sum(day_totals(market.baseline[day])[:9] for day in days)
    kept = Task.of(market, np.arange(9)).earned(totals).sum(axis=0)[:6, 0] / totals[:6, _COST, 0]
    used = totals[6:, _COST, 0] / (len(days) * market.budgets[6:9])
    wanted = np.array([_CONVERSIONS] * 3 + [_GMV] * 6)
    value = totals[np.arange(9), wanted, 0] / before[np.arange(9), wanted, 0]
    return float((kept > 0.95).mean()), float(kept.min()), float(used.mean()), float(value.mean())


def main(*arguments: str) -> None:
    """Print the table."""
    seeds, auctions = (range(1), 2000) if "--quick" in arguments else (range(5), 20_000)
    print("method       rehearsals   kept  worst   used  value")
    for rehearsals in (20, 0):
        for method in ("dual", "min", "sequential", "pid", "throttle"):
            rows = [measured(method, rehearsals, seed, auctions) for seed in seeds]
            kept, worst, used, value = np.mean(rows, axis=0)
            print(f"{method:12} {rehearsals:10} {kept:6.2f} {worst:6.2f} {used:6.2f} {value:6.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
