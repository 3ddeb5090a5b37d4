"""Time a day of a scenario against the same without what makes its market real: `python benchmarks/all_effects.py SCENARIO`.

The plain market has no pre-ranker, no errors of predictions, no delays, no limits on information, no agencies and no adoption.
Both take turns in one process; the ratio of their least processor times is printed, where all bid by keyword and where the
scenario's rules bid for their advertisers.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario

PLAIN = ("predictions", "delays", "information", "agencies", "adoption")


def plain(scenario: Scenario) -> Scenario:
    """Return a scenario without what makes its market real."""
    bare = {name: Scenario.model_fields[name].get_default() for name in PLAIN}
    mechanism = scenario.mechanism.model_copy(update={"preranker": None})
    return scenario.model_copy(update={**bare, "mechanism": mechanism})


def seconds(market: Market, day: int, n_policies: int, *, rules_bid: bool) -> float:
    """Return the processor time of a day under keyword bids."""
    theta = market.static("manual").copy()
    for who, _ in market.rule_policies if rules_bid else ():
        theta[who] = np.nan
    policy = Constant(theta)
    began = time.process_time()
    simulate_day(market, day, policy, n_policies=n_policies)
    return time.process_time() - began


def main() -> None:
    """Read the command line and print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario")
    parser.add_argument("--auctions", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    scenario = load_scenario(given.scenario, overrides=(f"traffic.auctions_per_day={given.auctions}",))
    markets = [build_market(plain(scenario)), build_market(scenario)]
    day = scenario.traffic.test_days[0]
    for rules_bid in (False, True):
        for n_policies in (1, 32):
            rounds = [
                [seconds(market, day, n_policies, rules_bid=rules_bid) for market in markets] for _ in range(given.rounds)
            ]
            least = np.min(rounds, axis=0)
            who = "rules bid" if rules_bid else "keyword bids"
            print(f"{who}, {n_policies} policies: {least[1] / least[0]:.2f} times {1000 * least[0]:.1f} ms")


if __name__ == "__main__":
    main()
