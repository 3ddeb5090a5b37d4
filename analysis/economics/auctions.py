"""Lay single auctions out as arrays and clear them in numpy: the ground on which every test for collusion stands.

The kernel replays days fast and returns sums. Tests for collusion ask about single auctions: who would have set the price, who
gave way to whom. Here a day's candidates stand as `[auctions, candidates]`, bids are one number a candidate, and clicks count
with their predicted rate, as the bidders see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.economics.clearing import Cleared, cleared
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import ranked_rows
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy
from auctionsim.market.simulate import simulate_day
from auctionsim.names.display import short_repr
from auctionsim.streams import stream
from auctionsim.traffic.table import Traffic

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

IDLE = 0.8
"""Share of a budget up to which a day's spend leaves it idle; training days may ask for more than the days that are judged."""


@dataclass(frozen=True, eq=False)
class Auctions:
    """Auctions of some days, their candidates side by side: arrays `[auctions, candidates]`, padded with advertiser -1."""

    names: tuple[str, ...]
    """Names of the advertisers."""
    rules: Rules
    who: NDArray[np.int64]
    """Index of each candidate's advertiser; -1 where there is no candidate."""
    value: Array
    """Value of a click to who bids, currency."""
    bid: Array
    """Bid, currency per click, within the rules' bounds; 0 where there is none."""
    quality: Array
    """Factor from a bid to its rank score."""
    clicks: Array
    """Clicks that the first slot would bring: identical auctions times the predicted click-through rate."""
    is_in: Mask
    """True for a candidate that takes part: it has a bid, and its budget is not exhausted."""
    could_bid: Mask
    """True for a candidate that could take part, whether or not it does: it exists, and its budget is not exhausted."""
    external: Array
    """Rank score of the external competitor, 0 for none, `[auctions]`."""
    day: NDArray[np.int64]
    """Day of each auction, `[auctions]`; hour and query likewise."""
    hour: NDArray[np.int64]
    query: NDArray[np.int64]
    budgets: Array
    """Daily budgets, currency, infinite where there is none, `[advertisers]`."""

    __repr__ = short_repr

    def __len__(self) -> int:
        return len(self.day)

    @property
    def exists(self) -> Mask:
        """Return where there is a candidate, whether or not it takes part."""
        return self.who >= 0

    def outcome(self, bid: Array | None = None, pricing: str | None = None) -> Cleared:
        """Clear the auctions among those who take part.

        Args:
            bid: Bids in place of the recorded ones.
            pricing: A pricing rule in place of the market's.
        """
        rules = self.rules if pricing is None else replace(self.rules, pricing=pricing)
        return cleared(self.bid if bid is None else bid, self.quality, self.clicks, self.is_in, self.external, rules)

    def competition(self) -> Cleared:
        """Return the competitive benchmark: values as bids, charged what VCG charges, within the same budgets.

        With one slot it is the second-price outcome; with several, the lowest-revenue envy-free outcome of the generalized
        second price (Edelman, Ostrovsky and Schwarz 2007, theorem 1). It is the competitive outcome of the first price too: by
        complete information the best bidder bids what the second best is worth, not its own value.
        """
        open_to_all = replace(self, bid=self.value, is_in=self.exists, rules=replace(self.rules, pricing="vcg"))
        return within_budgets(open_to_all).outcome()

    def could_budgets_bind(self) -> bool:
        """Return whether a budget could have lowered bids: some day spends most of it, as it was or if everybody bid its value.

        Bidders pace a budget that they would otherwise exhaust. One of which at most `IDLE` would go on each of these days,
        without any budgets, gives no reason to.
        """
        if not np.isfinite(self.budgets).any():
            return False
        free = replace(self, budgets=np.full_like(self.budgets, np.inf), bid=self.value, is_in=self.exists)
        charged = "gsp" if self.rules.pricing == "gsp" else "vcg"
        _, day = np.unique(self.day, return_inverse=True)
        for done in (self.outcome(), free.outcome(pricing=charged)):
            spent = np.zeros((day.max(initial=0) + 1, len(self.names) + 1))
            np.add.at(spent, (day[:, None], done.advertiser(self.who)), done.cost)
            if (spent[:, : len(self.names)] > IDLE * self.budgets).any():
                return True
        return False

    def rows(self, chosen: NDArray[np.int64] | Mask) -> Auctions:
        """Return some of the auctions."""
        names = ("who", "value", "bid", "quality", "clicks", "is_in", "could_bid", "external", "day", "hour", "query")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    def sample(self, most: int) -> Auctions:
        """Return at most `most` auctions, one drawn from each of as many stretches of equal length.

        Every k-th auction would always be the same member's where k members take turns.
        """
        if len(self) <= most:
            return self
        drawn = stream(0, "sampled auctions", len(self)).random(most)
        return self.rows(((np.arange(most) + drawn) * (len(self) / most)).astype(np.int64))


def auctions_of(
    traffic: Traffic,
    bids: Sequence[Array],
    rules: Rules,
    days: Sequence[int],
    budgets: Array | None = None,
    worth: Sequence[Array] | None = None,
) -> Auctions:
    """Lay out the auctions of some days with the bids of each day.

    Args:
        traffic: The traffic table.
        bids: Bids in currency per click of every row of the table, `[rows]`, one array a day; NaN where there is no bid.
        rules: The auction's rules.
        days: The days, one for each array of bids.
        budgets: Daily budgets, currency `[advertisers]`; None for none.
        worth: Worth of a click of each row to its advertiser, currency `[rows]`, one array for each day; None for its expected
            GMV.
    """
    worth = [traffic.pcvr * traffic.item_price] * len(days) if worth is None else worth
    is_ranked = np.ones(len(traffic.advertiser), dtype=bool)
    if rules.preranker is not None:
        is_ranked = ranked_rows(traffic, replace(rules, rings=()))
    if rules.rings:
        # Who withdraws has a value all the same: competition is that of all members.
        bidding = ranked_rows(traffic, rules)
        bids = [np.where(bidding, own, np.nan) for own in bids]
    parts = [_laid_out(traffic, own, value, rules, is_ranked, day) for own, value, day in zip(bids, worth, days, strict=True)]
    width = max(part["who"].shape[1] for part in parts)
    joined = {name: np.concatenate([_widened(part[name], width, name) for part in parts]) for name in parts[0]}
    limits = np.full(len(traffic.advertisers), np.inf) if budgets is None else np.asarray(budgets, dtype=np.float64)
    return within_budgets(Auctions(traffic.advertisers, rules, **joined, budgets=limits))


def played(market: Market, policy: Policy, days: Sequence[int], worth: Sequence[Array] | None = None) -> Auctions:
    """Return the auctions of some days with the bids that a policy places in each, whatever bid features it has of its own.

    Args:
        market: The market, whose traffic is in memory.
        policy: The policy that bids for everybody.
        days: The days.
        worth: Worth of a click of each row to its advertiser, currency `[rows]`, one array for each day, such as
            `worth_of_clicks`; None for its expected GMV.
    """
    bids = [row_bids(market, policy, day) for day in days]
    return auctions_of(market.traffic, bids, market.rules, days, market.budgets, worth)


def worth_of_clicks(market: Market, day: int) -> Array:
    """Return what a click of each row is worth to its advertiser on a day, currency, `[rows]`: its expected GMV for most.

    A value maximizer (`goal`) has a target in place of profit. With a target return of 4 it pays a quarter of the GMV on
    average, with a target cost per conversion that much for each. To bid no more is no sign that it colludes.
    """
    traffic = market.traffic
    worth = traffic.pcvr * traffic.item_price
    maximizes = np.array([group.goal is not None for group in market.groups])
    if not maximizes.any():
        return worth
    limits = goals_of(market, day).limits
    none = np.full((len(maximizes), 1), np.inf)
    floor, cap = limits.get("roi_floor", -none)[:, 0], limits.get("cpa_cap", none)[:, 0]
    who, has_floor, has_cap = traffic.advertiser, maximizes & (1 + floor > 0), maximizes & np.isfinite(cap)
    # Of two targets the stricter one counts.
    by_floor = np.where(has_floor[who], worth / np.where(has_floor, 1 + floor, 1.0)[who], np.inf)
    by_cap = np.where(has_cap[who], traffic.pcvr * np.where(has_cap, cap, 0.0)[who], np.inf)
    return np.where((has_floor | has_cap)[who], np.minimum(by_floor, by_cap), worth)


def row_bids(market: Market, policy: Policy, day: int) -> Array:
    """Return the bid of every row of the table on a day, currency per click, `[rows]`; NaN on other days and for no bid."""
    run, traffic = simulate_day(market, day, policy), market.traffic
    cells = traffic.cell_slice(day)
    rows = slice(int(traffic.cell_start[cells.start]), int(traffic.cell_start[cells.stop]))
    hour, who = traffic.row_hour[rows], traffic.advertiser[rows]
    phi = market.phi if run.phi is None else run.phi
    theta = run.coefficients[:, :, :, 0]
    bids = np.full(len(traffic.advertiser), np.nan)
    bids[rows] = arithmetic.dot(theta[hour, who], phi[rows])
    draws = stream(market.seed, "judged auctions", day)
    for step_hour, share in zip(run.step_hours, run.shares, strict=True):
        if share is not None:
            own = np.flatnonzero(hour == step_hour)
            bids[rows.start + own[draws.random(len(own)) >= share[who[own], 0]]] = np.nan
    return bids


def within_budgets(auctions: Auctions) -> Auctions:
    """Return the auctions without the candidates whose budgets are exhausted by then.

    Guess when each advertiser leaves (at first never), clear all auctions, read off when each budget is gone, and repeat until
    nothing changes. Time runs one way, so the fixed point is the sequential result, to an auction bucket.
    """
    if not np.isfinite(auctions.budgets).any():
        return auctions
    starts = np.searchsorted(auctions.day, np.unique(auctions.day))
    n, start_of = len(auctions.names), np.repeat(starts, np.diff([*starts, len(auctions)]))
    position = np.arange(len(auctions))
    is_in, could_bid, last = auctions.is_in, auctions.exists, np.full(0, -1)
    for _ in range(100):
        costs = np.zeros((len(auctions), n + 1))
        done = replace(auctions, is_in=is_in).outcome()
        np.add.at(costs, (position[:, None], done.advertiser(auctions.who)), done.cost)
        spent = np.cumsum(costs[:, :n], axis=0)
        spent -= np.vstack([np.zeros(n), spent])[start_of]
        # Gone once the day's spend reaches the budget; the auction in which it happens still counts.
        gone = np.vstack([np.zeros(n, dtype=bool), (spent >= auctions.budgets * (1 - 1e-9))[:-1]])
        gone[starts] = auctions.budgets <= 0
        now = np.flatnonzero(gone.ravel())
        if np.array_equal(now, last):
            break
        last = now
        is_gone = np.hstack([gone, np.zeros((len(auctions), 1), dtype=bool)])
        could_bid = auctions.exists & ~is_gone[position[:, None], auctions.who]
        is_in = auctions.is_in & could_bid
    return replace(auctions, is_in=is_in, could_bid=could_bid)


def _laid_out(
    traffic: Traffic, bids: Array, worth: Array, rules: Rules, is_ranked: Mask, day: int
) -> dict[str, NDArray[np.generic]]:
    """Return the columns of one day, `[auctions, candidates]`; what the pre-ranker dropped is no candidate."""
    cells = traffic.cell_slice(day)
    start = traffic.cell_start[cells.start : cells.stop + 1]
    size = np.diff(start)
    rows = np.arange(start[0], start[-1])
    cell, column = np.repeat(np.arange(len(size)), size), rows - np.repeat(start[:-1], size)
    shape = (len(size), int(size.max(initial=1)))

    def dense(values: NDArray[np.generic], filler: float) -> NDArray[np.generic]:
        found = np.full(shape, filler, dtype=values.dtype)
        found[cell, column] = values
        return found

    own = np.where(is_ranked[rows], np.asarray(bids, dtype=np.float64)[rows], np.nan)
    clipped = np.clip(own, rules.bid_floor, rules.bid_cap)
    weight = np.repeat(traffic.weight[cells], size)
    return {
        "who": dense(np.where(is_ranked[rows], traffic.advertiser[rows], -1), -1),
        "value": dense(np.where(is_ranked[rows], worth[rows], 0.0), 0.0),
        "bid": dense(np.where(np.isnan(own), 0.0, clipped), 0.0),
        "quality": dense(rules.quality(traffic.pctr[rows]), 1.0),
        "clicks": dense(np.where(is_ranked[rows], weight * traffic.pctr[rows], 0.0), 0.0),
        "is_in": dense(np.isfinite(own), False),
        "could_bid": dense(is_ranked[rows], False),
        "external": traffic.market_ecpm[cells].astype(np.float64),
        "day": np.full(len(size), day),
        "hour": traffic.hour[cells],
        "query": traffic.query[cells],
    }


def _widened(values: NDArray[np.generic], width: int, name: str) -> NDArray[np.generic]:
    """Return an array padded to some number of candidates."""
    if values.ndim == 1 or values.shape[1] == width:
        return values
    filler = {"who": -1, "quality": 1}.get(name, 0)
    return np.pad(values, ((0, 0), (0, width - values.shape[1])), constant_values=filler)
