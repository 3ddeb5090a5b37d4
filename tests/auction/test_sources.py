"""A table keeps its form for the kernel from one replay to the next, and it is never another table's or another ranking's."""

from __future__ import annotations

import gc
import pickle
import weakref
from dataclasses import replace

import numpy as np

from auctionsim import replay
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import source_of
from auctionsim.traffic.table import Traffic

from ..conftest import make_market


def market() -> Traffic:
    return make_market([2, 2], [0, 5], [3, 1], [0, 1, 0, 1], [0.5, 0.1, 0.2, 0.4], [1.0, 2.0, 0.5, 0.6], 2)


def test_a_second_replay_takes_the_form_of_the_first_and_another_ranking_its_own():
    traffic = market()
    first = source_of(traffic, Rules())
    assert source_of(traffic, Rules(pricing="vcg", reserve=0.3)) is first
    assert source_of(traffic, Rules(squash=0.0)) is not first
    by_bid = replay(traffic, coefficients=np.ones((2, 1, 1)), squash=0.0)
    assert (by_bid.impressions[:, 0, 0].sum(), by_bid.impressions[:, 1, 0].sum()) == (0, 4)
    by_score = replay(traffic, coefficients=np.ones((2, 1, 1)))
    assert (by_score.impressions[:, 0, 0].sum(), by_score.impressions[:, 1, 0].sum()) == (3, 1)


def test_a_changed_copy_has_a_form_of_its_own_and_a_pickle_holds_none():
    traffic = market()
    size = len(pickle.dumps(traffic))
    source = source_of(traffic, Rules())
    assert len(pickle.dumps(traffic)) == size
    assert source_of(pickle.loads(pickle.dumps(traffic)), Rules()) is not source
    changed = replace(traffic, keyword_bid=traffic.keyword_bid[::-1].copy())
    assert source_of(changed, Rules()) is not source
    assert (source_of(changed, Rules()).phi[:, 3] == changed.keyword_bid).all()


def test_the_form_goes_with_the_table():
    traffic = market()
    source = weakref.ref(source_of(traffic, Rules()))
    del traffic
    gc.collect()
    assert source() is None
