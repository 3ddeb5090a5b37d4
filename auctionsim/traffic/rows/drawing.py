"""Draw the rows of an hour in compiled code: noise, rates and prices of a few thousand candidates at a time, then their rows.

A pass of numpy for each product, clip and copy would read and write every column several times over.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import auctionsim.arithmetic.pcg64 as pcg64
import auctionsim.arithmetic.scalars as scalars
from auctionsim.arithmetic.ziggurat import fill_from
from auctionsim.traffic.rows.compiled import compiled
from auctionsim.traffic.rows.layout import CTR, CVR, ITEM_PRICE, KEYWORD_BID, ONE, PCTR, PCVR, VALUE

Array = NDArray[np.float64]

AT_ONCE = 4096
"""Candidates whose noise is drawn at once: 32 KB stay in the first-level cache."""
LEAST_CTR = 1e-9
"""Click-through rates are clipped to [1e-9, 1], conversion rates to [0, 1]."""


class Pairs(NamedTuple):
    """Figures of an hour by query and candidate, `[queries, candidates]` each."""

    advertiser: NDArray[np.int64]
    ctr: Array
    cvr: Array
    """Predicted conversion rates at the hour's level."""
    item_price: Array
    keyword_bid: Array
    """Keyword bids at the hour's level."""


class Noise(NamedTuple):
    """Log standard deviations of an hour's rates between auctions, and the factor from predicted to true conversion rates."""

    ctr: float
    cvr: float
    true_rate: float


def draw_rows(
    rng: np.random.Generator,
    noise: Noise,
    query: NDArray[np.int64],
    pairs: Pairs,
    advertiser: NDArray[np.int64],
    rows: Array,
) -> bool:
    """Draw the candidates of cells.

    Args:
        rng: A generator on PCG64, which is left where numpy's own normal numbers would leave it: those of all click-through
            rates first, then those of all conversion rates.
        noise: The spread of rates between auctions.
        query: Query of each cell, `[cells]`.
        pairs: The figures of each query's candidates.
        advertiser: Written: index of each row's advertiser, `[cells x candidates]`.
        rows: Written: the rows, see `layout`, `[cells x candidates, 8]`.

    Returns:
        Whether every rate is a number; prices and bids are those of `pairs`.
    """
    n_candidates = pairs.ctr.shape[1]
    ctr, buffer = np.empty(len(query) * n_candidates), np.empty(max(AT_ONCE, n_candidates))
    state = pcg64.state_of(rng)
    _draw_ctr(state, (noise.ctr, 0.5 * noise.ctr * noise.ctr), query, pairs.ctr, buffer, ctr)
    spread = (noise.cvr, 0.5 * noise.cvr * noise.cvr)
    are_numbers = _draw_others(state, spread, noise.true_rate, query, pairs, ctr, buffer, advertiser, rows)
    pcg64.set_state(rng, state)
    return bool(are_numbers)


@compiled
def _draw_ctr(
    state: pcg64.State, spread: tuple[float, float], query: NDArray[np.int64], level: Array, buffer: Array, ctr: Array
) -> None:
    """Write the click-through rate of each candidate: its level times lognormal noise of mean 1, clipped."""
    n_candidates = level.shape[1]
    cells = max(buffer.shape[0] // n_candidates, 1)
    for first in range(0, query.shape[0], cells):
        last = min(first + cells, query.shape[0])
        noise = buffer[: (last - first) * n_candidates]
        _write_noise(state, spread, noise)
        for cell in range(first, last):
            of_query, own = level[query[cell]], noise[(cell - first) * n_candidates : (cell - first + 1) * n_candidates]
            out = ctr[cell * n_candidates : (cell + 1) * n_candidates]
            for c in range(n_candidates):
                out[c] = _clipped(of_query[c] * own[c], LEAST_CTR)


@compiled
def _draw_others(
    state: pcg64.State,
    spread: tuple[float, float],
    true_rate: float,
    query: NDArray[np.int64],
    pairs: Pairs,
    ctr: Array,
    buffer: Array,
    advertiser: NDArray[np.int64],
    rows: Array,
) -> bool:
    """Draw conversion rates and write the rows; return whether all rates are numbers."""
    n_candidates = pairs.ctr.shape[1]
    cells = max(buffer.shape[0] // n_candidates, 1)
    are_numbers = True
    for first in range(0, query.shape[0], cells):
        last = min(first + cells, query.shape[0])
        noise = buffer[: (last - first) * n_candidates]
        _write_noise(state, spread, noise)
        for cell in range(first, last):
            q, of_cell = query[cell], slice(cell * n_candidates, (cell + 1) * n_candidates)
            # Slices, since numba asks of every other index whether it is negative.
            own, pcvr, own_ctr = noise[(cell - first) * n_candidates :], pairs.cvr[q], ctr[of_cell]
            price, bid, of_query = pairs.item_price[q], pairs.keyword_bid[q], pairs.advertiser[q]
            who, out = advertiser[of_cell], rows[of_cell]
            for c in range(n_candidates):
                rate = _clipped(pcvr[c] * own[c], 0.0)
                true = rate * true_rate
                who[c] = of_query[c]
                out[c, ONE] = 1.0
                out[c, PCVR] = rate
                out[c, VALUE] = rate * price[c]
                out[c, KEYWORD_BID] = bid[c]
                out[c, PCTR] = own_ctr[c]
                out[c, CTR] = own_ctr[c]
                # The predicted rates ignore the hour, the true ones do not.
                out[c, CVR] = 1.0 if true > 1.0 else true
                out[c, ITEM_PRICE] = price[c]
                are_numbers &= (own_ctr[c] <= 1.0) & (true >= 0.0)
    return are_numbers


@compiled
def _write_noise(state: pcg64.State, spread: tuple[float, float], out: Array) -> None:
    """Write lognormal numbers with mean 1: `exp(sd z - sd^2 / 2)`."""
    log_sd, half_variance = spread
    fill_from(state, out)
    for i in range(out.shape[0]):
        out[i] = scalars.exp(log_sd * out[i] - half_variance)


@compiled
def _clipped(rate: float, least: float) -> float:
    """Return a rate clipped to [least, 1]; NaN stays NaN."""
    rate = 1.0 if rate > 1.0 else rate
    return least if rate < least else rate
