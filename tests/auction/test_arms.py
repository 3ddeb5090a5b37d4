"""A day with two arms is cleared auction by auction in order, whatever budget runs out when; one arm is the plain replay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auctionsim.auction.arms.clear import Visits
from auctionsim.auction.arms.replay import ArmBids, ArmsReplay, day_visits
from auctionsim.auction.budgets import EXHAUSTED_SHARE
from auctionsim.auction.day import DayReplay, run_day
from auctionsim.auction.outcome import CLICKS, COST
from auctionsim.auction.reference import clear
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource
from auctionsim.traffic.table import Traffic

from .test_windows import SLOTS, random_market, tight_budgets

THREE_SLOTS = Rules(slot_effect=SLOTS[2], pricing="gsp")


def keyword_bids(traffic: Traffic, factor: float = 1.0) -> ArmBids:
    theta = np.zeros((len(traffic.advertisers), 4, 1))
    theta[:, 3] = factor
    return ArmBids(theta)


def replay_arms(
    traffic: Traffic,
    rules: tuple[Rules, Rules],
    visits: Visits,
    pots: list[np.ndarray],
    bids: tuple[ArmBids, ArmBids] | None = None,
    n_units: int = 2,
) -> ArmsReplay:
    sources = (TableSource(traffic, rules[0]), TableSource(traffic, rules[1]))
    done = ArmsReplay(sources, 0, rules, visits, pots, n_units, seed=5)
    while not done.is_over:
        done.step(bids or (keyword_bids(traffic),) * 2)
    return done


def all_visits(traffic: Traffic, block: int, arm: int | np.ndarray) -> Visits:
    bucket, weight = day_visits(traffic.weight, 0, block)
    arms = np.full(len(bucket), arm) if isinstance(arm, int) else arm
    return Visits(bucket, weight, arms, arms.copy())


def plain(traffic: Traffic, rules: Rules, budgets: np.ndarray) -> np.ndarray:
    """Cost of each advertiser in a plain replay."""
    day = DayReplay(TableSource(traffic, rules), 0, rules, budgets=budgets, seed=5)
    return run_day(day, lambda _: keyword_bids(traffic).coefficients).cost[:, :, 0].sum(axis=0)


@pytest.mark.parametrize("number", range(40))
def test_both_arms_alike_are_the_plain_replay_to_the_bit(number: int):
    rng = np.random.default_rng([7, number])
    traffic, rules = random_market(rng), Rules(slot_effect=SLOTS[number % 4], pricing=("gsp", "vcg", "first")[number % 3])
    budgets = tight_budgets(rng, traffic, plain(traffic, rules, np.full(len(traffic.advertisers), np.inf)))
    bucket, _ = day_visits(traffic.weight, 0, 1)
    visits = all_visits(traffic, 1, rng.integers(0, 2, len(bucket)))
    mixed = replay_arms(traffic, (rules, rules), visits, [budgets])
    assert mixed.account(0)[2][:, COST, 0].tolist() == plain(traffic, rules, budgets).tolist()
    # The tally beside the ledger misses nothing and counts nothing twice.
    np.testing.assert_allclose(mixed.by_arm.sum(axis=0), mixed.account(0)[2][:, :, 0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mixed.by_unit, mixed.by_arm.sum(axis=1), rtol=1e-12, atol=1e-12)


def test_sampled_outcomes_of_whole_buckets_are_those_of_the_plain_replay():
    traffic, rules = random_market(np.random.default_rng(3)), replace(THREE_SLOTS, outcomes="sampled")
    no_budgets = np.full(len(traffic.advertisers), np.inf)
    whole = replay_arms(traffic, (rules, rules), all_visits(traffic, 10**6, 0), [no_budgets])
    cost = plain(traffic, rules, no_budgets)
    assert cost.sum() > 0
    assert whole.account(1)[2][:, COST, 0].tolist() == cost.tolist()


@pytest.mark.parametrize("number", range(30))
def test_split_budgets_make_each_arm_a_market_of_its_own(number: int):
    rng = np.random.default_rng([8, number])
    traffic = random_market(rng)
    rules = (Rules(), Rules(slot_effect=SLOTS[1], pricing="first", reserve=0.3, squash=0.5))
    spent = plain(traffic, rules[0], np.full(len(traffic.advertisers), np.inf))
    pots = [tight_budgets(rng, traffic, spent) for _ in range(2)]
    arm = rng.integers(0, 2, len(traffic.weight))
    both = replay_arms(traffic, rules, all_visits(traffic, 10**6, arm), pots)
    for i in range(2):
        rows = np.repeat(arm == i, np.diff(traffic.cell_start))
        sizes = np.diff(traffic.cell_start)[arm == i]
        cells = {name: getattr(traffic, name)[arm == i] for name in ("day", "hour", "weight", "query", "market_ecpm")}
        columns = ("advertiser", "pctr", "pcvr", "item_price", "keyword_bid", "ctr", "cvr")
        own = replace(
            traffic, **cells, **{name: getattr(traffic, name)[rows] for name in columns},
            cell_start=np.append(0, np.cumsum(sizes)),
        )  # fmt: skip
        if len(own.weight):
            np.testing.assert_allclose(both.by_arm[i, :, COST], plain(own, rules[i], pots[i]), rtol=1e-9, atol=1e-12)


def two_arm_reference(
    traffic: Traffic, rules: tuple[Rules, Rules], visits: Visits, budgets: np.ndarray, factors: tuple[float, float]
) -> np.ndarray:
    """Cost by arm and advertiser, auction by auction in plain Python, with budgets that both arms share."""
    left, cost = budgets.copy(), np.zeros((2, len(budgets)))
    exhausted = np.where(np.isfinite(budgets), budgets * EXHAUSTED_SHARE, -1.0)
    for bucket, weight, arm in zip(visits.bucket, visits.weight, visits.arm, strict=True):
        rows = slice(traffic.cell_start[bucket], traffic.cell_start[bucket + 1])
        who, pctr, rule = traffic.advertiser[rows], traffic.pctr[rows], rules[arm]
        for _ in range(weight):
            bids = np.where(left[who] <= exhausted[who], np.nan, factors[arm] * traffic.keyword_bid[rows])
            placed = clear(
                bids.tolist(), pctr.tolist(), slot_effect=rule.slot_effect, pricing=rule.pricing, reserve=rule.reserve,
                squash=rule.squash, external_score=float(traffic.market_ecpm[bucket]),
            )  # fmt: skip
            for one in placed:
                charge = min(one.price * pctr[one.candidate] * rule.slot_effect[one.slot], left[who[one.candidate]])
                left[who[one.candidate]] -= charge
                cost[arm, who[one.candidate]] += charge
    return cost


@pytest.mark.parametrize("number", range(60))
def test_shared_budgets_run_out_in_both_arms_as_auction_by_auction(number: int):
    rng = np.random.default_rng([9, number])
    traffic = random_market(rng)
    control = Rules(slot_effect=SLOTS[number % 3], pricing=("gsp", "vcg")[number % 2], reserve=0.1)
    treatment = Rules(slot_effect=SLOTS[(number + 1) % 3], pricing="first", squash=0.5, reserve=0.4)
    bucket, _ = day_visits(traffic.weight, 0, 2)
    visits = all_visits(traffic, 2, rng.integers(0, 2, len(bucket)))
    free = two_arm_reference(traffic, (control, treatment), visits, np.full(len(traffic.advertisers), np.inf), (1.0, 1.5))
    budgets = np.where(free.sum(axis=0) > 0, rng.uniform(0.05, 1.2, free.shape[1]) * free.sum(axis=0), np.inf)
    bids = (keyword_bids(traffic), keyword_bids(traffic, 1.5))
    found = replay_arms(traffic, (control, treatment), visits, [budgets], bids)
    expected = two_arm_reference(traffic, (control, treatment), visits, budgets, (1.0, 1.5))
    np.testing.assert_allclose(found.by_arm[:, :, COST], expected, rtol=1e-9, atol=1e-9)
    assert (found.by_arm[:, :, COST].sum(axis=0) <= budgets * (1 + 1e-12)).all()


def test_who_enters_no_auction_of_an_arm_is_shown_in_the_other_alone():
    traffic = random_market(np.random.default_rng(4))
    n = len(traffic.advertisers)
    arm = np.arange(len(traffic.weight)) % 2
    away = ArmBids(keyword_bids(traffic).coefficients, np.zeros((n, 1)))
    visits = all_visits(traffic, 10**6, arm)
    found = replay_arms(traffic, (Rules(), Rules()), visits, [np.full(n, np.inf)], (keyword_bids(traffic), away))
    assert found.by_arm[0, :, CLICKS].sum() > 0
    assert found.by_arm[1].sum() == 0


def test_outcomes_that_are_sampled_in_one_arm_only_are_refused():
    traffic = random_market(np.random.default_rng(0))
    rules = (Rules(), Rules(outcomes="sampled"))
    with pytest.raises(ValueError, match="rules: expected outcomes 'expected' in both arms, got 'sampled'"):
        replay_arms(traffic, rules, all_visits(traffic, 1, 0), [np.full(len(traffic.advertisers), np.inf)])


def test_blocks_hold_every_auction_once_in_order():
    bucket, weight = day_visits(np.array([5, 1, 4]), 10, 2)
    assert bucket.tolist() == [10, 10, 10, 11, 12, 12]
    assert weight.tolist() == [2, 2, 1, 1, 2, 2]
