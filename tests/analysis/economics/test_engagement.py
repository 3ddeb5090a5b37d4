"""Shuffled engagement is what independent bidders would show: each keeps its own, among auctions that are alike to it."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.analysis.economics.collusion import judge_auctions
from auctionsim.analysis.economics.engagement import WINDOW, Engagement, over_blocks
from auctionsim.analysis.economics.outcome_library.kinds import drawn, kinds
from auctionsim.analysis.economics.outcome_library.markets import EARLIER


def engagement(n: int, players: int, seed: int = 0) -> Engagement:
    """Engagement whose shares name their auctions, so that a shuffle shows where each went."""
    rng = np.random.default_rng(seed)
    is_in = rng.random((n, players)) < 0.7
    share = np.where(is_in, np.arange(1, n + 1)[:, None] / n, 0.0)
    worth = np.where(is_in, rng.integers(1, 50, size=(n, players)), 0.0)
    return Engagement(np.arange(players), is_in, worth, share, rng.integers(0, 4, size=n), "auction", np.arange(n))


@pytest.mark.parametrize(("n", "players"), [(1, 1), (7, 2), (WINDOW, 1), (300, 3)])
def test_a_shuffle_moves_engagement_among_auctions_of_one_query_and_about_one_value(n: int, players: int):
    own = engagement(n, players)
    shuffled = own.shuffled(np.random.default_rng(1))
    assert (shuffled[~own.is_in] == 0).all()
    for k in range(players):
        for query in range(4):
            here = np.flatnonzero(own.is_in[:, k] & (own.query == query))
            order = here[np.argsort(own.worth[here, k], kind="stable")]
            came_from = np.rint(shuffled[order, k] * n).astype(int) - 1
            assert sorted(came_from) == sorted(here)
            rank = {auction: position for position, auction in enumerate(order)}
            # Windows are runs of the auctions in order of value: nothing crosses their edges.
            assert [rank[auction] // WINDOW for auction in came_from] == [position // WINDOW for position in range(len(order))]


def test_each_place_of_a_window_gets_each_entry_equally_often():
    own = Engagement(
        np.array([0]), np.ones((4, 1), dtype=bool), np.ones((4, 1)), np.arange(4.0)[:, None], np.zeros(4, dtype=np.int64),
        "auction", np.arange(4),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    found = np.array([own.shuffled(rng)[:, 0] for _ in range(4000)]).astype(int)
    counts = np.array([np.bincount(column, minlength=4) for column in found.T])
    # 1,000 expected, standard deviation 27.
    assert np.abs(counts - 1000).max() < 5 * 27


def test_stretches_of_hours_stay_whole_when_they_are_shuffled_and_turns_do_not():
    hour = np.arange(24)
    means = np.stack([(hour - 9) % 24 < 10, hour % 3 == 0], axis=1).astype(float)
    found = np.stack(
        [over_blocks(means, np.ones((24, 2), dtype=bool), np.random.default_rng(k), is_time=True) for k in range(200)]
    )
    assert (found.sum(axis=1) == [10, 8]).all()
    begins = ((found == 1) & (np.roll(found, 1, axis=1) == 0)).sum(axis=1)
    assert (begins[:, 0] == 1).all(), "one stretch of ten hours each time"
    assert begins[:, 1].min() < 8, "turns are drawn hour by hour"
    # Every hour is the first one of the stretch now and then.
    assert (
        len({int(first) for first in np.argmax((found[..., 0] == 1) & (np.roll(found[..., 0], 1, axis=1) == 0), axis=1)}) == 24
    )
    by_query = over_blocks(means, np.ones((24, 2), dtype=bool), np.random.default_rng(0), is_time=False)
    assert ((by_query[:, 0] == 1) & (np.roll(by_query[:, 0], 1) == 0)).sum() > 1


@pytest.mark.parametrize("kind", ["hours in a row", "shares that drift by the hour", "queries of their own"])
def test_independent_stretches_and_choices_give_way_as_seldom_as_the_test_says(kind: str):
    found = next(one for one in kinds() if one.name == kind)
    speaks = [judge_auctions(drawn(found, EARLIER, draw).auctions).tests["giving way"].speaks for draw in range(100, 130)]
    # 30 draws at 0.5 %: three or more would come in one of 2,000 cases.
    assert sum(speaks) <= 2
