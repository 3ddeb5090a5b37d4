"""Conversions that are reported late: what is seen, what is estimated, and that the truth stays what it was."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import auctionsim
from auctionsim import InputError
from auctionsim.agents.build import build_market
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST
from auctionsim.market.delays.arrivals import Delays
from auctionsim.market.delays.consecutive import simulate_days
from auctionsim.market.delays.reports import LEAST_SHARE, ConversionLog
from auctionsim.market.market import Market
from auctionsim.market.policy import Constant
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario.delays.section import ESTIMATES, DelaysSection
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.delays.distributions import arrived_share, arrived_share_of_hour, normal_cdf

TOML = """
name = "late"
[traffic]
profile = "ss-rtb"
days = 4
auctions_per_day = 8000
weight = 8
queries = 12
candidates = 6
train_days = [0, 1]
test_days = [2, 3]
[mechanism]
outcomes = "{outcomes}"
{delays}
[[advertisers]]
group = "buyer"
controller = "{controller}"
{buyer}
[[advertisers]]
group = "rival"
count = 5
controller = "manual"
"""


def market(delays: str = "", outcomes: str = "expected", controller: str = "manual", buyer: str = "", seed: int = 0) -> Market:
    section = f"[delays]\n{delays}" if delays else ""
    text = TOML.format(delays=section, outcomes=outcomes, controller=controller, buyer=buyer)
    return build_market(parse_scenario(text, "late.toml"), seed)


def own_bids(own: Market) -> Constant:
    return Constant(own.fixed[:, :, None])


def log_of(
    mean: float, hours: np.ndarray, seeds: range | None = None, more: str = ""
) -> tuple[ConversionLog, dict[str, np.ndarray]]:
    """A log of one advertiser with hours of clicks `[T, 5]`, and the sums of what each estimate learned, `[5, P]`."""
    scenario = parse_scenario(
        TOML.format(delays=f"[delays]\nmean = {mean}\n{more}", outcomes="expected", controller="manual", buyer=""), ""
    )
    policies = 1 if seeds is None else len(seeds)
    log = ConversionLog(Delays.of(scenario.delays, scenario.advertisers[:1], 0, 0), 0, 0, (1, policies), seeds, None)
    sums = {name: np.zeros((5, policies)) for name in ESTIMATES}
    for one in hours:
        log.add(np.repeat(one[None, :, None], policies, axis=2))
        for name, total in sums.items():
            total += log.reports.step(name, 6)[0]
    return log, sums


def test_the_normal_distribution_and_shares_of_hours_are_those_of_scipy():
    stats, integrate = pytest.importorskip("scipy.stats"), pytest.importorskip("scipy.integrate")
    x = np.linspace(-9.0, 9.0, 301)
    np.testing.assert_allclose(normal_cdf(x), stats.norm.cdf(x), atol=1e-14)
    for mean, sigma in ((12.0, 0.0), (12.0, 1.0), (0.5, 2.0)):
        known = stats.expon(scale=mean) if sigma == 0 else stats.lognorm(sigma, scale=mean * np.exp(-(sigma**2) / 2))
        assert known.mean() == pytest.approx(mean)
        for begin in (0.0, 1.0, 30.0):
            share = arrived_share_of_hour(np.array(begin), np.array(begin + 1), np.array(mean), np.array(sigma))
            assert share == pytest.approx(integrate.quad(known.cdf, begin, begin + 1)[0], abs=1e-9)
            assert arrived_share(begin, np.array(mean), np.array(sigma)) == pytest.approx(known.cdf(begin), abs=1e-13)


@pytest.mark.parametrize("outcomes", ["expected", "sampled"])
def test_delays_change_what_is_seen_and_nothing_that_comes(outcomes: str):
    plain, late = market(outcomes=outcomes), market("mean = 12.0", outcomes)
    truth, seen = (simulate_day(one, 2, own_bids(one)) for one in (plain, late))
    for name in ("impressions", "clicks", "conversions", "gmv", "cost"):
        np.testing.assert_array_equal(getattr(seen.outcome, name), getattr(truth.outcome, name))
    assert truth.outcome.observed_conversions is None
    assert "observed_gmv" not in truth.outcome.to_frame().columns
    assert {"observed_conversions", "observed_gmv"} <= set(seen.outcome.to_frame().columns)
    state = seen.sim.state
    np.testing.assert_allclose(seen.outcome.observed_conversions.sum(axis=0), state.cumulative[:, CONVERSIONS])
    np.testing.assert_array_equal(state.cumulative[:, [CLICKS, COST]], seen.sim.cumulative[:, [CLICKS, COST]])
    # The share that arrives by midnight, clicks spread as they are: the mean of F over the hours left.
    hourly, left = seen.outcome.conversions.sum(axis=(1, 2)), 24.0 - np.arange(24)
    share = 1 - 12 * (np.exp(-(left - 1) / 12) - np.exp(-left / 12))
    arrived = seen.outcome.observed_conversions.sum() / hourly.sum()
    assert arrived == pytest.approx(np.average(share, weights=hourly), abs=1e-9 if outcomes == "expected" else 0.06)
    assert 0.3 < arrived < 0.7


def test_drawn_arrivals_are_whole_grow_and_are_common_to_all_policies():
    own = market("mean = 6.0", "sampled")
    run = simulate_day(own, 2, own_bids(own), n_policies=2)
    counts = run.outcome.observed_conversions
    assert (counts == np.round(counts)).all()
    assert (counts >= 0).all()
    assert (counts.sum(axis=0) <= run.outcome.conversions.sum(axis=0)).all()
    np.testing.assert_array_equal(counts[:, :, 0], counts[:, :, 1])
    other = market("mean = 6.0", "sampled", seed=1)
    assert (simulate_day(other, 2, own_bids(other)).outcome.observed_conversions[:, :, 0] != counts[:, :, 0]).any()


@pytest.mark.parametrize("outcomes", ["expected", "sampled"])
@pytest.mark.parametrize("estimate", ESTIMATES)
def test_without_delay_every_estimate_is_the_truth_to_the_bit(outcomes: str, estimate: str):
    late = market("mean = 0.0", outcomes)
    day = late.day(2)
    while not day.is_over:
        day.step(late.fixed[:, :, None])
        np.testing.assert_array_equal(day.state.reports.step(estimate, 0), day.last_step)
    np.testing.assert_array_equal(day.state.cumulative, day.cumulative)
    np.testing.assert_array_equal(day.rewarded, day.cumulative)


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_without_delay_a_controller_bids_as_the_plain_one_to_the_bit(estimate: str):
    target = 'cpa_cap = "baseline*0.7"\nautobid = {{ rehearsals = 2{} }}'
    window = ", window = 0" if estimate == "waiting-window" else ""
    plain = market(controller="target-cpa", buyer=target.format(""))
    late = market("mean = 0.0", controller="target-cpa", buyer=target.format(f', estimate = "{estimate}"{window}'))
    one, other = (simulate_day(own, 2, own_bids(own)) for own in (plain, late))
    np.testing.assert_array_equal(one.coefficients, other.coefficients)
    assert (one.coefficients[0, 0] != one.coefficients[-1, 0]).any()


def test_naive_cost_per_conversion_is_too_high_by_one_over_the_share_arrived_and_corrections_are_right():
    # Equal hours: each brings 100 clicks, 10 conversions worth 20, at a cost of 50.
    hours = np.tile([1000.0, 100.0, 10.0, 20.0, 50.0], (24, 1))
    (log, sums), totals = log_of(12.0, hours), hours.sum(axis=0)
    left = 24.0 - np.arange(24)
    share = np.mean(1 - 12 * (np.exp(-(left - 1) / 12) - np.exp(-left / 12)))
    naive = log.cumulative[0, :, 0]
    assert naive[COST] / naive[CONVERSIONS] == pytest.approx(5.0 / share)
    assert share == pytest.approx(0.568, abs=0.001)
    sums = {name: total[:, 0] for name, total in sums.items()}
    np.testing.assert_allclose(sums["oracle"], totals)
    np.testing.assert_allclose(sums["survival"], totals)
    # The first hour of clicks counts from an hour later, since less than a twentieth of it arrives at once.
    assert 12 * (1 / 12 - 1 + np.exp(-1 / 12)) < LEAST_SHARE
    np.testing.assert_allclose(sums["delay-corrected"], totals * 23 / 24)
    window = sums["waiting-window"]
    assert window[COST] == 50.0 * 18
    # Older clicks miss less: too high still, and by less than without the window.
    assert 5.0 < window[COST] / window[CONVERSIONS] < 0.9 * naive[COST] / naive[CONVERSIONS]


def test_drawn_estimates_are_unbiased_but_for_those_that_look_at_arrivals_alone():
    hours = np.tile([1000.0, 100.0, 10.0, 20.0, 50.0], (24, 1))
    log, sums = log_of(6.0, hours, range(400))
    cost = {name: total[COST].mean() / total[CONVERSIONS].mean() for name, total in sums.items()}
    for name in ("oracle", "delay-corrected", "survival"):
        assert cost[name] == pytest.approx(5.0, rel=0.02)
    assert cost["naive"] > cost["waiting-window"] > 5.2
    # The mean is right at the price of a spread, which one rate for all hours makes smaller.
    spread = {name: total[CONVERSIONS].std() for name, total in sums.items()}
    assert spread["oracle"] == 0 < spread["survival"] < spread["delay-corrected"]
    np.testing.assert_allclose(sums["naive"], log.cumulative[0])


def test_who_ignores_delays_bids_less_and_the_corrected_bids_nearly_as_the_oracle():
    target = 'cpa_cap = "baseline*0.7"\nautobid = {{ estimate = "{}" }}'
    bought, cost = {}, {}
    for estimate in ("naive", "delay-corrected", "oracle"):
        own = market("mean = 12.0", controller="target-cpa", buyer=target.format(estimate))
        days = [simulate_day(own, day, own_bids(own)).outcome for day in (2, 3)]
        bought[estimate] = sum(day.conversions[:, 0].sum() for day in days)
        cost[estimate] = sum(day.cost[:, 0].sum() for day in days) / bought[estimate]
    assert bought["naive"] < 0.8 * bought["oracle"]
    assert cost["naive"] < 0.9 * cost["oracle"]
    assert bought["delay-corrected"] == pytest.approx(bought["oracle"], rel=0.1)


def arrived(mean: float) -> np.ndarray:
    """The share of each hour's conversions that has arrived by midnight, of exponential delays."""
    left = 24.0 - np.arange(24)
    return 1 - mean * (np.exp(-(left - 1) / mean) - np.exp(-left / mean))


@pytest.mark.parametrize("mean", [4.0, 40.0])
def test_corrections_by_an_assumed_delay_are_off_by_the_shares_arrived(mean: float):
    hours = np.tile([1000.0, 100.0, 10.0, 20.0, 50.0], (24, 1))
    assumed = f'rewards = "survival"\nassumed = {{ mean = {mean} }}'
    (log, sums), (_, known) = log_of(12.0, hours, more=assumed), log_of(12.0, hours)
    cost = {name: total[COST, 0] / total[CONVERSIONS, 0] for name, total in sums.items()}
    counts = arrived(mean) >= LEAST_SHARE
    wrong = (arrived(12.0) / arrived(mean))[counts].mean()
    assert cost["delay-corrected"] == pytest.approx(5.0 / wrong)
    assert cost["survival"] == pytest.approx(5.0 * arrived(mean).sum() / arrived(12.0).sum())
    # Who takes delays for shorter than they are expects less to come, and finds a conversion dearer than it is.
    is_short = mean < 12.0
    for name in ("delay-corrected", "survival"):
        assert (cost[name] > 5.2) == is_short
        assert (cost[name] < 4.8) == (not is_short)
    # What arrives, and what needs no distribution, is the same.
    for name in ("naive", "waiting-window", "oracle"):
        np.testing.assert_array_equal(sums[name], known[name])
    np.testing.assert_array_equal(log.rewarded_so_far[0], sums["survival"])


def test_who_assumes_short_delays_buys_less_and_who_assumes_long_ones_pays_more():
    target = 'cpa_cap = "baseline*0.7"\nautobid = { estimate = "survival" }'
    bought, cost = {}, {}
    for name, assumed in (("short", "{ mean = 2.0 }"), ("true", ""), ("long", "{ mean = 200.0 }")):
        own = market(f"mean = 12.0\n{f'assumed = {assumed}' if assumed else ''}", controller="target-cpa", buyer=target)
        days = [simulate_day(own, day, own_bids(own)).outcome for day in (2, 3)]
        bought[name] = sum(day.conversions[:, 0].sum() for day in days)
        cost[name] = sum(day.cost[:, 0].sum() for day in days) / bought[name]
    assert bought["short"] < 0.95 * bought["true"]
    assert cost["short"] < cost["true"] < cost["long"]


def test_assumed_delays_that_are_the_true_ones_change_no_bit():
    target = 'cpa_cap = "baseline*0.7"\nautobid = { estimate = "survival" }'
    bids = []
    for assumed in ("", 'assumed = { distribution = "log-normal", mean = 12.0, sigma = 0.7 }'):
        own = market(f'distribution = "log-normal"\nmean = 12.0\nsigma = 0.7\n{assumed}', "sampled", "target-cpa", target)
        bids.append(simulate_day(own, 2, own_bids(own)).coefficients)
    np.testing.assert_array_equal(bids[0], bids[1])


def test_conversions_arrive_on_the_days_that_follow_and_none_comes_twice():
    own = market("mean = 6.0", "sampled")
    alone = simulate_day(own, 3, own_bids(own)).outcome
    runs = simulate_days(own, (0, 1, 2, 3), own_bids(own))
    seen, come = (
        sum(getattr(run.outcome, name).sum(axis=0) for run in runs) for name in ("observed_conversions", "conversions")
    )
    np.testing.assert_array_equal(runs[-1].outcome.conversions, alone.conversions)
    assert runs[-1].outcome.observed_conversions.sum() > 1.1 * alone.observed_conversions.sum()
    assert (seen <= come).all()
    # What four days miss is what the last hours of the last one miss.
    assert 0.85 < seen.sum() / come.sum() < 0.98
    # After a gap nothing is carried.
    apart = simulate_days(own, (0, 3), own_bids(own))
    np.testing.assert_array_equal(apart[1].outcome.observed_conversions, alone.observed_conversions)


def test_hours_and_weekdays_that_report_nothing_report_nothing():
    hours = [0.0] * 8 + [1.0] * 16
    own = market(f"mean = 6.0\nhours = {hours}")
    seen = simulate_day(own, 2, own_bids(own)).outcome.observed_conversions
    assert (seen[:8] == 0).all()
    assert (seen[8:].sum(axis=(1, 2)) > 0).all()
    weekend = market("mean = 6.0\nweekdays = [1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]")
    seen = [simulate_day(weekend, day, own_bids(weekend)).outcome.observed_conversions.sum() for day in (2, 3)]
    assert seen[0] == 0 < seen[1]


@pytest.mark.parametrize("size", [1e308, 1e200, 1e-200, 1e-307])
def test_speeds_count_relative_to_each_other_however_large_or_small_they_are(size: float):
    hours, weekdays = np.arange(24.0) / 24, np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5])
    group = market("mean = 6.0").groups[:1]
    shares = [
        Delays.of(DelaysSection(mean=6.0, hours=tuple(one * hours), weekdays=tuple(one * weekdays)), group, 0, 0).shares(
            100, 24
        )
        for one in (1.0, size)
    ]
    np.testing.assert_allclose(shares[1], shares[0], rtol=1e-9)
    assert 0.1 < shares[1].max() < 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("delay", [{"mean": 5e-324}, {"mean": 1e-320, "distribution": "log-normal", "sigma": 5.0}])
def test_next_to_no_delay_is_none(delay: dict[str, Any]):
    own = Delays.of(DelaysSection(**delay), market("mean = 6.0").groups[:1], 0, 0)
    assert (own.shares(0, 24) == 1.0).all()


def test_delays_differ_by_advertiser_and_group():
    own = market("mean = 12.0\nadvertiser = 0.5", buyer='delay = { distribution = "log-normal", mean = 3.0, sigma = 0.5 }')
    assert own.delays is not None
    assert own.delays.sigma.tolist() == [0.5, 0, 0, 0, 0, 0]
    assert len(np.unique(own.delays.mean)) == 6
    many = Delays.of(own.scenario.delays, own.groups[1:2] * 400, 0, 0)
    assert abs(np.log(many.mean / 12).mean()) < 0.08
    assert np.log(many.mean / 12).std() == pytest.approx(0.5, abs=0.05)


def test_a_day_in_the_middle_is_copied_and_pickled_with_what_was_reported():
    own = market("mean = 6.0", "sampled", "target-cpa", 'cpa_cap = "baseline*0.7"\nautobid = { estimate = "survival" }')
    day = own.day(2)
    day.keep_shown()
    for _ in range(10):
        day.step(own.fixed[:, :, None])
    others = [copy.deepcopy(day), pickle.loads(pickle.dumps(day))]
    for one in (day, *others):
        while not one.is_over:
            one.step(own.fixed[:, :, None])
    for one in others:
        np.testing.assert_array_equal(one.state.cumulative, day.state.cumulative)
        np.testing.assert_array_equal(one.cumulative, day.cumulative)


@pytest.mark.parametrize("rewards", ["naive", "oracle"])
def test_environments_show_and_pay_what_was_reported(rewards: str):
    from auctionsim.envs import AuctionVectorEnv

    def played(delays: str) -> tuple[np.ndarray, np.ndarray]:
        section = f"[delays]\n{delays}" if delays else ""
        text = TOML.format(delays=section, outcomes="expected", controller="learner", buyer="")
        env = AuctionVectorEnv(parse_scenario(text, "late.toml"), num_envs=2)
        seen, paid = [env.reset(seed=3)[0]], []
        for _ in range(24):
            step = env.step(np.zeros(env.action_space.shape, dtype=np.float32))
            seen.append(step[0])
            paid.append(step[1])
        return np.array(seen), np.array(paid)

    plain, late, at_once = played(""), played(f'mean = 24.0\nrewards = "{rewards}"'), played("mean = 0.0")
    np.testing.assert_array_equal(at_once[0], plain[0])
    np.testing.assert_array_equal(at_once[1], plain[1])
    conversions = late[0][..., 5].mean(), plain[0][..., 5].mean()
    assert conversions[0] < 0.8 * conversions[1]
    np.testing.assert_array_equal(late[0][..., 4], plain[0][..., 4])
    if rewards == "oracle":
        np.testing.assert_array_equal(late[1], plain[1])
    else:
        assert late[1].sum() < plain[1].sum()


@pytest.mark.parametrize(
    ("delays", "buyer", "message"),
    [
        ("mean = -1.0", "", r"^late.toml: delays.mean: .*0"),
        ("sigma = 0.5", "", r"^late.toml: delays.*sigma: expected none with distribution = 'exponential', got 0.5"),
        ("hours = [1.0]", "", r"^late.toml: delays.hours"),
        (
            "weekdays = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]",
            "",
            r"^late.toml: delays.*weekdays: expected a number > 0 among them",
        ),
        ('rewards = "hopeful"', "", r"^late.toml: delays.rewards: .*'hopeful'"),
        (
            "assumed = { mean = 3.0 }",
            "",
            r"^late.toml: .*delays.assumed: expected rewards or an autobid.estimate of 'delay-corrected' or",
        ),
        ("assumed = { mean = 3.0, sigma = 2.0 }", "", r"^late.toml: delays.assumed.*sigma: expected none with distribution"),
        ("window = 3", "", r"^late.toml: delays.*window: expected none with rewards = 'naive', got 3"),
        ("", "delay = { mean = 3.0 }", r"^late.toml: .*advertisers\[0\].delay: expected none without the section \[delays\]"),
    ],
)
def test_mistakes_end_in_one_line(delays: str, buyer: str, message: str):
    with pytest.raises(InputError, match=message) as caught:
        market(delays, buyer=buyer)
    assert "\n" not in str(caught.value)


def test_uses_that_need_the_truth_are_refused_in_one_line():
    estimate = 'cpa_cap = 3.0\nautobid = { estimate = "oracle" }'
    with pytest.raises(
        InputError, match=r"^late.toml: .*advertisers\[0\].autobid.estimate: expected 'naive' without the section"
    ):
        market(controller="target-cpa", buyer=estimate)
    text = TOML.format(delays="[delays]\n", outcomes="expected", controller="learner", buyer="")
    with pytest.raises(InputError, match=r"^late.toml: .*delays: expected learner.algorithm = macg-es, .*got 'rmdp-dqn'"):
        parse_scenario(text, "late.toml", overrides=('learner.algorithm="rmdp-dqn"',))
    with pytest.raises(InputError, match=r"^late.toml: .*delays: expected learner.start = 'keyword-bid', got 'value-scale'"):
        parse_scenario(text, "late.toml", overrides=('learner.start="value-scale"',))
    with pytest.raises(InputError, match=r"^late.toml: .*delays: expected learner.device = 'cpu', got 'cuda'"):
        parse_scenario(text, "late.toml", overrides=('learner.algorithm="ippo"', 'learner.device="cuda"'))
    own = market("mean = 3.0")
    with pytest.raises(
        InputError, match=r"^delays: expected hours without local credit, which reports are by, got local_credit"
    ):
        own.day(2, local_credit=True)
    with pytest.raises(InputError, match=r"^late.toml: delays: expected none with experiments"):
        own.expect_no_delays("experiments")


def test_a_bandit_is_refused_before_anything_is_written(tmp_path: Path):
    text = TOML.format(delays="[delays]\n", outcomes="expected", controller="learner", buyer="")
    bandit = 'learner.algorithm="auctionsim.agents.learners.bandits.multiplier_bandit:MultiplierBandit"'
    scenario = parse_scenario(text, "late.toml", overrides=(bandit, "learner.population=4"))
    with pytest.raises(InputError, match=r"^late.toml: delays: expected none with multiplier bandits, got some$"):
        auctionsim.train(scenario, tmp_path / "run")
    assert not (tmp_path / "run").exists()
