"""Own objectives as ratios to the baseline: defined where the baseline has something."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.objectives.relative import mean_of_defined, relative_objectives

PROFIT, CLICKS = [0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]


def row(clicks: float, gmv: float, cost: float) -> list[float]:
    return [0.0, clicks, 0.0, gmv, cost]


def test_a_baseline_that_loses_money_or_earns_nothing_has_no_ratio():
    baseline = np.array([row(10, 5.0, 4.0), row(10, 1.0, 1.2), row(10, 3.0, 3.0), row(0, 5.0, 4.0)])
    totals = np.array([row(20, 7.0, 4.0), row(20, 2.0, 1.13), row(20, 9.0, 3.0), row(20, 9.0, 4.0)])
    by_profit = relative_objectives(totals, baseline, np.tile(PROFIT, (4, 1)))
    # 3 over 1; a gain from -0.2 to 0.87 is not -4.35; 6 over 0; 5 over 1.
    np.testing.assert_allclose(by_profit, [3.0, np.nan, np.nan, 5.0])
    by_clicks = relative_objectives(totals, baseline, np.tile(CLICKS, (4, 1)))
    np.testing.assert_allclose(by_clicks, [2.0, 2.0, 2.0, np.nan])
    # What nobody asks for does not matter.
    np.testing.assert_allclose(relative_objectives(totals, baseline, np.array([PROFIT, CLICKS, CLICKS, PROFIT])), [3, 2, 2, 5])


def test_a_profit_that_is_rounding_alone_has_no_ratio():
    baseline = np.array([row(1, 24.1 + 4e-15, 24.1)])
    assert np.isnan(relative_objectives(np.array([row(1, 25.1, 24.1)]), baseline, np.array([PROFIT]))).all()


def test_means_are_over_what_is_defined():
    assert mean_of_defined(np.array([1.0, np.nan, 3.0])) == pytest.approx(2.0)
    assert np.isnan(mean_of_defined(np.array([np.nan])))
