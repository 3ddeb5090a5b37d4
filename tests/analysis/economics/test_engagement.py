"""Shuffled engagement is what independent bidders would show: each keeps its own, among auctions that are alike to it."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.analysis.economics.engagement import WINDOW, Engagement


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
