"""The outcome's columns, and the old names of its fields."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from auctionsim import replay
from auctionsim.auction import outcome
from auctionsim.auction.outcome import DETAILS, OUTCOMES, Outcome
from auctionsim.errors import RenamedWarning

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
