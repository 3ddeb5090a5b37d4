"""Ratios are defined where the denominator is above 0, and have the stated value elsewhere."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from auctionsim.ratios import ratio_of_columns, safe_ratio, safe_ratios

CASES = [(3.0, 2.0, 1.5), (-3.0, 2.0, -1.5), (0.0, 2.0, 0.0), (3.0, 0.0, None), (3.0, -2.0, None), (3.0, np.nan, None)]


@pytest.mark.parametrize(("numerator", "denominator", "expected"), CASES)
def test_a_number_an_array_and_a_column_agree(numerator: float, denominator: float, expected: float | None):
    number = safe_ratio(numerator, denominator)
    array = safe_ratios([numerator], denominator)
    column = pl.DataFrame({"a": [numerator], "b": [denominator]}).select(ratio_of_columns("a", "b")).to_series()
    if expected is None:
        assert np.isnan(number)
        assert np.isnan(array).all()
        assert safe_ratio(numerator, denominator, otherwise=0.0) == 0.0
        assert safe_ratios([numerator], denominator, otherwise=0.0).tolist() == [0.0]
    else:
        assert number == expected
        assert array.tolist() == [expected]
    if not np.isnan(denominator):
        assert column.to_list() == [expected], "null where it is not defined"


def test_arrays_broadcast():
    assert safe_ratios(np.ones((2, 1)), [1.0, 2.0, 0.0], otherwise=1.0).tolist() == [[1.0, 0.5, 1.0]] * 2
