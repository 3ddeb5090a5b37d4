"""Actions as bids: where they start, and what a log multiplier does."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.auction.bid_formula import BID_MODELS, FEATURES
from auctionsim.market.bidding import market_coefficients, starting_coefficients

from .days import RULES, small_market


@pytest.mark.parametrize("model", BID_MODELS)
def test_the_mean_starting_bid_is_the_mean_keyword_bid(model: str):
    market = small_market(rules=RULES)
    theta = market_coefficients(market, np.zeros((1, 5, len(BID_MODELS[model]))), starting_coefficients(market, model), model)
    mean = market.mean_features[market.learners]
    np.testing.assert_allclose((theta[market.learners, :, 0] * mean).sum(axis=1), mean[:, FEATURES.index("keyword_bid")])


@pytest.mark.parametrize("model", BID_MODELS)
def test_a_log_multiplier_scales_one_learner_s_coefficient_and_nothing_else(model: str):
    market = small_market(rules=RULES)
    logs, start = np.zeros((2, 5, len(BID_MODELS[model]))), starting_coefficients(market, model)
    logs[1, 3, 0] = np.log(2.0)
    theta = market_coefficients(market, logs, start, model)
    factor = np.ones((9, 4))
    factor[3, FEATURES.index(BID_MODELS[model][0])] = 2.0
    np.testing.assert_allclose(theta[:, :, 1], theta[:, :, 0] * factor, rtol=1e-15)
    assert np.isnan(theta[5:]).all()
