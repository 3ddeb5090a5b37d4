"""Days whose hours are cleared on a CUDA device, local credit included, are those of the CPU, to the bit.

Without a device, `test_simulator.py` runs these in a simulator.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numba import cuda

from auctionsim.auction.cuda.clearer import clearer_on_device
from auctionsim.auction.day import DayReplay, run_day
from auctionsim.auction.kernel.prices import PRICINGS
from auctionsim.auction.outcome import OUTCOMES
from auctionsim.auction.rules import PreRanker, Rules
from auctionsim.auction.sources import source_of
from auctionsim.traffic.table import Traffic

from ..test_windows import SLOTS, random_market, tight_budgets
from .test_days import small_windows  # noqa: F401  (a fixture)

pytestmark = pytest.mark.skipif(not cuda.is_available(), reason="no CUDA device, and none is simulated")


def both(traffic: Traffic, rules: Rules, theta: np.ndarray, budgets: np.ndarray, seeds: list[int]) -> DayReplay:
    """Run a day with local credit on the CPU and on the device, expect the same, and return the CPU's."""
    source, shape = source_of(traffic, rules), (len(traffic.advertisers), theta.shape[2])
    clearer = clearer_on_device("cuda", traffic, source, rules, shape, local_credit=True)
    days = []
    for given in (None, clearer):
        day = DayReplay(source, 0, rules, policies=shape[1], budgets=budgets, seed=seeds, local_credit=True, clearer=given)
        days.append((day, run_day(day, lambda hour: theta * (1.0 + hour % 2))))
    (cpu, wanted), (gpu, found) = days
    for name in OUTCOMES:
        assert (getattr(found, name) == getattr(wanted, name)).all(), name
    assert (gpu.local_credit == cpu.local_credit).all()
    assert (gpu.budget_left == cpu.budget_left).all()
    return cpu


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("outcomes", ["expected", "sampled"])
@pytest.mark.parametrize("pricing", PRICINGS)
def test_random_markets_whose_budgets_run_out_come_out_as_on_the_cpu(pricing: str, outcomes: str):
    ran_out = 0
    for number in range(2):
        rng = np.random.default_rng([23, PRICINGS.index(pricing), outcomes == "sampled", number])
        traffic, n_policies = random_market(rng), (3, 1)[number]
        if outcomes == "expected" and number == 0:
            # Of so many auctions that the CPU's kernel takes its fast path.
            traffic = replace(traffic, weight=traffic.weight * 500)
        squash, slots = float(rng.choice([1.0, 0.5])), SLOTS[(0, 2)[number]]
        rules = Rules.checked(slots, pricing, float(rng.choice([0.0, 0.3])), squash, outcomes, 0.0, np.inf)
        theta = np.zeros((len(traffic.advertisers), 4, n_policies))
        theta[:, 3] = rng.choice([1.0, 1.0, 0.7, 0.0], (len(traffic.advertisers), n_policies))
        theta[:, 2] = rng.choice([0.0, 0.3])
        seeds = rng.integers(0, 2, n_policies).tolist()
        free = both(traffic, rules, theta, np.full(len(traffic.advertisers), np.inf), seeds)
        assert free.local_credit.any()
        budgets = tight_budgets(rng, traffic, free.cumulative[:, 4].max(axis=1))
        tight = both(traffic, rules, theta, budgets, seeds)
        ran_out += int((tight.cumulative[:, 4] < free.cumulative[:, 4]).sum())
    # Had no budget run out, nothing would have been settled in order.
    assert ran_out > 0


@pytest.mark.usefixtures("small_windows")
def test_dropped_candidates_get_no_credit_and_a_candidate_twice_in_an_auction_gets_it_twice():
    rng = np.random.default_rng(5)
    traffic = random_market(rng)
    who, start = traffic.advertiser.copy(), traffic.cell_start
    is_long = np.diff(start) > 1
    who[start[1:][is_long] - 1] = who[start[:-1][is_long]]
    traffic = replace(traffic, advertiser=who)
    theta = np.ones((len(traffic.advertisers), 4, 2))
    rules = Rules.checked((1.0, 0.6), "gsp", 0.0, 1.0, "expected", 0.0, np.inf, preranker=PreRanker(2, 0.6, seed=1))
    both(traffic, rules, theta, np.full(len(traffic.advertisers), 2.0), [0, 0])
