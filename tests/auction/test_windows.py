"""A day cleared in windows on several threads is the day cleared in order, to the bit, whatever runs out when."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim import replay
from auctionsim.auction.day import DayReplay
from auctionsim.auction.kernel.prices import PRICINGS
from auctionsim.auction.parallel import windows
from auctionsim.auction.parallel.threads import threads_for, usable_threads
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource
from auctionsim.traffic.table import Traffic

from ..conftest import make_market

NAMES = ("impressions", "clicks", "conversions", "gmv", "cost")
SLOTS = ((1.0,), (1.0, 0.6), (1.0, 0.8, 0.6), (1.0, 0.7, 0.5, 0.3, 0.3, 0.2, 0.1))


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of a few buckets, so that a market of some dozens has many."""
    for name, size in (("_LEAST", 3), ("_FIRST", 12), ("_MOST", 24)):
        monkeypatch.setattr(windows, name, size)


def random_market(rng: np.random.Generator) -> Traffic:
    """Some dozens of buckets in two hours, with ties, external competitors, empty and heavy buckets."""
    n, n_buckets = int(rng.integers(2, 7)), int(rng.integers(10, 60))
    sizes = rng.integers(0, n + 1, n_buckets).tolist()
    who = [int(i) for size in sizes for i in sorted(rng.permutation(n)[:size])]
    coarse = rng.random() < 0.3
    pctr = np.where(coarse, rng.integers(1, 4, len(who)) / 10, rng.uniform(0.05, 1.0, len(who)))
    bids = np.where(coarse, rng.integers(0, 4, len(who)), rng.uniform(0.0, 3.0, len(who)))
    external = np.where(rng.random(n_buckets) < 0.3, rng.uniform(0, 1, n_buckets), 0.0)
    hours = np.sort(rng.integers(0, 2, n_buckets)).tolist()
    weights = rng.integers(1, 12, n_buckets).tolist()
    return make_market(sizes, hours, weights, who, pctr.tolist(), bids.tolist(), n, market_ecpm=external.tolist())


def tight_budgets(rng: np.random.Generator, traffic: Traffic, cost: np.ndarray) -> np.ndarray:
    """Budgets of all kinds that end a day early: none, nothing, shares of what is spent without, and exactly one charge."""
    n = len(traffic.advertisers)
    kind = rng.integers(0, 5, n)
    first_bid = np.array([traffic.keyword_bid[traffic.advertiser == i][:1].sum() for i in range(n)])
    choices = [np.full(n, np.inf), np.zeros(n), rng.uniform(0, 1, n) * cost, rng.uniform(0, 0.2, n) * cost, first_bid * 0.1]
    return np.choose(kind, choices)


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.long) for part in (1, 2, 3))])
def test_two_thousand_markets_whose_budgets_run_out_come_out_as_if_cleared_in_order(part: int):
    again = settled = 0
    for number in range(500):
        rng = np.random.default_rng([part, number])
        traffic, n_policies = random_market(rng), int(rng.choice([1, 1, 2, 9]))
        rules = {
            "pricing": str(rng.choice(PRICINGS)), "slot_effect": SLOTS[rng.integers(len(SLOTS))],
            "reserve": float(rng.choice([0.0, 0.3])), "outcomes": str(rng.choice(["expected", "expected", "sampled"])),
        }  # fmt: skip
        theta = rng.choice([1.0, 1.0, 0.7, 0.0], (len(traffic.advertisers), 1, n_policies))
        free = replay(traffic, coefficients=theta, **rules)
        budgets = tight_budgets(rng, traffic, free.cost.sum(axis=0).max(axis=1))
        wanted = replay(traffic, coefficients=theta, budgets=budgets, **rules)
        found = replay(traffic, coefficients=theta, budgets=budgets, threads=3, **rules)
        for name in NAMES:
            assert (getattr(found, name) == getattr(wanted, name)).all(), (part, number, name)
        again, settled = again + found.effort.ranked_again, settled + found.effort.ranked
    # Had nothing run out within a window, nothing would have been tried.
    assert again > 0.05 * settled > 0


@pytest.mark.usefixtures("small_windows")
def test_a_chain_of_budgets_each_of_which_ends_since_another_did_is_exact_and_is_found_not_to_pay():
    # Advertiser i is the best bid of those left; when it runs out, i + 1 wins and pays, and so on: 40 ends in 400 auctions.
    n, n_buckets = 40, 400
    bids = np.tile(np.linspace(2.0, 1.0, n), n_buckets)
    traffic = make_market(
        [n] * n_buckets, [0] * n_buckets, [1] * n_buckets, list(range(n)) * n_buckets, [0.5] * len(bids), bids.tolist(), n
    )
    budgets = np.full(n, 4.0)
    wanted = replay(traffic, coefficients=np.ones((n, 1, 1)), budgets=budgets, reserve=0.9)
    found = replay(traffic, coefficients=np.ones((n, 1, 1)), budgets=budgets, reserve=0.9, threads=4)
    assert (wanted.cost > 0).sum() == n
    assert (found.cost == wanted.cost).all()
    assert found.effort.in_order > 0


@pytest.mark.usefixtures("small_windows")
def test_a_block_that_begins_with_another_cost_is_settled_again_only_if_a_budget_notices():
    # One advertiser wins all; 12 buckets in two blocks cost 1 each.
    traffic = make_market([1] * 12, [0] * 12, [1] * 12, [0] * 12, [1.0] * 12, [1.0] * 12, 1)
    rules = Rules(pricing="first")
    efforts = {}
    for budget in (20.0, 8.0, 5.0):
        day = DayReplay(TableSource(traffic, rules), 0, rules, budgets=budget, threads=2)
        day.step(np.array([0.0, 0.0, 0.0, 1.0]).reshape(1, 4, 1))
        assert day.cumulative[0, 4, 0] == min(12.0, budget)
        efforts[budget] = day.effort
    # 20: the second block begins with 6 and not 0, and does not notice. 8: it does. 5: the first block runs out, too.
    assert [efforts[budget].rounds for budget in (20.0, 8.0, 5.0)] == [1, 2, 2]
    assert efforts[20.0].ranked_again == 0


def test_threads_share_work_on_a_million_candidates_and_more():
    assert [threads_for(n) for n in (0, 999_999)] == [1, 1]
    assert threads_for(1_000_000) == usable_threads() >= 1


def test_the_number_of_threads_changes_no_bit_of_a_day_in_windows_of_full_size():
    rng = np.random.default_rng(5)
    n, n_buckets = 12, 6000
    who = np.concatenate([np.sort(rng.permutation(n)[:6]) for _ in range(n_buckets)]).tolist()
    pctr, bids = rng.uniform(0.05, 0.5, len(who)).tolist(), rng.uniform(0.5, 2.0, len(who)).tolist()
    traffic = make_market([6] * n_buckets, [0] * n_buckets, [3] * n_buckets, who, pctr, bids, n)
    budgets = np.where(np.arange(n) % 2, 300.0, np.inf)
    outcomes = [
        replay(traffic, coefficients=np.ones((n, 1, 2)), budgets=budgets, slot_effect=(1.0, 0.5), threads=threads)
        for threads in (1, 2, 3, 7, 2**31)
    ]
    for other in outcomes[1:]:
        assert other.effort.windows > 0
        for name in NAMES:
            assert (getattr(other, name) == getattr(outcomes[0], name)).all()
