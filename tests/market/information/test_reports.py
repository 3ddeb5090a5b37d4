"""Reports of a day: as late, as noisy and as coarse as the scenario says, of the prices that the engine charges."""

from __future__ import annotations

import numpy as np
import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.analysis.experiments.arms import Arms
from auctionsim.auction.day import DayReplay, outcome_of_hours
from auctionsim.auction.reference import clear
from auctionsim.errors import InputError
from auctionsim.market.information.blur import blurred, key_of
from auctionsim.market.information.landscape import _compare_others
from auctionsim.market.market import Market
from auctionsim.market.observations import FEATURES
from auctionsim.market.policy import Constant, DayPolicy, DayState
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import InformationSection
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.table import HOURS

from ...conftest import SMALL

OPEN = (
    "learner.global_weight=0.0", "platform.revenue_floor=0.0", "advertisers.0.profit_floor=0.0",
    "traffic.auctions_per_day=2000",
)  # fmt: skip
PID = '\n[[advertisers]]\ngroup = "paced"\ncount = 2\ncontroller = "{rule}"\nbudget = "baseline*0.5"\n'
ARRAYS = ("budget_left", "last_step", "cumulative")


def market(*overrides: str, more: str = "") -> Market:
    return build_market(parse_scenario(SMALL + more, "x.toml", overrides=[*OPEN, *overrides]))


def states(one: Market, *, stop: int = HOURS) -> list[DayState]:
    """Return what the learners' policy is shown in each hour while everybody bids half of its value."""
    theta, seen = one.fixed[:, :, None].copy(), []
    theta[one.learners, 2] = 0.5
    sim = one.day(2)
    while sim.hour < stop:
        seen.append(sim.state)
        sim.step(theta)
    return seen


def test_a_report_is_that_of_some_hours_before():
    tight = 'advertisers.0.budget="baseline*0.4"'
    at_once = states(market(tight, 'information.regime="own-wins"'))
    late = states(market(tight, 'information.regime="own-wins"', "information.delay=3"))
    for hour in range(HOURS):
        assert late[hour].hour == hour
        assert late[hour].reported == max(hour - 3, 0)
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(late[hour], name), getattr(at_once[max(hour - 3, 0)], name))
    assert (late[3].last_step == 0).all()
    assert late[-1].cumulative.sum() < at_once[-1].cumulative.sum()


@pytest.mark.parametrize("num_envs", [1, 3])
def test_observations_are_late_but_for_the_clock(num_envs: int):
    def played(delay: int) -> np.ndarray:
        scenario = parse_scenario(
            SMALL, "x.toml", overrides=[*OPEN, 'information.regime="own-wins"', f"information.delay={delay}"]
        )
        env = auctionsim.envs.AuctionVectorEnv(scenario, num_envs, split="test")
        # Two days: reports of the first one are not carried over.
        first, actions = env.reset(seed=0)[0], np.zeros(env.action_space.shape, dtype=np.float32)
        return np.stack([first, *(env.step(actions)[0] for _ in range(2 * HOURS + 1))])

    at_once, late = played(0), played(2)
    others = [k for k, name in enumerate(FEATURES) if name != "time_left"]
    for hour in range(HOURS + 1):
        for begin in (0, HOURS + 1):
            np.testing.assert_array_equal(late[begin + hour][..., others], at_once[begin + max(hour - 2, 0)][..., others])
    np.testing.assert_array_equal(late[..., 0], at_once[..., 0])


def test_prices_are_those_that_the_engine_counts():
    keys = ("mechanism.slot_effect=[1.0, 0.5]", 'mechanism.pricing="vcg"', "traffic.auctions_per_day=150")
    one = market('information.regime="least-winning-cost"', *keys)
    theta = np.zeros((5, 4, 1))
    theta[:, 2] = np.linspace(0.3, 1.0, 5)[:, None]
    detailed = DayReplay(one.traffic_source, 2, one.rules, details=True)
    sim, hours, winning, least = one.day(2), [], [], []
    while not sim.is_over:
        hours.append(detailed.step(theta))
        sim.step(theta)
        prices = sim.state.prices
        assert prices is not None
        winning.append(prices.winning_price)
        least.append(prices.least_winning_cost)
    counted = outcome_of_hours(np.stack(hours), one.advertisers)
    np.testing.assert_allclose(np.stack(winning), counted.winning_price, rtol=1e-10)
    # The engine counts lost auctions alone. Lost and won ones together cost no less to win than the reserve.
    lost = np.stack(hours)[:, :, 5] > 0
    assert (np.stack(least)[lost] >= one.rules.reserve).all()
    only_lost = (counted.impressions == 0) & lost
    np.testing.assert_allclose(np.stack(least)[only_lost], counted.least_winning_cost[only_lost], rtol=1e-10)
    assert only_lost.any()


@pytest.mark.parametrize("pricing", ["gsp", "first", "vcg"])
@pytest.mark.parametrize("bid", [0.0, 1.0])
def test_who_wins_a_tie_is_shown_its_price(pricing: str, bid: float):
    # Ranked by bid, with equal bids: the first candidates win, at their own bid.
    keys = (
        "mechanism.slot_effect=[1.0, 0.5]",
        f'mechanism.pricing="{pricing}"',
        "mechanism.squash=0.0",
        "mechanism.reserve=0.0",
    )
    one = market('information.regime="least-winning-cost"', *keys)
    theta = np.zeros((5, 4, 1))
    theta[:, 0] = bid
    sim, detailed = one.day(2), DayReplay(one.traffic_source, 2, one.rules, details=True)
    while not sim.is_over:
        sim.step(theta)
        counted = outcome_of_hours(np.tile(detailed.step(theta), (HOURS, 1, 1, 1)), one.advertisers)
        assert sim.state.prices is not None
        np.testing.assert_allclose(sim.state.prices.winning_price, counted.winning_price[0], rtol=1e-10)
        assert np.isfinite(sim.state.prices.winning_price).any()


def test_slots_that_bids_win_are_those_of_the_plain_auction():
    rng, n_slots = np.random.default_rng(0), 3
    for _ in range(200):
        n = int(rng.integers(1, 7))
        bids, external, reserve = rng.integers(0, 4, n) / 10, rng.choice([0.0, 0.1, 0.2, 0.3]), rng.choice([0.0, 0.1])
        is_eligible = bids >= reserve
        slot, rivals = np.zeros((n, 1), dtype=np.int64), np.zeros((n, n_slots, 1))
        score = np.where(is_eligible, bids, 0.0)[:, None]
        _compare_others(np.array([0, n]), score, is_eligible[:, None], np.array([external]), rivals, slot)
        shown = clear(
            bids.tolist(), [1.0] * n, slot_effect=(1.0, 0.5, 0.2), reserve=float(reserve), external_score=float(external)
        )
        expected = np.full(n, n_slots)
        for one in shown:
            expected[one.candidate] = one.slot
        np.testing.assert_array_equal(slot[:, 0], expected)


@pytest.mark.parametrize(
    ("regime", "shown"), [("own-wins", (False, False)), ("winning-price", (True, False)), ("least-winning-cost", (True, True))]
)
def test_a_regime_shows_its_prices_and_no_other(regime: str, shown: tuple[bool, bool]):
    prices = states(market(f'information.regime="{regime}"'))[-1].prices
    assert (prices is not None) == shown[0]
    if prices is not None:
        assert np.isfinite(prices.winning_price).any()
        assert np.isfinite(prices.least_winning_cost).any() == shown[1]


@pytest.mark.parametrize("aggregate", ["auction", "hour"])
def test_noise_has_the_stated_size(aggregate: str):
    information = InformationSection(regime="least-winning-cost", noise=0.2)
    figures, n = np.full((40_000, 1), 2.0), 40_000
    seen = blurred(figures, information, key_of(0, 1, 2, "least_winning_cost"), np.arange(n), np.zeros(n, dtype=np.int64))
    error = np.log(seen / figures)
    # Of 40,000 draws the deviation is known to 0.0007, and the mean to 0.001.
    assert error.std() == pytest.approx(0.2, abs=0.004)
    assert error.mean() == pytest.approx(0.0, abs=0.005)
    keys = ('information.regime="least-winning-cost"', "information.noise=0.2", f'information.aggregate="{aggregate}"')
    errors = []
    for state in states(market(*keys))[1:]:
        assert state.prices is not None
        true = state.prices.true("least_winning_cost")
        errors.append(np.log(state.prices.least_winning_cost / true)[np.isfinite(true)])
    # Means of several auctions err less than the mean of an hour that is blurred itself.
    spread = float(np.concatenate(errors).std())
    assert spread == pytest.approx(0.2, abs=0.05) if aggregate == "hour" else 0.01 < spread < 0.15


def test_rounding_errs_by_half_a_step_at_most():
    keys = ('information.regime="least-winning-cost"', "information.rounding=0.25", 'information.aggregate="hour"')
    errors = []
    for state in states(market(*keys))[1:]:
        assert state.prices is not None
        seen = state.prices.least_winning_cost
        errors.append(np.abs(seen - state.prices.true("least_winning_cost"))[np.isfinite(seen)])
        np.testing.assert_allclose(np.round(seen / 0.25) * 0.25, seen, atol=1e-12)
    found = np.concatenate(errors)
    assert found.max() <= 0.125 + 1e-12
    # Uniform errors have a mean of a quarter of a step.
    assert 0.03 < found.mean() < 0.1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("step", [5e-324, 1e-320, 1e-17])
def test_a_step_smaller_than_the_last_digit_rounds_nothing(step: float):
    information = InformationSection(regime="least-winning-cost", rounding=step)
    figures, who = np.array([[0.3], [7.0], [np.nan]]), np.zeros(3, dtype=np.int64)
    np.testing.assert_array_equal(blurred(figures, information, key_of(0, 0, 0, "least_winning_cost"), who, who), figures)


@pytest.mark.parametrize("regime", ["own-wins", "full"])
def test_a_policy_sees_nobody_elses_budget(regime: str):
    one = market(f'information.regime="{regime}"', 'advertisers.0.budget="baseline*0.5"', more=PID.format(rule="pid"))
    state = states(one)[-1]
    assert np.isinf(state.budget_left[5:]).all()
    assert np.isfinite(state.budget_left[:5]).all()
    assert (state.cumulative[5:] > 0).any() == (regime == "full")


@pytest.mark.parametrize("rule", ["pid", "dual-pacing", "throttle", "max-value"])
def test_a_controller_bids_as_before_until_its_first_report(rule: str):
    rows = []
    for delay in (0, 6):
        one = market('information.regime="own-wins"', f"information.delay={delay}", more=PID.format(rule=rule))
        run = simulate_day(one, 2, Constant(np.where(np.isnan(one.fixed), np.nan, 0.1)[:, :, None]))
        shares = [np.ones(2) if share is None else share[5:, 0] for share in run.shares]
        rows.append(np.stack([np.append(bid[5:, :, 0], own) for bid, own in zip(run.bids, shares, strict=True)]))
    at_once, late = rows
    # Reports of hour 0 come with hour 1, or with hour 7.
    assert (late[:7] == late[0]).all()
    assert not (at_once[:7] == at_once[0]).all()
    assert not (late == late[0]).all()


def test_budgets_are_kept_however_late_reports_are():
    one = market('information.regime="own-wins"', "information.delay=23", more=PID.format(rule="pid"))
    cost = simulate_day(one, 2, Constant(np.where(np.isnan(one.fixed), np.nan, 0.1)[:, :, None])).outcome.cost
    assert (cost[:, 5:, 0].sum(axis=0) <= one.budgets[5:] * (1 + 1e-9)).all()


def test_a_day_with_late_reports_can_be_copied():
    one = market('information.regime="least-winning-cost"', "information.delay=2", more=PID.format(rule="pid"))
    scenario = one.scenario
    env, twin = (auctionsim.envs.AuctionVectorEnv(scenario, 2) for _ in range(2))
    import copy

    actions = np.zeros(env.action_space.shape, dtype=np.float32)
    for each in (env, twin):
        each.reset(seed=1)
        for _ in range(5):
            each.step(actions)
    other = copy.deepcopy(env)
    seen, expected = other.step(actions), twin.step(actions)
    np.testing.assert_array_equal(seen[0], expected[0])
    np.testing.assert_array_equal(seen[4]["prices"], expected[4]["prices"])


def test_steps_that_are_no_hours_have_no_late_reports():
    one = market('information.regime="own-wins"', "information.delay=2")
    from auctionsim.traffic.steps import minutes_steps

    with pytest.raises(ValueError, match=r"steps: expected hours with information.delay"):
        one.day(2, steps=minutes_steps(one.traffic, 2, 30))


@pytest.mark.parametrize("rule", ["timetable", "uscb-oracle"])
def test_a_controller_that_needs_more_is_refused_in_one_line(rule: str):
    text = SMALL + PID.format(rule=rule)
    keys = [*OPEN, 'information.regime="least-winning-cost"']
    words = f"x.toml: information.regime: expected 'full' with controller '{rule}', which needs it, got 'least-winning-cost'"
    with pytest.raises(InputError, match=f"^{words}$"):
        build_market(parse_scenario(text, "x.toml", overrides=keys))
    with pytest.raises(InputError, match=f"controller '{rule}'"):
        auctionsim.envs.SingleBidderEnv(parse_scenario(SMALL, "x.toml", overrides=keys), rivals=rule)


class NeedsPrices:
    """A rule of a user's own that asks for least winning costs."""

    needs = "least-winning-cost"

    def __init__(self, market: Market, advertisers: np.ndarray) -> None:
        self.n = len(advertisers)

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        """Bid the last least winning cost that was seen, or 1."""

        def act(state: DayState) -> np.ndarray:
            theta = np.zeros((self.n, 4, n_policies))
            theta[:, 0] = 1.0 if state.prices is None else np.nan_to_num(state.prices.least_winning_cost, nan=1.0)
            return theta

        return DayPolicy(act)


def test_a_rule_of_ones_own_asks_for_prices_and_gets_them():
    plain = market('information.regime="least-winning-cost"')
    ruled = plain.under(NeedsPrices, np.array([3]))
    bids = np.stack(simulate_day(ruled, 2, Constant(np.where(np.isnan(ruled.fixed), np.nan, 0.1)[:, :, None])).bids)[:, 3, 0, 0]
    assert bids[0] == 1.0
    assert len(set(bids.tolist())) > 10
    with pytest.raises(InputError, match=r"^x.toml: information.regime: expected rules .* with experiments, got 'NeedsPrices'"):
        Arms(ruled)
    with pytest.raises(InputError, match="expected 'least-winning-cost' with controller 'NeedsPrices'"):
        market('information.regime="winning-price"').under(NeedsPrices, np.array([3]))
