"""Ask what bids a little better or worse would have won, and what that says if each bidder bids for itself.

Chassang, Kawai, Nakabayashi and Ortner, Robust screens for noncompetitive bidding in procurement auctions, Econometrica 90(1),
2022. Bids are those of auctions that the lowest bid wins, as shares of the reserve. If few auctions are lost narrowly and few
are won narrowly, a bid slightly lower would win far more often: whoever maximizes its own profit would have made it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.screens.log import BidLog
from auctionsim.analysis.statistics import normal_tail
from auctionsim.ratios import NotDefined

Array = NDArray[np.float64]

CUT = 0.02
"""A bid better by this share is tried."""
_DIRECTIONS, _ZOOMS = 4_001, 4
_TOO_FAR = "no mixture of plausible environments comes near the demand"
_CLOSE = 1e-8
_FEW = 30
_ROUNDING = 1e-5
"""Bids are the lowest if they are this near to it, relatively, as in numpy's `isclose` and the authors' program."""


def normalized(log: BidLog) -> tuple[Array, Array, NDArray[np.int64]]:
    """Return each bid and its best rival's, and the auction of each, of auctions with two bids or more, `[bids]` each.

    Bids are over the reserve where there is one, and over the auction's mean bid elsewhere. A rival's bid counts as the
    reserve at most. Where the highest bid wins, the inverse of the bid stands for it.
    """
    many = log.counts >= 2
    if not many.any():
        return np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64)
    own = log.rows(many)
    mean = np.where(own.exists, own.bid, 0.0).sum(axis=1) / np.maximum(own.counts, 1)
    scale = np.where(np.isfinite(own.reserve), own.reserve, mean)
    share = np.where(own.exists, own.bid / scale[:, None], np.inf)
    if not log.lowest_wins:
        share = np.where(own.exists, scale[:, None] / np.where(own.exists, own.bid, 1.0), np.inf)
    ordered = np.sort(share, axis=1)
    lowest, second = ordered[:, :1], ordered[:, 1:2]
    with np.errstate(invalid="ignore"):
        is_lowest = np.abs(share - lowest) <= _CLOSE + _ROUNDING * np.abs(lowest)
    cap = np.where(np.isfinite(own.reserve), 1.0, np.inf)[:, None]
    rival = np.where(is_lowest, np.broadcast_to(second, share.shape), np.minimum(lowest, cap))
    row, column = np.nonzero(own.exists)
    return share[row, column], rival[row, column], row


def demand(log: BidLog, deviation: float) -> float:
    """Return the share of bids that would win if each alone were multiplied by 1 + deviation; a tie counts half.

    On the bids of a Japanese city (Chassang et al. 2022) 25.0 % win, and 69.4 % would win with a bid lower by 2 %.

    Args:
        log: The log.
        deviation: Change of the bid as a share of it; below 0 for a better bid.

    Returns:
        The share in [0, 1]; NaN where no auction has two bids.
    """
    own, rival, _ = normalized(log)
    return float(_wins(own, rival, deviation).mean()) if len(own) else float("nan")


def margins(log: BidLog) -> Array:
    """Return each bid less its best rival's, as shares of the reserve or of the mean bid, `[bids]`; below 0 it wins."""
    own, rival, _ = normalized(log)
    return own - rival


@dataclass(frozen=True)
class Hole:
    """The density of margins near 0 beside that a little farther off."""

    ratio: float
    """Density within the width of 0 over that between one and three widths: about 1 without a hole."""
    near: int
    """Bids within the width of 0."""
    beside: int
    """Bids between one and three widths."""
    width: float


def hole(log: BidLog, width: float) -> Hole | NotDefined:
    """Measure the hole in the density of margins at 0; bids that tie do not count.

    Args:
        log: The log.
        width: Margins on each side of 0 that are near, > 0, as a share of the reserve or of the mean bid.
    """
    away = np.abs(margins(log))
    near = int(((away > _CLOSE) & (away < width)).sum())
    beside = int(((away >= width) & (away < 3 * width)).sum())
    if beside < _FEW:
        return NotDefined(f"{beside} margins are within {3 * width:g} of 0, and {_FEW} are needed")
    return Hole(2.0 * near / beside, near, beside, width)


@dataclass(frozen=True)
class BestResponse:
    """What all would gain by bidding better by `CUT`, each alone, when winners are paid their bids."""

    break_even: float
    """The margin, as a share of the bid, from which on a better bid gains: above it, no bidder maximizes its own profit."""
    wins: float
    """Share of bids that win."""
    wins_cut: float
    """Share of bids that would win if they were better by `CUT`."""


def best_response(log: BidLog) -> BestResponse | NotDefined:
    """Return the profit margin from which on better bids gain.

    A margin x earns x D(0) now and (x - cut) D(-cut) with a better bid, D being the demand; they are equal at
    cut D(-cut) / (D(-cut) - D(0)). Aggregating over what bidders know leaves the bound valid.
    """
    own, rival, _ = normalized(log)
    if len(own) < _FEW:
        return NotDefined(f"{len(own)} bids have a rival, and {_FEW} are needed")
    now, cut = float(_wins(own, rival, 0.0).mean()), float(_wins(own, rival, -CUT).mean())
    if not cut > now:
        return NotDefined(f"bids better by {CUT:.0%} win no more")
    return BestResponse(CUT * cut / (cut - now), now, cut)


def gains_at(log: BidLog, margin: float) -> float | NotDefined:
    """Return the p-value of the hypothesis that better bids gain nothing, all earning a margin of their bid or more.

    A one-sided z test over auctions of (margin - cut) D(-cut) - margin D(0). It holds whatever bidders know, and falls with the
    margin that is assumed.

    Args:
        log: The log.
        margin: The smallest profit margin that bidders are taken to have, a share of the bid, in (0, 1).
    """
    own, rival, auction = normalized(log)
    if len(own) < _FEW or len(np.unique(auction)) < _FEW:
        return NotDefined(f"{len(np.unique(auction))} auctions have two bids or more, and {_FEW} are needed")
    gain = (margin - CUT) * _wins(own, rival, -CUT) - margin * _wins(own, rival, 0.0)
    mean = float(gain.mean())
    sums = np.bincount(auction, gain - mean)
    error = float(np.sqrt((sums * sums).sum())) / len(gain)
    return normal_tail(mean / error) if error > 0 else float(mean <= 0)


def least_collusive_share(
    log: BidLog,
    *,
    max_markup: float = 0.6,
    spread: float = 0.5,
    centers: tuple[float, float] = (0.65, 0.48),
    tolerance: float = 0.0125,
    points: int = 10_000,
    seed: int = 0,
) -> float | NotDefined:
    """Return the smallest share of bids that nobody bidding for itself can have made, by the authors' sampled program.

    Environments, each the chances of winning with a bid lower by 2 % and as it is, and a cost as a share of the bid, are drawn
    evenly. They are kept where the cost is plausible and the chances are near some centers. The share is the least weight of
    those in which the lower bid gains, over all mixtures whose mean chances are near the demand. The defaults are those of the
    authors' tests, which state 0.303379 for the bids of the city; the figure depends on the draw.

    Args:
        log: The log.
        max_markup: Largest markup over cost.
        spread: Largest distance of the log odds of a chance from its center's.
        centers: Centers of the chances of winning with a lower bid and with the bid.
        tolerance: Largest sum of squared differences of mean chances and demand.
        points: Number of draws.
        seed: Seed of numpy's older generator, whose draws these are.
    """
    rng = np.random.RandomState(seed)
    drawn = rng.random_sample((points, 3))
    drawn[:, :2] = -np.sort(-drawn[:, :2], axis=1)
    wanted = np.array([demand(log, -CUT), demand(log, 0.0)])
    guesses = np.column_stack([np.tile(wanted, (21, 1)), np.linspace(0, 1, 21)])
    every = np.round(np.vstack([drawn, guesses]), 9)
    odds = np.array(centers) / (1.0 - np.array(centers))
    low, high = (odds * arithmetic.exp(np.array(side)) for side in (-spread, spread))
    chance, cost = every[:, :2], every[:, 2]
    near = ((low / (1 + low) <= chance) & (chance <= high / (1 + high))).all(axis=1)
    kept = every[near & (cost >= 1.0 / (1.0 + max_markup))]
    gains = kept[:, 0] * (1.0 - CUT - kept[:, 2]) > kept[:, 1] * (1.0 - kept[:, 2]) + _CLOSE
    if gains.all() or not gains.any():
        return NotDefined("no drawn environment is plausible and competitive" if gains.all() else "none is collusive")
    return _least_weight(kept[~gains, :2], kept[gains, :2], wanted, float(np.sqrt(tolerance)))


def _least_weight(clean: Array, dirty: Array, wanted: Array, radius: float) -> float | NotDefined:
    """Return the least weight of one set of points in a mixture of two whose mean is within a radius of a point.

    Two convex sets meet if no line parts them. In each direction u the mixture reaches (1 - m) h0(u) + m h1(u), and it has to
    reach u . wanted - radius: a bound on m.
    """
    corners = _hull(clean), _hull(dirty)
    center, half, least, most = np.pi, np.pi, 0.0, 1.0
    for _ in range(_ZOOMS):
        angle = center + half * np.linspace(-1.0, 1.0, _DIRECTIONS)
        u = np.stack([arithmetic.cos(angle), arithmetic.sin(angle)])
        reach = [np.max(points[:, :1] * u[0] + points[:, 1:] * u[1], axis=0) for points in corners]
        missing = u[0] * wanted[0] + u[1] * wanted[1] - radius - reach[0]
        slope = reach[1] - reach[0]
        bound = np.divide(missing, slope, out=np.zeros_like(missing), where=slope != 0)
        if ((slope == 0) & (missing > 0)).any():
            return NotDefined(_TOO_FAR)
        rising = np.where(slope > 0, bound, 0.0)
        least = max(least, float(rising.max()))
        most = min(most, float(bound[slope < 0].min(initial=1.0)))
        # The bound is sharpest in one direction: look at its neighbors more closely.
        center, half = float(angle[int(rising.argmax())]), 4.0 * half / _DIRECTIONS
    return least if least <= most else NotDefined(_TOO_FAR)


def _hull(points: Array) -> Array:
    """Return the corners of the convex hull of points of the plane (Andrew's monotone chain), and no fewer than all of few."""
    ordered = points[np.lexsort((points[:, 1], points[:, 0]))]

    def half(row: Array) -> list[Array]:
        chain: list[Array] = []
        for point in row:
            while len(chain) >= 2 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        return chain

    return np.array([*half(ordered), *half(ordered[::-1])])


def _turn(a: Array, b: Array, c: Array) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _wins(own: Array, rival: Array, deviation: float) -> Array:
    new = own * (1.0 + deviation)
    return (new < rival) + 0.5 * (new == rival)
