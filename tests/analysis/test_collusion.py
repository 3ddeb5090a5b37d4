"""Measures of collusion on cases with a known answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant, DayPolicy, DayState
from auctionsim.analysis.economics import collusion, indices
from auctionsim.analysis.economics.auctions import played
from auctionsim.analysis.economics.competition import (
    cartel_totals,
    competitive_totals,
    outcome_indices,
    totals_over_days,
)
from auctionsim.analysis.economics.deviations import best_responses, punishment
from auctionsim.analysis.economics.rematching import rematched
from auctionsim.analysis.economics.shading import joint_low_bid_rate, shading
from auctionsim.auction.outcome import COST, GMV
from auctionsim.auction.reference import clear
from auctionsim.equilibria.position_auctions.envy_free import envy_free_bids
from auctionsim.market.market import Market
from auctionsim.market.simulate import Recorded, simulate_day
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

DAYS = (2, 3)
SELF_BIDDERS = SMALL + '[[advertisers]]\ngroup = "self"\ncount = 2\ncontroller = "manual"\nobjectives = { gmv = 1.0 }\n'


def made(text: str = SMALL, *overrides: str) -> Market:
    return build_market(parse_scenario(text, "small.toml", overrides=overrides))


@pytest.fixture(scope="module")
def market() -> Market:
    """Five learners, one slot, generalised second price, no budgets."""
    return made()


@pytest.fixture(scope="module")
def truthful(market: Market) -> np.ndarray:
    return market.static("truthful")


def colluding(market: Market, share: float = 0.02) -> np.ndarray:
    """Everybody shades alike: allocation as under truthful bids, prices near the reserve."""
    return share * market.static("truthful")


def test_indices_of_numbers():
    assert indices.profit_gain(15, 10, 20) == 0.5
    assert indices.suppression(1, 4) == 0.75
    assert indices.normalized_suppression(2, 4, 0) == 0.5
    assert indices.efficiency_loss(11, 10) == pytest.approx(-0.1)
    assert indices.harm(6, 8) == 0.25
    assert np.isnan(indices.profit_gain(15, 20, 20))
    # Nothing but rounding lies between competition and a cartel.
    assert np.isnan(indices.profit_gain(15, 24.1, 24.1 + 4e-15))
    assert np.isnan(indices.normalized_suppression(15, 24.1 + 4e-15, 24.1))
    assert indices.individual_rationality([1.0, 3.0, 1.0], [5e-324, 2.0, -1.0]) == 1.5


def test_individual_rationality_finds_the_one_who_pays_for_the_others():
    # DCMAB, table 1: full coordination leaves agent 2 with 698 where it had 4763.
    assert indices.individual_rationality([9000, 698, 1.0], [8000, 4763, 0.0]) == pytest.approx(0.1465, abs=1e-4)
    assert np.isnan(indices.individual_rationality([1.0], [0.0]))


def test_a_cartel_scores_one_and_truthful_bidding_zero(market: Market, truthful: np.ndarray):
    competitive = competitive_totals(market, DAYS)["truthful"]
    cartel = cartel_totals(market, DAYS)
    everybody = market.is_controlled
    assert outcome_indices(cartel, competitive, cartel, everybody).profit_gain == 1.0
    assert outcome_indices(cartel, competitive, cartel, everybody).normalized_suppression == 1.0
    none = outcome_indices(totals_over_days(market, Constant(truthful), DAYS), competitive, cartel, everybody)
    assert (none.profit_gain, none.suppression, none.normalized_suppression, none.efficiency_loss) == (0, 0, 0, 0)


def test_a_cartel_allocates_as_truthful_bidders_do_and_pays_the_reserve():
    market = made(SMALL, "mechanism.squash=0.0")  # ranked by bid: a member's quality does not raise the price it leaves
    cartel, competitive = cartel_totals(market, DAYS), totals_over_days(market, Constant(market.static("truthful")), DAYS)
    assert cartel[:, :COST] == pytest.approx(competitive[:, :COST])
    assert cartel[:, COST] == pytest.approx(cartel[:, 1] * market.rules.reserve)


def test_outside_a_cartel_self_bidders_keep_their_bids_and_set_prices():
    market = made(SELF_BIDDERS)
    cartel = cartel_totals(market, DAYS)
    # The same by hand: auctions where no member but the best one has a value above the reserve.
    alone = cartel_totals(market, DAYS, np.zeros(7, dtype=bool))
    assert alone == pytest.approx(totals_over_days(market, Constant(_mixed(market)), DAYS))
    assert alone[:, COST].sum() > cartel[:, COST].sum() > cartel[:, 1].sum() * market.rules.reserve


def _mixed(market: Market) -> np.ndarray:
    theta = market.static("truthful")
    theta[~market.is_controlled] = market.static("manual")[~market.is_controlled]
    return theta


def test_the_lowest_envy_free_bids_pay_what_vcg_charges():
    # Edelman et al. 2007: values 10, 4, 2 and slots of 200 and 100 clicks; VCG charges 400 + 2 x 200 = 800 and 200.
    bids = envy_free_bids([10, 4, 2], (1.0, 0.5))
    gsp = clear(bids, [1.0] * 3, slot_effect=(1.0, 0.5))
    vcg = clear([10, 4, 2], [1.0] * 3, slot_effect=(1.0, 0.5), pricing="vcg")
    assert [p.price for p in gsp] == pytest.approx([3.0, 2.0])
    assert [p.price for p in vcg] == pytest.approx([3.0, 2.0])


def test_the_envy_free_benchmark_is_below_truthful_bids_in_several_slots_and_left_out_in_one(market: Market):
    totals = competitive_totals(market, DAYS)
    assert "envy-free" not in totals, "with one slot it would be the same benchmark twice"
    slots = competitive_totals(made(SMALL, "mechanism.slot_effect=[1.0, 0.6]"), DAYS)
    assert slots["envy-free"][:, COST].sum() < slots["truthful"][:, COST].sum()
    assert slots["envy-free"][:, GMV] == pytest.approx(slots["truthful"][:, GMV])


def test_in_the_first_price_competition_pays_the_second_value_and_a_cartel_about_the_reserve():
    first, second = made(SMALL, 'mechanism.pricing="first"'), made()
    competitive = competitive_totals(first, DAYS)
    assert set(competitive) == {"best response", "manual"}
    assert competitive["best response"] == pytest.approx(competitive_totals(second, DAYS)["truthful"])
    cartel = cartel_totals(first, DAYS)
    assert cartel[:, COST] == pytest.approx(cartel[:, 1] * first.rules.reserve, rel=1e-6)
    low = totals_over_days(first, Constant(colluding(first)), DAYS)
    index = outcome_indices(low, competitive["best response"], cartel, first.is_controlled)
    assert index.profit_gain > 0.8
    assert index.normalized_suppression > 0.8


def test_in_the_first_price_a_cartel_bids_just_above_the_best_outsider():
    market = made(SELF_BIDDERS, 'mechanism.pricing="first"')
    alone = cartel_totals(market, DAYS)
    assert alone[:, COST].sum() > alone[:, 1].sum() * market.rules.reserve
    truthful = totals_over_days(market, Constant(_mixed(market)), DAYS)
    assert alone[:5, GMV].sum() - alone[:5, COST].sum() > truthful[:5, GMV].sum() - truthful[:5, COST].sum()


def test_shading_in_common_is_collusion_and_truthful_bidding_is_not(market: Market, truthful: np.ndarray):
    found = collusion.verdict(market, Constant(colluding(market)), DAYS)
    assert found.label == "tacit or explicit coordination of all advertisers"
    assert all(index.profit_gain > 0.5 and index.suppression > 0.5 for index in found.by_benchmark.values())
    assert found.sentence.startswith("tacit or explicit coordination of all advertisers: they bid low in common")
    assert collusion.verdict(market, Constant(truthful), DAYS).label == "competitive"


def paced(market: Market) -> np.ndarray:
    """Each bids the multiple of its value that just spends its budget on the first training day, found by halving."""
    lam = np.ones(len(market.advertisers))
    for _ in range(200):
        spend = market.without_budgets().outcome(0, lam[:, None, None] * market.static("truthful")).cost.sum(axis=(0, 2))
        lam = np.clip(lam * np.where(spend > market.budgets, 0.95, 1.02), 0, 1)
    return lam[:, None, None] * market.static("truthful")


def test_pacing_alone_is_not_collusion():
    unlimited = made()
    spend = unlimited.outcome(0, unlimited.static("truthful")).cost.sum(axis=(0, 2))
    market = replace(unlimited, budgets=0.1 * spend)
    policy = paced(market)
    revenue = totals_over_days(market, Constant(policy), DAYS)[:, COST].sum()
    assert revenue < 0.25 * totals_over_days(unlimited, Constant(unlimited.static("truthful")), DAYS)[:, COST].sum()
    # Revenue and profit alone would suggest it: against competition without budgets both indices are high.
    naive = collusion.verdict(unlimited, Constant(policy), DAYS).by_benchmark["truthful"]
    assert min(naive.profit_gain, naive.normalized_suppression) > 0.5
    found = collusion.verdict(market, Constant(policy), DAYS, control=Constant(paced(market.without_budgets())))
    assert found.label in ("competitive", "pacing")
    assert found.control is not None
    assert not found.control["missing revenue"].speaks


def test_a_market_with_budgets_gets_no_verdict_without_a_control(market: Market, truthful: np.ndarray):
    limited = replace(market, budgets=np.full(5, 1.0))
    with pytest.raises(ValueError, match="expected the policy learned without budgets"):
        collusion.verdict(limited, Constant(truthful), DAYS)


@pytest.mark.parametrize("pricing", ["gsp", "first", "vcg"])
def test_budgets_that_nobody_would_spend_need_no_control(pricing: str):
    market = made(SMALL, f'mechanism.pricing="{pricing}"', "mechanism.slot_effect=[1.0, 0.6]")
    spend = market.outcome(2, market.static("truthful")).cost.sum(axis=(0, 2))
    idle, tight = replace(market, budgets=2 * spend), replace(market, budgets=2 * spend)
    tight.budgets.setflags(write=True)
    tight.budgets[1] = 0.3 * spend[1]
    low = Constant(colluding(market))
    found = collusion.verdict(idle, low, DAYS)
    assert found.label == "tacit or explicit coordination of all advertisers"
    assert (
        found.sentence == collusion.verdict(market, low, DAYS).sentence == collusion.without_control(idle, low, DAYS).sentence
    )
    # One budget that somebody would spend is enough.
    assert collusion.without_control(tight, low, DAYS).reason == collusion.NO_CONTROL
    with pytest.raises(ValueError, match="budgets could bind"):
        collusion.verdict(tight, low, DAYS)
    traffic, value = market.traffic, market.phi[:, 2]
    assert collusion.judge_bids(traffic, 0.02 * value, market.rules, DAYS, budgets=idle.budgets).kind == "coordination"
    judged = collusion.judge_bids(traffic, 0.02 * value, market.rules, DAYS, budgets=tight.budgets)
    assert judged.reason == collusion.NO_CONTROL


def test_a_budget_that_bids_above_all_values_exhausted_could_bind(market: Market):
    spend = market.outcome(2, market.static("truthful")).cost.sum(axis=(0, 2))
    generous = replace(market, budgets=2 * spend)
    assert not played(generous, Constant(market.static("truthful")), DAYS).could_budgets_bind()
    assert played(generous, Constant(5 * market.static("truthful")), DAYS).could_budgets_bind()


def test_collusion_under_budgets_is_found_if_the_control_shows_it_too(market: Market):
    spend = market.outcome(0, market.static("truthful")).cost.sum(axis=(0, 2))
    limited = replace(market, budgets=0.9 * spend)
    both = collusion.verdict(limited, Constant(colluding(market)), DAYS, control=Constant(colluding(market)))
    assert both.label == "tacit or explicit coordination of all advertisers"
    assert "without budgets" in both.sentence
    assert (
        collusion.verdict(limited, Constant(colluding(market)), DAYS, control=Constant(market.static("truthful"))).label
        == "pacing"
    )


def test_a_policy_whose_rivals_punish_is_coordination_though_its_bids_match_ads_badly(market: Market):
    share = np.array([0.02, 0.05, 0.11, 0.25, 0.5])
    theta = share[:, None, None] * market.static("truthful")
    assert collusion.verdict(market, Constant(theta), DAYS).label == "unexplained shortfall"
    found = collusion.verdict(market, Grim(theta), DAYS)
    assert found.label == "tacit or explicit coordination of all advertisers"
    assert "rivals punish" in found.sentence


def test_self_bidders_harm_is_measured_against_everybody_s_keyword_bids():
    market = made(SELF_BIDDERS)
    assert collusion.verdict(market, Constant(market.static("manual")), DAYS).harm_to_self_bidders == 0
    aggressive = _mixed(market)
    aggressive[market.is_controlled] *= 3
    assert collusion.verdict(market, Constant(aggressive), DAYS).harm_to_self_bidders > 0.3


def test_truthful_bids_cannot_be_exploited_and_a_cartel_s_can(market: Market, truthful: np.ndarray):
    assert best_responses(market, 2, Constant(truthful)).exploitability == pytest.approx(0, abs=1e-12)
    cartel = best_responses(market, 2, Constant(colluding(market)))
    assert cartel.exploitability > 0.1
    assert (cartel.multiplier > 1).all()


def test_a_best_response_to_frozen_rivals_is_what_playing_it_brings(market: Market):
    policy = colluding(market)
    found = best_responses(market, 2, Constant(policy))
    deviating = policy.copy()
    deviating[3] *= found.multiplier[3]
    profit = simulate_day(market, 2, Constant(deviating)).outcome.profit.sum(axis=0)[3, 0]
    assert found.now[3] < profit <= found.best[3] * (1 + 1e-9)


def test_grim_bidders_punish_and_fixed_ones_do_not(market: Market):
    test = {"deviator": 1, "hour": 5, "multiplier": 30.0}
    fixed = punishment(market, 2, Constant(colluding(market)), **test)
    assert fixed.immediate > 0
    assert fixed.gain == pytest.approx(fixed.immediate)
    assert not fixed.rival_bids.any()
    assert not fixed.is_punished
    grim = punishment(market, 2, Grim(colluding(market)), **test)
    assert not grim.rival_bids[:6].any()
    assert (grim.rival_bids[6:] > 1).all()
    assert grim.immediate == pytest.approx(fixed.immediate)
    assert grim.gain < 0
    assert grim.unanswered.sum() > 0
    assert grim.is_punished


def test_a_deviator_that_loses_by_its_own_later_bids_is_not_punished(market: Market):
    class Regretful:
        """All collude; whoever won more than usual bids nothing for the rest of the day, and the others bid a trifle more."""

        def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
            theta = colluding(market)
            usual = simulate_day(market, day, Constant(theta)).outcome.impressions[:, :, 0]
            factor = np.ones((len(theta), 1, n_policies))

            def act(state: DayState) -> np.ndarray:
                if state.hour:
                    won_more = state.last_step[:, 0] > usual[state.hour - 1][:, None] * 1.01 + 1e-9
                    factor[won_more.nonzero()[0], 0, won_more.nonzero()[1]] = 0.0
                    factor[:, 0, won_more.any(axis=0)] *= 1.0001
                return theta * factor

            return DayPolicy(act)

    found = punishment(market, 2, Regretful(), deviator=1, hour=5, multiplier=30.0)
    assert found.immediate > 0
    assert (found.rival_bids[6:] > 0).any()
    assert found.gain < 0
    assert not found.is_punished


class Grim:
    """All collude until some advertiser is shown more often than without a deviation, then bid truthfully till midnight."""

    def __init__(self, theta: np.ndarray) -> None:
        self.theta = theta

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        usual = simulate_day(market, day, Constant(self.theta)).outcome.impressions[:, :, 0]
        war = np.zeros(n_policies, dtype=bool)

        def act(state: DayState) -> np.ndarray:
            nonlocal war
            if state.hour:
                war = war | (state.last_step[:, 0] > usual[state.hour - 1][:, None] * 1.01 + 1e-9).any(axis=0)
            return np.where(war, market.static("truthful"), self.theta)

        return DayPolicy(act)


def test_a_deviation_in_the_last_hour_has_no_hours_after_it(market: Market, truthful: np.ndarray):
    with pytest.raises(ValueError, match="expected 0 to 22"):
        punishment(market, 2, Constant(truthful), deviator=0, hour=23, multiplier=2.0)


def test_recorded_rivals_bid_the_same_day_again(market: Market):
    trajectory = simulate_day(market, 2, Constant(colluding(market)))
    assert np.array_equal(simulate_day(market, 2, Recorded(trajectory)).outcome.cost, trajectory.outcome.cost)


def test_a_policy_that_looks_at_nothing_bids_alike_on_every_copy(market: Market, truthful: np.ndarray):
    one, two = (simulate_day(market, 2, Constant(truthful), n_policies=n) for n in (1, 2))
    assert np.array_equal(one.outcome.cost, two.outcome.cost[..., :1])
    assert np.array_equal(two.outcome.cost[..., 0], two.outcome.cost[..., 1])
    assert one.coefficients.shape == (24, 5, 4, 1)


def test_bids_of_rules_are_recorded_as_they_were():
    market = made(SMALL + '[[advertisers]]\ngroup = "paced"\ncontroller = "pid"\nbudget = "baseline*0.5"\n')
    assert np.isnan(market.fixed[5]).all()
    theta = np.where(np.isnan(market.fixed), market.fixed, market.static("truthful")[:, :, 0])[:, :, None]
    trajectory = simulate_day(market, 2, Constant(theta))
    assert np.isfinite(trajectory.coefficients).all()
    assert np.isfinite(cartel_totals(market, DAYS)).all()


def test_rematched_learners_come_from_different_trainings():
    trainings = [np.full((4, 4, 1), float(k)) for k in range(3)]
    mixed = rematched(trainings, np.array([True, False, True, True]))
    assert [list(theta[:, 0, 0]) for theta in mixed] == [[0, 0, 1, 2], [1, 1, 2, 0], [2, 2, 0, 1]]
    with pytest.raises(ValueError, match=">= 2 trainings"):
        rematched(trainings[:1], np.ones(4, dtype=bool))


def test_shading_and_low_bids_by_objective_type():
    market = made(SELF_BIDDERS)
    theta = _mixed(market)
    theta[market.is_controlled] *= 0.1
    trajectory = simulate_day(market, 2, Constant(theta))
    found = shading(market, 2, trajectory)
    assert set(found) == {"profit", "gmv"}
    assert found["profit"].bid_over_value == pytest.approx(0.1)
    manual = shading(market, 2, simulate_day(market, 2, Constant(market.static("manual"))))
    assert manual["profit"].cpc_over_baseline == manual["gmv"].cpc_over_baseline == pytest.approx(1.0)
    assert joint_low_bid_rate(market, 2, trajectory) == 1.0
    assert joint_low_bid_rate(market, 2, simulate_day(market, 2, Constant(_mixed(market)))) == 0.0
    with pytest.raises(ValueError, match="expected one of value, keyword_bid"):
        joint_low_bid_rate(market, 2, trajectory, level="mood")


def test_one_high_bidder_ends_a_joint_low_bid(market: Market, truthful: np.ndarray):
    theta = colluding(market)
    theta[0] = truthful[0]
    rate = joint_low_bid_rate(market, 2, simulate_day(market, 2, Constant(theta)))
    with_0 = np.add.reduceat(market.traffic.advertiser == 0, market.traffic.cell_start[:-1])[market.traffic.cell_slice(2)]
    weight = market.traffic.weight[market.traffic.cell_slice(2)]
    assert rate == pytest.approx(float(weight[with_0 == 0].sum() / weight.sum()))
