"""SS-RTB: the day set-up, equal cost, what agents see, and that they learn."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.learners.rl.replay_memory import MASKED, NON_TERMINAL, TERMINAL
from auctionsim.agents.learners.ss_rtb.rmdp_state import AUCTION_FEATURES, HOUR_FEATURES, WAVE_FEATURES
from auctionsim.agents.policies.base import Constant
from auctionsim.agents.policies.cost_matched import cost_matched
from auctionsim.agents.policies.keyword_bids import (
    base_alpha,
    keyword_bids,
    keyword_cost,
    linear,
    linear_alpha,
    marginal_value_of_spend,
)
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.runs import Run
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario

TINY = (
    "traffic.auctions_per_day=40000",
    "traffic.queries=40",
    "traffic.weight=20",
    "advertisers.0.count=2",
    "advertisers.1.count=6",
    "learner.dqn.hidden_sizes=[16]",
    "learner.dqn.batch_size=20",
    "learner.dqn.num_envs=4",
    "learner.dqn.gradient_steps=2",
    "train.iterations=3",
)


def tiny(*overrides: str) -> Scenario:
    return load_scenario("ss-rtb", overrides=(*TINY, *overrides))


@pytest.fixture(scope="module")
def market() -> Market:
    return build_market(tiny())


def learned(scenario: Scenario, market: Market, iterations: int) -> tuple[object, dict[str, np.ndarray], list[object]]:
    learner = make_learner(scenario)
    state = learner.start(market)
    results: list[object] = []
    for _ in range(iterations):
        work = learner.ask(market, state)
        results = work.results(market)
        state, _ = learner.tell(market, state, results)
    return learner, state, results


def gain(market: Market, day: int, policy: object) -> np.ndarray:
    base = simulate_day(market, day, keyword_bids(market)).outcome
    match = cost_matched(market, day, policy, keyword_cost(market, day))
    own = simulate_day(market, day, match.policy).outcome
    ratio = [outcome.gmv.sum(axis=(0, 2)) / outcome.cost.sum(axis=(0, 2)) for outcome in (own, base)]
    assert match.error.max() < 0.02
    return (ratio[0] / ratio[1] - 1)[market.learners]


def test_ads_of_disjoint_keywords_never_meet_and_share_the_keywords(market: Market):
    traffic = market.traffic
    own = market.is_controlled[traffic.advertiser]
    assert (np.add.reduceat(own, traffic.cell_start[:-1], dtype=int) == 1).all()
    assert not market.learners_meet
    assert build_market(load_scenario("ss-rtb-many", overrides=("traffic.auctions_per_day=20000",))).learners_meet


def test_every_ad_of_the_scenario_has_a_thousand_purchases_a_day():
    market = build_market(load_scenario("ss-rtb", overrides=("mechanism.outcomes=expected",)))
    for day in (0, 1):
        assert market.baseline[day].conversions[:, market.learners, 0].sum(axis=0).min() >= 1000


def test_the_truth_knows_the_hour_and_the_prediction_does_not(market: Market):
    traffic = market.traffic
    ratio = traffic.cvr / traffic.pcvr
    by_hour = np.array([np.median(ratio[traffic.row_hour == hour]) for hour in range(24)])
    assert by_hour.argmax() == 20
    assert by_hour.max() > 2 * by_hour.min()


def test_q_learners_start_from_the_mean_keyword_bid(market: Market):
    features = market.mean_features[market.learners]
    np.testing.assert_allclose(base_alpha(market) * features[:, 1], features[:, 3])


def test_linear_costs_on_the_training_day_what_keyword_bids_cost(market: Market):
    drawn = market.with_realized_rates()
    cost = simulate_day(drawn, 0, linear(drawn, linear_alpha(drawn, 0))).outcome.cost[:, market.learners, 0].sum(axis=0)
    np.testing.assert_allclose(cost, keyword_cost(drawn, 0), rtol=0.01)


def test_keyword_bids_gain_nothing_over_themselves_at_any_scale(market: Market):
    doubled = Constant(keyword_bids(market).theta * np.where(market.is_controlled, 2.0, 1.0)[:, None, None])
    np.testing.assert_allclose(gain(market.in_expectation(), 1, doubled), 0, atol=0.02)


def test_cost_is_matched_for_all_together_or_for_each_where_advertisers_meet():
    scenario = load_scenario("ss-rtb-many", overrides=("traffic.auctions_per_day=100000", "traffic.weight=5"))
    market = build_market(scenario).in_expectation()
    wanted = keyword_cost(market, 1)
    policy = Constant(market.static("truthful"))
    for pooled in (False, True):
        match = cost_matched(market, 1, policy, wanted, pooled=pooled)
        cost = simulate_day(market, 1, match.policy).outcome.cost[:, market.learners, 0].sum(axis=0)
        measured = cost.sum() / wanted.sum() if pooled else cost / wanted
        np.testing.assert_allclose(measured, 1, atol=0.02)
        np.testing.assert_allclose(np.abs(measured - 1).max(), match.error.max(), atol=2e-3)


def test_a_unit_of_cost_is_worth_less_at_the_margin_than_on_average(market: Market):
    expected = market.in_expectation()
    alpha = linear_alpha(expected, 0)
    day = simulate_day(expected, 0, linear(expected, alpha)).outcome
    average = day.gmv.sum(axis=(0, 2))[market.learners] / day.cost.sum(axis=(0, 2))[market.learners]
    assert (marginal_value_of_spend(expected, 0, alpha) < average).all()
    assert (marginal_value_of_spend(expected, 0, alpha) > 0).all()


@pytest.mark.parametrize("algorithm", ["rmdp-dqn", "amdp-dqn", "m-rmdp-dqn"])
def test_states_are_fifteen_moderate_numbers(algorithm: str):
    scenario = tiny(f'learner.algorithm="{algorithm}"')
    market = build_market(scenario)
    learner, arrays, results = learned(scenario, market, 1)
    names, state = learner.policy(market, arrays).views[0].features, results[0].days.state
    assert len(names) == 15 == state.shape[-1]
    assert (names == HOUR_FEATURES) == (algorithm != "amdp-dqn")
    assert np.abs(state).max() <= 4
    assert state[:, 0, :, names.index("cost_left")] == pytest.approx(1.0)


def test_without_our_clocks_amdp_sees_cost_left_time_and_the_auction_as_in_the_paper():
    scenario = tiny("learner.algorithm=amdp-dqn", "learner.dqn.time_waves=false")
    market = build_market(scenario)
    learner, arrays, results = learned(scenario, market, 1)
    names = learner.policy(market, arrays).views[0].features
    assert names == AUCTION_FEATURES == ("time", "cost_left", "cost_pace", "pctr", "pcvr", "item_price", "keyword_bid")
    assert results[0].days.state.shape[-1] == arrays["train-weight-0"].shape[1] == 7
    with_clocks = learned(tiny("learner.algorithm=amdp-dqn"), market, 1)[2][0].days.state
    assert with_clocks.shape[-1] == 7 + len(WAVE_FEATURES)
    np.testing.assert_array_equal(np.delete(with_clocks, range(1, 9), axis=-1)[:, 0], results[0].days.state[:, 0])


def test_at_the_level_of_auctions_a_step_is_a_hundred_of_the_advertiser_s():
    scenario = tiny("learner.algorithm=amdp-dqn")
    market = build_market(scenario)
    _, _, results = learned(scenario, market, 1)
    own = market.hourly_auctions(0)[:, market.learners].sum()
    assert results[0].days.action.shape[1] == pytest.approx(own / 2 / 100, rel=0.05)


def test_what_overspends_is_not_learned_from_or_stops_or_is_charged():
    kinds, spent, target = {}, {}, None
    for rule in ("skip", "stop", "lagrangian"):
        scenario = tiny(f'learner.dqn.overspend="{rule}"')
        market = build_market(scenario)
        _, _, results = learned(scenario, market, 1)
        kinds[rule] = results[0].days.kind
        spent[rule] = results[0].totals[market.learners, 4]
        target = keyword_cost(market.with_realized_rates(), 0)[:, None]
    is_over = (spent["skip"] > target).T
    assert is_over.any()
    assert (kinds["skip"][:, -1][is_over] == MASKED).all()
    assert (kinds["skip"][:, -1][~is_over] == TERMINAL).all()
    assert (spent["stop"] <= target * (1 + 1e-12)).all()
    assert (kinds["lagrangian"][:, :-1] == NON_TERMINAL).all()
    assert (kinds["lagrangian"][:, -1] == TERMINAL).all()


def test_shaping_adds_the_same_to_every_day():
    # Paid back at the day's end, the worth of cost changes a day's reward by what the target is worth, whatever is bid.
    total = {}
    for shaping in ("true", "false"):
        scenario = tiny('learner.dqn.overspend="stop"', f"learner.dqn.shaping={shaping}")
        market = build_market(scenario)
        _, _, results = learned(scenario, market, 1)
        total[shaping] = results[0].days.reward.sum(axis=1)
    shift = total["true"] - total["false"]
    np.testing.assert_allclose(shift, np.broadcast_to(shift[:1], shift.shape), rtol=1e-4)
    assert (shift < 0).all()


def test_cooperation_of_weight_zero_is_the_lone_learner_bit_for_bit(market: Market):
    alone = learned(tiny(), market, 2)[1]
    scenario = tiny("learner.algorithm=m-rmdp-dqn", "learner.cooperation=0.0")
    together = learned(scenario, build_market(scenario), 2)[1]
    assert all(alone[name].tobytes() == together[name].tobytes() for name in alone)


def test_full_cooperation_gives_ads_that_never_meet_their_own_reward_and_the_rivals():
    # Where two agents are all there is and meet in every auction, the local public reward is the global one.
    base = ("advertisers.0.keywords=shared", "advertisers.1.count=1", "traffic.candidates=3", "learner.algorithm=m-rmdp-dqn")
    rewards = {}
    for local in ("true", "false"):
        scenario = tiny(*base, "learner.cooperation=1.0", f"learner.local_credit={local}", "learner.dqn.overspend=lagrangian")
        market = build_market(scenario)
        market = replace(market, learners=np.arange(3)) if local == "never" else market
        rewards[local] = learned(scenario, market, 1)[2][0].days.reward
    assert np.isfinite(rewards["true"]).all()
    assert rewards["true"].shape == rewards["false"].shape
    # Both agents see the same public reward over their own scale: the ratio of the two is constant.
    ratio = rewards["false"][..., 0] / rewards["false"][..., 1]
    np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-2)


@pytest.mark.slow
def test_rmdp_learns_the_hours_that_one_alpha_cannot_know():
    scenario = tiny(
        "traffic.auctions_per_day=200000",
        "learner.dqn.hidden_sizes=[48]",
        "learner.dqn.batch_size=100",
        "learner.dqn.num_envs=16",
        "learner.dqn.gradient_steps=16",
        "train.iterations=40",
    )
    market = build_market(scenario)
    learner, state, _ = learned(scenario, market, 40)
    drawn, expected = market.with_realized_rates(), market.in_expectation()
    one_alpha = gain(expected, 1, linear(market, linear_alpha(drawn, 0)))
    hourly = gain(expected, 1, learner.policy(market, state, expected))
    assert hourly.mean() > one_alpha.mean() + 0.02
    assert (hourly > 0).all()


def test_the_same_seed_gives_the_same_bytes(market: Market):
    one, two = (learned(tiny(), market, 2)[1] for _ in range(2))
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)


@pytest.mark.long
def test_a_run_of_q_learners_trains_resumes_and_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    text = (
        "\n".join(
            [
                'name = "t"',
                "[traffic]",
                'profile = "ss-rtb"',
                "auctions_per_day = 20000",
                "weight = 20",
                "queries = 20",
                "candidates = 3",
                "days = 2",
                "train_days = [0]",
                "test_days = [1]",
                "[mechanism]",
                'outcomes = "sampled"',
                "[[advertisers]]",
                'group = "ad"',
                "count = 3",
                "[learner]",
                'algorithm = "rmdp-dqn"',
                "[learner.dqn]",
                "hidden = [8]",
                "batch = 10",
                "copies = 4",
                "updates = 2",
                "[train]",
                "iterations = 4",
                "checkpoint_every = 2",
            ]
        )
        + "\n"
    )
    scenario = tmp_path / "t.toml"
    scenario.write_text(text)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert main(["train", str(scenario), "--workers", "0", "--out", str(whole)]) == 0
    assert main(["train", str(scenario), "--workers", "0", "--out", str(cut)]) == 0
    shutil.rmtree(cut / "checkpoints" / "000004")
    (cut / "outcomes.parquet").unlink()
    Run(cut).set_status("interrupted")
    assert main(["resume", str(cut), "--workers", "0"]) == 0
    for name in ("metrics.jsonl", "outcomes.parquet", "checkpoints/000004/seed-0.safetensors"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name
    assert Run.open(whole).table("outcomes").filter(arm="learned").height == 24 * 3


def test_several_slots_with_sampled_outcomes_are_refused():
    scenario = tiny("mechanism.slot_effect=[1.0, 0.5]")
    market = build_market(scenario)
    with pytest.raises(InputError, match="expected one slot"):
        make_learner(scenario).start(market)
