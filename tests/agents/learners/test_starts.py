"""Where evolution strategies begin: `learner.start`."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import iterate
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.learners.scales.fit import fit_value_scale
from auctionsim.agents.learners.scales.paced import MOST_STEPS
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.outcome import COST, GMV
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.objectives.goals import day_totals
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL


def market_with(*overrides: str) -> Market:
    return build_market(parse_scenario(SMALL, "small.toml", overrides=("traffic.auctions_per_day=2000", *overrides)))


def start_of(market: Market) -> np.ndarray:
    """Everybody's coefficients before the first generation, `[advertisers, 4, 1]`."""
    learner = make_learner(market.scenario)
    return learner.policy(market, learner.start(market)).theta


@pytest.mark.parametrize("algorithm", ["macg-es", "openai-es", "cma-es"])
def test_the_value_scale_starts_at_one_number_times_the_value_of_a_click(algorithm: str):
    market = market_with(f'learner.algorithm="{algorithm}"', 'learner.start="value-scale"')
    theta = start_of(market)[:, :, 0]
    np.testing.assert_allclose(theta[:, FEATURES.index("value")], fit_value_scale(market), rtol=1e-12)
    bids = theta * market.mean_features
    assert (bids[:, FEATURES.index("value")] > 0.95 * bids.sum(axis=1)).all()


def test_the_value_scale_holds_the_revenue_floor_on_training_days_at_a_higher_profit_than_keyword_bids():
    market = market_with('learner.start="value-scale"')
    days = market.scenario.traffic.train_days
    started, usual = (
        [day_totals(one)[:, :, 0] for one in outcomes]
        for outcomes in ([market.outcome(day, start_of(market)) for day in days], [market.baseline[day] for day in days])
    )
    revenue, profit = (
        np.mean([how(new).sum() / how(old).sum() for new, old in zip(started, usual, strict=True)])
        for how in (lambda totals: totals[:, COST], lambda totals: totals[:, GMV] - totals[:, COST])
    )
    # What is left of the keyword bids adds a little to the revenue that the scale was fitted to.
    assert 1.0 <= revenue < 1.02
    assert profit > 1.2


def test_without_the_key_learning_starts_at_about_the_keyword_bids():
    market = market_with()
    bids = (start_of(market)[:, :, 0] * market.mean_features).sum(axis=1)
    np.testing.assert_allclose(bids, market.mean_features[:, FEATURES.index("keyword_bid")], rtol=1e-12)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ('learner.policy="contextual"', "start: expected 'value-scale' only with policy = 'formula', got it with 'contextual'"),
        ('learner.sharing="group"', "start: expected 'value-scale' only with sharing = 'advertiser', got it with 'group'"),
    ],
)
def test_a_start_that_fits_no_other_policy_is_refused(override: str, message: str):
    with pytest.raises(InputError, match=message):
        market_with('learner.start="value-scale"', override)


def test_the_paced_value_scale_starts_at_the_scales_of_the_rule_of_that_name():
    capped = 'advertisers.0.budget="baseline*0.6"'
    market = market_with('learner.start="value-scale-paced"', capped)
    value = start_of(market)[:, FEATURES.index("value"), 0]
    rule = market_with('learner.algorithm="value-scale-paced"', "learner.population=16", capped)
    learner = make_learner(rule.scenario)
    state = learner.start(rule)
    for _ in range(MOST_STEPS):
        state, _ = iterate(learner, rule, state)
    np.testing.assert_allclose(value, learner.policy(rule, state).theta[:, FEATURES.index("value"), 0], rtol=1e-12)
    # Budgets hold some back, and not all alike.
    assert value.min() < 0.9 * value.max()


def test_learners_without_such_a_start_learn_in_a_scenario_that_names_one():
    few = ('learner.algorithm="m-rmdp-dqn"', "learner.dqn.num_envs=2")
    own, plain = market_with('learner.start="value-scale"', *few), market_with(*few)
    starts = [make_learner(one.scenario).start(one) for one in (own, plain)]
    for name, array in starts[1].items():
        np.testing.assert_array_equal(starts[0][name], array)
