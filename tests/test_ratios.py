"""Ratios are defined where the denominator is above 0, and have the stated value elsewhere."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from auctionsim.ratios import NotDefined, ratio_of_columns, ratio_to_amount, safe_ratio, safe_ratios

CASES = [
    *[(3.0, 2.0, 1.5), (-3.0, 2.0, -1.5), (0.0, 2.0, 0.0), (3.0, 0.0, None), (3.0, -2.0, None), (3.0, np.nan, None)],
    # An amount next to nothing is nothing: 5e-324 is the smallest number there is.
    *[(3.0, 5e-324, None), (-3.0, 1e-10, None), (2.0**29, 1.0, 2.0**29), (5e-324, 5e-324, 1.0), (0.0, 5e-324, 0.0)],
]


@pytest.mark.parametrize(("numerator", "denominator", "expected"), CASES)
def test_a_number_an_array_and_a_column_agree(numerator: float, denominator: float, expected: float | None):
    number = safe_ratio(numerator, denominator)
    array = safe_ratios([numerator], denominator)
    column = pl.DataFrame({"a": [numerator], "b": [denominator]}).select(ratio_of_columns("a", "b")).to_series()
    if expected is None:
        assert np.isnan(number)
        assert np.isnan(array).all()
        # Whoever names a number has the other ratios as they are: a cap of 3 over a cost of 1e-10 is kept by far.
        plain = numerator / denominator if denominator > 0 else 0.0
        assert safe_ratio(numerator, denominator, otherwise=0.0) == plain
        assert safe_ratios([numerator], denominator, otherwise=0.0).tolist() == [plain]
    else:
        assert number == expected
        assert array.tolist() == [expected]
    if not np.isnan(denominator):
        assert column.to_list() == [expected], "null where it is not defined"


def test_arrays_broadcast():
    assert safe_ratios(np.ones((2, 1)), [1.0, 2.0, 0.0], otherwise=1.0).tolist() == [[1.0, 0.5, 1.0]] * 2


@pytest.mark.parametrize("base", [0.0, 5e-324, 4e-15, -4e-15])
def test_a_share_of_nothing_is_not_defined_though_rounding_left_something_of_it(base: float):
    turnover = 48.2 if abs(base) > 1e-300 else base
    assert ratio_to_amount(1.0, base, turnover, "the policy") == NotDefined("the policy earned nothing")
    assert ratio_to_amount(3.0, 2.0, 2.0) == 1.5
    assert ratio_to_amount(3e-11, 2e-11, 2e-11) == 1.5
    assert ratio_to_amount(3e-13, 2e-13, 2e-13) == NotDefined("the baseline earned nothing")
    assert ratio_to_amount(3e9, 2.0, 2.0) == NotDefined("the baseline earned nothing")
    assert ratio_to_amount(1.0, -2.0, 2.0) == NotDefined("the baseline loses money")


def test_columns_keep_what_is_not_a_number():
    frame = pl.DataFrame({"a": [float("nan"), 1.0], "b": [1.0, 2.0]})
    assert str(frame.select(ratio_of_columns("a", "b")).to_series().to_list()) == "[nan, 0.5]"
    assert str(safe_ratios([float("nan"), 1.0], [1.0, 2.0]).tolist()) == "[nan, 0.5]"
    assert np.isnan(safe_ratio(float("nan"), 1.0, otherwise=0.0))
