"""A day on a CUDA device is the day on the CPU, to the bit. Without a device, `test_simulator.py` runs these in a simulator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numba import cuda

from auctionsim import InputError, replay
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.kernel.prices import PRICINGS
from auctionsim.auction.outcome import OUTCOMES, Outcome
from auctionsim.auction.rules import PreRanker
from auctionsim.traffic.table import Traffic

from ...conftest import make_market
from ...stored_tables import store_table
from ..test_windows import SLOTS, random_market, tight_budgets

pytestmark = pytest.mark.skipif(not cuda.is_available(), reason="no CUDA device, and none is simulated")


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows and blocks of a few buckets, so that a market of some dozens has many."""
    from auctionsim.auction.cuda import windows

    monkeypatch.setattr(windows, "_BLOCK", 3)
    monkeypatch.setattr(windows, "_MOST_RECORDS", 60)
    monkeypatch.setattr(windows, "_FEWEST_BLOCKS", 2)


def expect_same(traffic: Traffic, **arguments: object) -> Outcome:
    """Replay on both; return the device's outcome."""
    wanted, found = replay(traffic, **arguments), replay(traffic, device="cuda", **arguments)
    for name in OUTCOMES:
        assert (getattr(found, name) == getattr(wanted, name)).all(), name
    return found


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("part", range(4))
def test_random_markets_whose_budgets_run_out_come_out_as_on_the_cpu(part: int):
    again = 0
    for number in range(6):
        rng = np.random.default_rng([7, part, number])
        traffic, n_policies = random_market(rng), int(rng.choice([1, 2, 5]))
        rules = {
            "pricing": str(rng.choice(PRICINGS)), "slot_effect": SLOTS[rng.integers(2 if number % 3 else len(SLOTS))],
            "reserve": float(rng.choice([0.0, 0.3])), "outcomes": str(rng.choice(["expected", "expected", "sampled"])),
            "squash": float(rng.choice([1.0, 0.5])),
        }  # fmt: skip
        theta = rng.choice([1.0, 1.0, 0.7, 0.0], (len(traffic.advertisers), 1, n_policies))
        free = replay(traffic, coefficients=theta, **rules)
        budgets = tight_budgets(rng, traffic, free.cost.sum(axis=0).max(axis=1))
        again += expect_same(traffic, coefficients=theta, budgets=budgets, seed=number, **rules).effort.ranked_again
    # Had nothing run out within a window, nothing would have been tried.
    assert again > 0


@pytest.mark.usefixtures("small_windows")
def test_candidates_that_a_preranker_drops_are_dropped_as_on_the_cpu():
    for number in range(3):
        rng = np.random.default_rng([19, number])
        traffic = random_market(rng)
        rules = {"preranker": PreRanker(2, 0.6, seed=number), "outcomes": ("expected", "sampled")[number % 2]}
        theta = rng.choice([1.0, 0.7], (len(traffic.advertisers), 1, 2))
        free = replay(traffic, coefficients=theta, **rules)
        budgets = tight_budgets(rng, traffic, free.cost.sum(axis=0).max(axis=1))
        expect_same(traffic, coefficients=theta, budgets=budgets, slot_effect=(1.0, 0.6), **rules)


@pytest.mark.usefixtures("small_windows")
def test_bids_that_change_by_the_hour_and_all_features_and_bounds_come_out_as_on_the_cpu():
    rng = np.random.default_rng(3)
    traffic = random_market(rng)
    n = len(traffic.advertisers)
    theta = rng.uniform(0.0, 2.0, (24, n, 4, 6)) * 10.0 ** rng.integers(-3, 3, (24, 1, 1, 1))
    budgets = np.where(np.arange(n) % 2, 0.5, np.inf)
    for bounds in ({}, {"bid_floor": 0.2, "bid_cap": 1.5}):
        expect_same(traffic, coefficients=theta, features=FEATURES, budgets=budgets, slot_effect=(1.0, 0.5), **bounds)
    # Beyond the range of single precision nothing is screened.
    expect_same(traffic, coefficients=theta * 1e-30, features=FEATURES, budgets=budgets)


@pytest.mark.usefixtures("small_windows")
def test_a_chain_of_budgets_each_of_which_ends_since_another_did_is_exact():
    n, n_buckets = 8, 60
    bids = np.tile(np.linspace(2.0, 1.0, n), n_buckets)
    traffic = make_market(
        [n] * n_buckets, [0] * n_buckets, [1] * n_buckets, list(range(n)) * n_buckets, [0.5] * len(bids), bids.tolist(), n
    )
    found = expect_same(traffic, coefficients=np.ones((n, 1, 1)), budgets=np.full(n, 3.0), reserve=0.9)
    assert (found.cost > 0).sum() == n
    assert found.effort.rounds >= n - 1


def test_stored_traffic_and_one_window_of_full_size_come_out_as_on_the_cpu(tmp_path: Path):
    traffic = random_market(np.random.default_rng(11))
    n = len(traffic.advertisers)
    stored = store_table(traffic, tmp_path / "stored")
    theta, budgets = np.ones((n, 1, 3)), np.full(n, 1.0)
    wanted = replay(stored, coefficients=theta, budgets=budgets)
    found = replay(stored, coefficients=theta, budgets=budgets, device="cuda")
    for name in OUTCOMES:
        assert (getattr(found, name) == getattr(wanted, name)).all(), name


def test_details_are_refused_in_one_line():
    traffic = random_market(np.random.default_rng(1))
    with pytest.raises(InputError, match=r"details: expected False with device = 'cuda'"):
        replay(traffic, coefficients=np.ones((len(traffic.advertisers), 1, 1)), details=True, device="cuda")
