"""One loop over a day: what holds of every policy in it."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.agents.policies.auction_level.policy import AuctionLevelBids
from auctionsim.agents.policies.base import Scaled
from auctionsim.agents.policies.hourly_network import HourlyNetwork
from auctionsim.agents.policies.per_auction_network import PerAuctionNetwork
from auctionsim.auction.parallel import windows
from auctionsim.market import simulate
from auctionsim.market.day import MarketDay
from auctionsim.market.market import Market
from auctionsim.market.policy import Constant, DayPolicy, DayState, Participation, Policy, Reactive
from auctionsim.market.simulate import Recorded, simulate_day
from auctionsim.traffic.steps import Steps, minutes_steps
from auctionsim.traffic.table import HOURS

from .days import KEYWORD_BID, RULES, Reacting, is_equal, keyword_bids, small_market

DAY = 2


def by_kind(kind: str) -> tuple[Market, Policy]:
    """A market, and a policy of it."""
    rules = RULES if "rules" in kind else ""
    market = small_market("mechanism.outcomes=sampled" if "sampled" in kind else "mechanism.outcomes=expected", rules=rules)
    network = {"network": HourlyNetwork(4), "free": PerAuctionNetwork(4), "auction": AuctionLevelBids()}
    if kind in network:
        start = network[kind].start(market)
        rng = np.random.default_rng(0)
        return market, network[kind].policy(market, rng.normal(0, 0.3, (1, len(market.learners), start.shape[-1])))
    if "constant" in kind:
        return market, Constant(keyword_bids(market))
    steps = None
    if "minutes" in kind:
        steps = lambda day: minutes_steps(market.traffic, day, 20)  # noqa: E731
    if "hours" in kind:
        steps = lambda day: Steps.from_hours(market.traffic, day, hours=4)  # noqa: E731
    return market, Reacting(market, steps, 0.5 if "shares" in kind else None)


KINDS = (
    "constant", "constant and rules", "reacting", "reacting and rules", "reacting and rules, sampled",
    "reacting with shares", "reacting with shares and rules", "reacting in minutes", "reacting in minutes with shares",
    "reacting in four hours", "network", "free", "auction",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_recorded_day_is_repeated_to_the_bit(kind: str):
    market, policy = by_kind(kind)
    recorded = simulate_day(market, DAY, policy)
    assert recorded.outcome.cost.sum() > 0
    again = simulate_day(market, DAY, Recorded(recorded))
    assert is_equal(recorded, again)
    assert recorded.step_hours == again.step_hours
    assert all((one == other).all() for one, other in zip(recorded.bids, again.bids, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_copies_side_by_side_equal_one(kind: str):
    market, policy = by_kind(kind)
    one, three = simulate_day(market, DAY, policy), simulate_day(market, DAY, policy, n_policies=3)
    assert three.outcome.cost.shape == (HOURS, len(market.advertisers), 3)
    for p in range(3):
        assert is_equal(one, three, slice(p, p + 1))


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of a few buckets, which on threads are worth their while on large days only."""
    for name, size in (("_LEAST", 3), ("_FIRST", 8), ("_MOST", 16)):
        monkeypatch.setattr(windows, name, size)


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_threads_changes_no_bit_of_a_day(kind: str):
    market, policy = by_kind(kind)
    one, three = (simulate_day(market, DAY, policy, threads=n) for n in (1, 3))
    assert is_equal(one, three)
    assert one.sim.effort.windows == 0
    # Whether somebody enters an auction is drawn for one after the other.
    assert (three.sim.effort.windows > 0) == any(share is None for share in three.shares)


@pytest.mark.usefixtures("small_windows")
def test_large_days_of_few_policies_are_cleared_on_all_cores(monkeypatch: pytest.MonkeyPatch):
    market, policy = by_kind("reacting")
    asked: list[int] = []
    monkeypatch.setattr(simulate, "threads_for", lambda n_rows: asked.append(n_rows) or 3)
    windowed = [simulate_day(market, DAY, policy, n_policies=n).sim.effort.windows for n in (1, 15, 16)]
    assert [n > 0 for n in windowed] == [True, True, False]
    assert asked == [market.source.candidates_on(DAY)] * 2


def test_a_number_of_threads_is_a_whole_number():
    market, policy = by_kind("constant")
    with pytest.raises(ValueError, match="threads: expected a whole number >= 1, got 0"):
        simulate_day(market, DAY, policy, threads=0)
    assert is_equal(simulate_day(market, DAY, policy, threads=2**31), simulate_day(market, DAY, policy))


@pytest.mark.parametrize("kind", ["reacting and rules", "reacting with shares", "reacting in minutes", "network"])
def test_an_intervention_changes_nothing_before_its_hour_and_something_after(kind: str):
    market, policy = by_kind(kind)

    def intervene(hour: int, theta: np.ndarray) -> None:
        if hour == 7:
            theta[0] *= 4.0

    plain, disturbed = simulate_day(market, DAY, policy), simulate_day(market, DAY, policy, intervene=intervene)
    assert (plain.outcome.cost[:7] == disturbed.outcome.cost[:7]).all()
    assert (plain.coefficients[:7] == disturbed.coefficients[:7]).all()
    assert (plain.outcome.cost[7, 0] != disturbed.outcome.cost[7, 0]).any()
    assert (plain.coefficients[8:] != disturbed.coefficients[8:]).any()


def test_an_intervention_does_not_write_into_the_policy():
    market = small_market()
    theta = keyword_bids(market)
    kept = theta.copy()

    def intervene(hour: int, own: np.ndarray) -> None:
        own[0] *= 2.0

    simulate_day(market, DAY, Constant(theta), intervene=intervene)
    assert (theta == kept)[market.learners].all()


def test_an_intervention_may_bid_for_an_advertiser_under_a_rule():
    market = small_market(rules=RULES)
    own = np.zeros((4, 1))
    own[KEYWORD_BID] = 0.25

    def intervene(hour: int, theta: np.ndarray) -> None:
        theta[5] = own

    plain, forced = (simulate_day(market, DAY, Constant(keyword_bids(market)), intervene=given) for given in (None, intervene))
    assert (forced.coefficients[:, 5] == own).all()
    assert (plain.coefficients[:, 5] != own).any()
    # The other one of its group follows the rule as before.
    assert (forced.coefficients[0, 6] == plain.coefficients[0, 6]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_scaling_by_one_changes_nothing(kind: str):
    market, policy = by_kind(kind)
    assert is_equal(
        simulate_day(market, DAY, policy), simulate_day(market, DAY, Scaled(policy, np.ones(len(market.advertisers))))
    )


def test_scaling_doubles_bids_and_leaves_shares_and_rules():
    market, policy = by_kind("reacting with shares and rules")
    twice = Scaled(policy, np.full(len(market.advertisers), 2.0))
    plain, scaled = simulate_day(market, DAY, policy), simulate_day(market, DAY, twice)
    assert (scaled.coefficients[0, market.learners] == 2 * plain.coefficients[0, market.learners]).all()
    under_rule = np.setdiff1d(np.arange(len(market.advertisers)), market.learners)
    assert (scaled.coefficients[0, under_rule] == plain.coefficients[0, under_rule]).all()


def test_scaling_keeps_the_steps_of_an_actor_of_any_class():
    market = small_market()
    steps = Steps.from_hours(market.traffic, DAY, hours=6)

    class Actor:
        def __init__(self) -> None:
            self.steps = steps

        def act(self, state: DayState) -> np.ndarray:
            return keyword_bids(market)

    class Mine:
        def begin(self, market: Market, day: int, n_policies: int) -> Actor:
            return Actor()

    scaled = Scaled(Mine(), np.ones(len(market.advertisers)))
    assert simulate_day(market, DAY, scaled).step_hours == simulate_day(market, DAY, Mine()).step_hours == (0, 6, 12, 18)


def test_the_state_that_was_seen_does_not_change_when_the_day_goes_on():
    market = small_market(rules=RULES)
    seen: list[tuple[DayState, list[np.ndarray]]] = []

    def arrays(state: DayState) -> list[np.ndarray]:
        return [state.budget_left, state.last_step, state.cumulative]

    def act(state: DayState) -> np.ndarray:
        seen.append((state, [array.copy() for array in arrays(state)]))
        return keyword_bids(market, policies=2)

    simulate_day(market, DAY, Reactive(act), n_policies=2)
    assert [state.hour for state, _ in seen] == [state.steps_done for state, _ in seen] == list(range(HOURS))
    for state, kept in seen:
        assert all((now == then).all() for now, then in zip(arrays(state), kept, strict=True))
    assert all((seen[h + 1][0].budget_left <= seen[h][0].budget_left).all() for h in range(HOURS - 1))


def test_a_policy_may_return_one_array_that_it_writes_to_again_and_again():
    market = small_market()
    buffer = keyword_bids(market)

    def act(state: DayState) -> np.ndarray:
        buffer[market.learners, KEYWORD_BID] = 1 + 0.01 * state.hour
        return buffer

    reused = simulate_day(market, DAY, Reactive(act))
    fresh = simulate_day(market, DAY, Reactive(lambda state: keyword_bids(market, 1 + 0.01 * state.hour)))
    assert is_equal(fresh, reused)
    assert all((one == other).all() for one, other in zip(fresh.bids, reused.bids, strict=True))
    np.testing.assert_array_equal(reused.coefficients[:, 0, KEYWORD_BID, 0], 1 + 0.01 * np.arange(HOURS))


@pytest.mark.parametrize("name", ["budget_left", "last_step", "cumulative"])
def test_a_policy_cannot_write_to_the_day_s_accounts(name: str):
    market = small_market()

    def act(state: DayState) -> np.ndarray:
        getattr(state, name)[...] = 0.0
        return keyword_bids(market)

    with pytest.raises(ValueError, match="read-only"):
        simulate_day(market, DAY, Reactive(act))


def test_steps_within_an_hour_add_up_and_the_last_one_s_bids_count():
    market, _ = by_kind("reacting")

    def act(state: DayState) -> np.ndarray:
        return keyword_bids(market, 1.0 + state.steps_done % 3)

    class ByThirds:
        def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
            return DayPolicy(act, steps=minutes_steps(market.traffic, day, 20))

    day = simulate_day(market, DAY, ByThirds())
    assert day.step_hours == tuple(np.repeat(np.arange(HOURS), 3).tolist())
    assert (day.coefficients[:, market.learners, KEYWORD_BID] == 3.0).all()
    np.testing.assert_allclose(day.outcome.cost.sum(axis=0), day.sim.cumulative[:, 4], rtol=1e-12)
    assert (day.budget_left[-1] == day.sim.budget_left).all()


def test_a_policy_of_the_whole_market_throttles_as_a_rule_does():
    market = small_market()
    everybody = np.arange(len(market.advertisers))

    class Half:
        def __init__(self, market: Market, advertisers: np.ndarray) -> None:
            self.n = len(advertisers)

        def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
            theta = np.zeros((self.n, 4, n_policies))
            theta[:, KEYWORD_BID] = 1.0
            return DayPolicy(lambda state: Participation(theta, np.full((self.n, n_policies), 0.25 + 0.03 * state.hour)))

    ruled = market.under(Half, everybody)
    by_rule = simulate_day(ruled, DAY, Constant(ruled.fixed[:, :, None]), n_policies=2)
    by_policy = simulate_day(market, DAY, Half(market, everybody), n_policies=2)
    plain = simulate_day(market, DAY, Constant(keyword_bids(market)), n_policies=2)
    assert is_equal(by_rule, by_policy)
    assert not is_equal(plain, by_policy)


def test_shares_of_one_policy_hold_for_all_and_are_not_written_to():
    market = small_market(rules=RULES)
    share = np.full((len(market.advertisers), 1), 0.5)
    action = Participation(keyword_bids(market), share)
    one, three = (simulate_day(market, DAY, Reactive(lambda state: action), n_policies=n) for n in (1, 3))
    assert (share == 0.5).all()
    for p in range(3):
        assert is_equal(one, three, slice(p, p + 1))


def test_an_advertiser_under_a_rule_enters_its_rule_s_share():
    # `pid` enters all its auctions, whatever share the policy names for it.
    market = small_market(rules=RULES.replace("throttle", "pid"))
    share = np.ones((len(market.advertisers), 1))
    share[5:] = 0.1
    throttled = Reactive(lambda state: Participation(keyword_bids(market), share))
    assert is_equal(simulate_day(market, DAY, Constant(keyword_bids(market))), simulate_day(market, DAY, throttled))


@pytest.mark.parametrize(
    ("shape", "rules"),
    [((5, 4, 2), ""), ((5, 4), ""), ((4, 4, 1), ""), ((5, 3, 1), ""), ((5, 4, 1), RULES), ((9, 4), RULES)],
)
def test_coefficients_of_another_shape_are_refused_in_one_line(shape: tuple[int, ...], rules: str):
    market = small_market(rules=rules)
    with pytest.raises(ValueError, match=r"policy Reactive: expected coefficients of shape \(\d, 4, 3\)") as raised:
        simulate_day(market, DAY, Reactive(lambda state: np.ones(shape)), n_policies=3)
    assert "\n" not in str(raised.value)
    assert f"got shape {shape}" in str(raised.value)


@pytest.mark.parametrize("shape", [(5,), (4, 1), (5, 2)])
def test_shares_of_another_shape_are_refused_in_one_line(shape: tuple[int, ...]):
    market = small_market()
    policy = Reactive(lambda state: Participation(keyword_bids(market), np.ones(shape)))
    with pytest.raises(ValueError, match=r"policy Reactive: expected shares of shape \(5, 3\)") as raised:
        simulate_day(market, DAY, policy, n_policies=3)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("value", [-1.0, np.inf, np.nan])
def test_coefficients_that_are_no_bids_are_refused(value: float):
    market = small_market(rules=RULES)
    theta = keyword_bids(market)
    theta[1, KEYWORD_BID] = value
    with pytest.raises(ValueError, match=f"policy Constant: expected finite coefficients >= 0, got {value} for seller_1"):
        simulate_day(market, DAY, Constant(theta))


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_shares_outside_their_range_are_refused(value: float):
    market = small_market()
    policy = Reactive(lambda state: Participation(keyword_bids(market), np.full((5, 1), value)))
    with pytest.raises(ValueError, match=f"policy Reactive: expected shares in \\[0, 1\\], got {value} for seller_0"):
        simulate_day(market, DAY, policy)


def test_a_recorded_day_is_not_repeated_on_another_one():
    market, policy = by_kind("reacting in minutes")
    recorded = Recorded(simulate_day(market, DAY, policy))
    with pytest.raises(ValueError, match="day: expected 2, which was recorded, got 3"):
        simulate_day(market, 3, recorded)


def test_local_credit_is_summed_for_every_policy_alike():
    market, policy = by_kind("reacting")
    one, two = (simulate_day(market, DAY, policy, n_policies=n, local_credit=True) for n in (1, 2))
    assert isinstance(one.sim, MarketDay)
    assert one.sim.local_credit.any()
    assert (one.sim.local_credit == two.sim.local_credit[:, :, :1]).all()
    assert (two.sim.local_credit[:, :, 0] == two.sim.local_credit[:, :, 1]).all()
