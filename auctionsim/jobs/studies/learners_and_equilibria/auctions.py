"""Make markets of the engine in which each auction draws private values, and read bids by value off a policy.

A training day has auctions of all bidders whose values are drawn without replacement from equal parts of the distribution: a
bidder's own values of the day are spread as the distribution is, and pair up with the others' at random. The test day has in
every hour the same evenly spread values of each bidder, so that a bid function can be read off the bids.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.base import Policy
from auctionsim.equilibria import first_price_equilibrium, uniform_values
from auctionsim.equilibria.distributions import PowerValues
from auctionsim.equilibria.private_values.bid_profile import BidProfile, profile_at_nodes
from auctionsim.equilibria.private_values.losses import Pricing
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.streams import stream
from auctionsim.traffic.table import HOURS, Traffic

Array = NDArray[np.float64]

TRAIN_DAY, TEST_DAY = 0, 1
HOURLY, READ_OFF = 300, 60
"""Auctions in an hour of the training day, and of the test day."""
START = 0.3
"""Keyword bid of learners as a share of the value: they begin at bids whose mean is that of these."""
_NODES = 129
"""Nodes of an equilibrium's bid function."""


@dataclass(frozen=True)
class PrivateValues:
    """An auction of one object between bidders with uniform values from 0, whose equilibrium is known."""

    highs: tuple[float, ...]
    """The highest value of each bidder, currency."""
    pricing: Pricing = "first"
    curves: tuple[float, ...] = ()
    """Exponent p of each bidder with which pcvr is `(value / highest)^p`, so that the bid formula `theta0 + theta1 pcvr +
    theta2 value` may bend; 1 for all where empty, and bids are straight lines. The value is pcvr x item price all the same."""

    @property
    def distributions(self) -> tuple[PowerValues, ...]:
        """Return the distribution of each bidder's value."""
        return tuple(uniform_values(0.0, high) for high in self.highs)

    def equilibrium(self) -> BidProfile:
        """Return the equilibrium's bids: Bayes-Nash at first price, and values at second price, which are dominant."""
        return _equilibrium(self)


@cache
def _equilibrium(auction: PrivateValues) -> BidProfile:
    if auction.pricing == "second":
        return profile_at_nodes(auction.distributions, [np.asarray] * len(auction.highs), _NODES)
    return profile_at_nodes(auction.distributions, first_price_equilibrium(auction.distributions).bids, _NODES)


def drawn_traffic(auction: PrivateValues, seed: int, *, rivals: BidProfile | None = None, hourly: int = HOURLY) -> Traffic:
    """Return a training and a test day of auctions.

    Args:
        auction: The auction.
        seed: Seed of the values.
        rivals: Bids of all bidders but the first, which become their keyword bids; None where all learn.
        hourly: Auctions in an hour of the training day.
    """
    n = len(auction.highs)
    train = np.stack([_spread(seed, k, HOURS * hourly) for k in range(n)], axis=1)
    test = np.concatenate([np.stack([_even(seed, hour, k) for k in range(n)], axis=1) for hour in range(HOURS)])
    share = np.concatenate([train, test])
    value, cells = share * np.array(auction.highs), len(share)
    pcvr = np.asarray(arithmetic.power(share, np.array(auction.curves or (1.0,) * n)))
    price = value / pcvr
    keyword_bid = START * value
    if rivals is not None:
        for k in range(1, n):
            keyword_bid[:, k] = arithmetic.interpolate(value[:, k], rivals.values[k], rivals.bids[k])
    ones = np.ones(cells * n)
    return Traffic(
        advertisers=tuple(f"bidder_{k}" for k in range(n)),
        queries=("object",),
        day=np.repeat([TRAIN_DAY, TEST_DAY], [len(train), len(test)]),
        hour=np.concatenate([np.repeat(np.arange(HOURS), len(one) // HOURS) for one in (train, test)]),
        weight=np.ones(cells, dtype=np.int64),
        query=np.zeros(cells, dtype=np.int64),
        cell_start=np.arange(cells + 1) * n,
        advertiser=np.tile(np.arange(n), cells),
        pctr=ones,
        pcvr=pcvr.ravel(),
        item_price=price.ravel(),
        keyword_bid=keyword_bid.ravel(),
        ctr=ones,
        cvr=pcvr.ravel(),
        market_ecpm=np.zeros(cells),
    )


def bids_by_value(auction: PrivateValues, market: Market, policy: Policy, *, every: int = 1) -> list[tuple[float, BidProfile]]:
    """Return the bids of a policy on the test day by value: different profiles, each with the share of hours it has.

    Between the values of the test day, and on to the ends of the distribution, bids are straight lines.

    Args:
        auction: The auction.
        market: Its market, of `drawn_traffic`.
        policy: The policy.
        every: Hours from one that is read to the next: 1 reads all.
    """
    day = simulate_day(market, TEST_DAY, policy)
    phi, traffic, found = day.phi, market.traffic, []
    assert phi is not None
    cells = traffic.cell_slice(TEST_DAY)
    rows = np.arange(traffic.cell_start[cells.start], traffic.cell_start[cells.stop]).reshape(HOURS, -1, len(auction.highs))
    for hour in range(0, HOURS, every):
        theta = day.coefficients[hour, :, :, 0]
        bids = [_function(traffic, phi, rows[hour, :, k], theta[k], high) for k, high in enumerate(auction.highs)]
        found.append(np.stack(bids))
    same: dict[bytes, list[Array]] = {}
    for one in found:
        same.setdefault(one.tobytes(), []).append(one)
    return [
        (len(hours) / len(found), BidProfile(auction.distributions, hours[0][:, 0], hours[0][:, 1])) for hours in same.values()
    ]


def _function(traffic: Traffic, phi: Array, rows: NDArray[np.int64], theta: Array, high: float) -> Array:
    """Return the values and bids of one bidder in an hour, with the ends of its distribution, `[2, nodes]`."""
    value = traffic.pcvr[rows] * traffic.item_price[rows]
    order = np.argsort(value, kind="stable")
    x, y = value[order], arithmetic.dot(phi[rows], theta)[order]
    first, last = y[0] - x[0] * (y[1] - y[0]) / (x[1] - x[0]), y[-1] + (high - x[-1]) * (y[-1] - y[-2]) / (x[-1] - x[-2])
    return np.stack([np.concatenate([[0.0], x, [high]]), np.maximum(np.concatenate([[first], y, [last]]), 0.0)])


def _spread(seed: int, bidder: int, n: int) -> Array:
    """Draw one number from each of n equal parts of [0, 1), in a random order."""
    rng = stream(seed, "private-values", bidder)
    return np.asarray((rng.permutation(n) + rng.random(n)) / n)


def _even(seed: int, hour: int, bidder: int) -> Array:
    """Return the middles of equal parts of [0, 1] in a random order, `[READ_OFF]`."""
    return np.asarray((stream(seed, "private-values-read", hour, bidder).permutation(READ_OFF) + 0.5) / READ_OFF)
