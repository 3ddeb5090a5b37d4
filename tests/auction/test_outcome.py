"""The outcome's columns, and the old names of its fields."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from auctionsim import replay
from auctionsim.auction import outcome
from auctionsim.auction.outcome import DETAILS, OUTCOMES, Outcome
from auctionsim.errors import InputError, RenamedWarning

from ..conftest import make_market


@pytest.mark.parametrize(("old", "new"), [("entered", "participated"), ("losing_price", "least_winning_cost")])
def test_an_old_field_is_read_by_its_old_name_with_one_line_of_warning(old: str, new: str):
    traffic = make_market([2], [0], [1], [0, 1], [1.0, 0.5], [1.0, 1.0], 2)
    got = replay(traffic, coefficients=np.ones((2, 1, 1)), details=True)
    with pytest.warns(RenamedWarning, match=f"Outcome.{old}: this field is called {new} now") as told:
        assert getattr(got, old) is getattr(got, new)
    assert len(told) == 1
    assert told[0].filename == __file__
    with pytest.raises(AttributeError):
        setattr(got, old, None)


def test_columns_stand_in_the_order_of_their_names():
    for names in (OUTCOMES, DETAILS):
        assert [getattr(outcome, name.upper()) for name in names] == list(range(len(names)))
        assert set(names) <= set(Outcome.__dataclass_fields__)


def test_the_columns_can_be_imported_without_numba():
    code = "import sys, auctionsim.auction.outcome; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def two_policies() -> Outcome:
    """One auction at hour 0 and one at hour 5; the second policy of advertiser a0 bids half."""
    traffic = make_market([2, 2], [0, 5], [1, 1], [0, 1, 0, 1], [1.0, 0.5, 1.0, 0.5], [1.0, 1.5, 1.0, 1.5], 2)
    return replay(traffic, coefficients=np.array([[[1.0, 0.5]], [[1.0, 1.0]]]), details=True)


def test_a_table_has_a_row_per_hour_advertiser_and_policy():
    outcome = two_policies()
    table = outcome.to_frame()
    assert table.columns == ["hour", "advertiser", "policy", *OUTCOMES, "profit", *DETAILS]
    assert table.height == 24 * 2 * 2
    for row in table.iter_rows(named=True):
        place = (row["hour"], ["a0", "a1"].index(row["advertiser"]), row["policy"])
        for name in (*OUTCOMES, "profit", *DETAILS):
            value = getattr(outcome, name)[place]
            assert row[name] == (None if np.isnan(value) else value)
    assert table.filter(hour=5, advertiser="a1", policy=1)["impressions"].item() == 1.0


def test_a_table_by_advertiser_sums_over_hours():
    outcome = two_policies()
    table = outcome.to_frame("advertiser")
    assert table.columns == ["advertiser", "policy", *OUTCOMES, "profit", "participated"]
    assert table.select("advertiser", "policy").rows() == [("a0", 0), ("a0", 1), ("a1", 0), ("a1", 1)]
    assert np.array_equal(table["cost"].to_numpy().reshape(2, 2), outcome.cost.sum(axis=0))
    # Under policy 0 advertiser a0 wins both auctions, each with a click, and pays a1's score, 0.75. Under policy 1 it bids 0.5,
    # and a1 wins both: half a click each, at 0.5 / 0.5.
    assert table["cost"].to_list() == [1.5, 0.0, 0.0, 1.0]


def test_names_can_be_given_and_have_to_be_as_many():
    outcome = two_policies()
    assert outcome.to_frame("advertiser", advertisers=["x", "y"])["advertiser"].to_list() == ["x", "x", "y", "y"]
    nameless = Outcome(**{name: np.zeros((24, 2, 1)) for name in OUTCOMES})
    assert nameless.to_frame("advertiser")["advertiser"].to_list() == [0, 1]
    with pytest.raises(InputError, match="advertisers: expected 2 names, one for each advertiser, got 3: x, y, z"):
        outcome.to_frame(advertisers=["x", "y", "z"])
    with pytest.raises(InputError, match="by: unknown 'hours'; choose from hour, advertiser"):
        outcome.to_frame("hours")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"coefficients": np.ones((3, 1, 1))}, "coefficients: expected [advertisers, features, P] = "),
        ({"coefficients": -np.ones((2, 1, 1))}, "coefficients: expected finite numbers >= 0, got a negative"),
        ({"budgets": [1.0, 2.0, 3.0]}, "budgets: expected a number, [2] or [2, 1], got shape [3]"),
        ({"budgets": -1.0}, "budgets: expected numbers >= 0, got -1.0"),
        ({"slot_effect": (0.5,)}, "slot_effect: expected 1.0 for the first slot, got 0.5"),
        ({"bid_cap": -1.0}, "bid_cap: expected a number >= bid_floor = 0.0, got -1.0"),
        ({"pricing": "GSP"}, "pricing: unknown 'GSP'; choose from gsp, first, vcg (did you mean 'gsp'?)"),
        ({"features": ("bid",)}, "features: unknown 'bid'; choose from one, pcvr, value, keyword_bid (did you mean 'keyword_"),
        ({"day": 9}, "day: expected one of 0, got 9"),
    ],
)
def test_a_wrong_argument_of_replay_is_an_input_error(wrong: dict[str, Any], words: str):
    traffic = make_market([2], [0], [1], [0, 1], [1.0, 0.5], [1.0, 1.0], 2)
    with pytest.raises(InputError, match=f"^{re.escape(words)}"):
        replay(traffic, **({"coefficients": np.ones((len(traffic.advertisers), 1, 1))} | wrong))
