"""Days that are hard to pace: what traffic there is, what budgets there are, and when either changes.

Campaigns meet an outside market whose prices are lognormal. Values of an impression are lognormal, too; an impression is
certainly clicked, and a conversion is worth 1. Training days are as expected; test days hold the case's surprise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.streams import stream
from auctionsim.traffic.table import HOURS, Traffic

Array = NDArray[np.float64]

TRAIN_DAYS, TEST_DAYS = (0, 1), (2, 3)
NOON = 12
_PRICE_LEVEL = 1.2
"""Mean price over mean value of an impression."""
_VALUE_SPREAD, _PRICE_SPREAD = 0.6, 0.5
_KEYWORD_BID = 0.8
"""Keyword bid over mean value of an impression."""
TIGHT, LOOSE = 0.4, 10.0
"""Budgets as a share of what bidding the value costs: one that binds, and one that cannot be spent at the target."""
SMALL, LARGE = 0.05, 0.8
_DUST = 0.5
"""Budget as a share of the lowest price of a training day."""


@dataclass(frozen=True)
class Case:
    """A day that is hard to pace."""

    words: str
    """Description of what happens, a sentence."""
    shares: tuple[float, ...] = (TIGHT, LOOSE, TIGHT, LOOSE, TIGHT, LOOSE)
    """Budget of each campaign as a share of what bidding the value costs on a training day."""
    rates: tuple[float, ...] = ()
    """Mean conversion rate of each campaign; 0.2 for all if empty."""
    is_seasonal: bool = False
    """Whether traffic peaks at 20 h and prices peak at 9 h, on all days."""
    is_disturbed: bool = False
    """Whether traffic of test days vanishes from 8 to 12 h and doubles from 14 to 18 h."""
    is_shared: bool = False
    """Whether all campaigns meet in the same auctions; otherwise each has auctions of its own."""
    is_dust: bool = False
    """Whether every budget is below the price of one impression."""
    is_account: bool = False
    """Whether all campaigns spend one budget, of which each hour they may spend equal parts of what is left."""
    cut: float = 0.0
    """Share of the day's budget that is withdrawn at noon of test days."""
    delay: int = 0
    """Hours by which reports of spend and results are late. The platform stops serving by the reports, too."""

    @property
    def n_campaigns(self) -> int:
        """Return the number of campaigns."""
        return len(self.shares)


CASES: dict[str, Case] = {
    "steady": Case("Traffic, prices and budgets as on training days, alike in all hours: the control."),
    "season": Case("Traffic peaks at 20 h, prices at 9 h, as on training days.", is_seasonal=True),
    "budget cut": Case("At noon 39 % of the day's budget is withdrawn.", cut=0.39),
    "dust": Case("Every budget is half of the lowest price of an impression.", is_dust=True),
    "large and small": Case(
        "One large and four small budgets in the same auctions.", (LARGE, SMALL, SMALL, SMALL, SMALL), is_shared=True
    ),
    "late reports": Case("Reports are two hours late, and the platform stops serving by them.", delay=2),
    "vanish and double": Case("Traffic vanishes from 8 to 12 h and doubles from 14 to 18 h.", is_disturbed=True),
    "account, .3 and .1": Case(
        "Two campaigns with conversion rates of .3 and .1 spend one budget.", (TIGHT, TIGHT), (0.3, 0.1), is_account=True
    ),
    "account, .2 and .2": Case(
        "The same with rates of .2 and .2: the symmetric control.", (TIGHT, TIGHT), (0.2, 0.2), is_account=True
    ),
}
"""The cases by name."""


def auctions_by_hour(case: Case, day: int, per_hour: int) -> NDArray[np.int64]:
    """Return the number of auctions of each campaign in each hour of a day, `[24]`.

    Args:
        case: The case.
        day: The day; training days have no disturbance.
        per_hour: The mean number in an hour.
    """
    level = 1 + 0.8 * _wave(20) if case.is_seasonal else np.ones(HOURS)
    if case.is_disturbed and day in TEST_DAYS:
        level[8:12] = 0.0
        level[14:18] *= 2.0
    return np.rint(per_hour * level).astype(np.int64)


def case_traffic(case: Case, seed: int, per_hour: int) -> Traffic:
    """Draw the traffic of a case: two training days, then two test days.

    Args:
        case: The case.
        seed: The seed of values and prices.
        per_hour: The mean number of auctions of a campaign in an hour.
    """
    n = case.n_campaigns
    rates = np.array(case.rates or (0.2,) * n)
    counts = np.stack([auctions_by_hour(case, day, per_hour) for day in (*TRAIN_DAYS, *TEST_DAYS)])
    # Auctions of all campaigns take turns within an hour.
    cells = (counts if case.is_shared else n * counts).ravel()
    day, hour = (np.repeat(index.ravel(), cells) for index in np.indices(counts.shape))
    n_cells, per_cell = len(day), n if case.is_shared else 1
    who = np.arange(n_cells * per_cell) % n
    rng = stream(seed, "pacing", n, *(int(1000 * rate) for rate in rates))
    value = rates[who] * _lognormal(rng, len(who), _VALUE_SPREAD)
    price = _PRICE_LEVEL * float(rates.mean()) * _lognormal(rng, n_cells, _PRICE_SPREAD)
    if case.is_seasonal:
        price = price * (1 + 0.5 * _wave(9))[hour]
    ones, pcvr = np.ones(len(who)), np.minimum(value, 1.0)
    return Traffic(
        advertisers=tuple(f"campaign-{i}" for i in range(n)),
        queries=("query",),
        day=day, hour=hour, weight=np.ones(n_cells, dtype=np.int64), query=np.zeros(n_cells, dtype=np.int64),
        cell_start=np.arange(n_cells + 1) * per_cell, advertiser=who,
        pctr=ones, pcvr=pcvr, item_price=ones, keyword_bid=_KEYWORD_BID * rates[who], ctr=ones, cvr=pcvr,
        market_ecpm=price,
    )  # fmt: skip


def case_budgets(case: Case, traffic: Traffic) -> Array:
    """Return the daily budget of each campaign, currency `[campaigns]`; of an account each has an equal part.

    Args:
        case: The case.
        traffic: The case's traffic, of which training days are looked at.
    """
    n, cell = case.n_campaigns, np.repeat(np.arange(len(traffic.day)), np.diff(traffic.cell_start))
    is_train, price = np.isin(traffic.day, TRAIN_DAYS)[cell], traffic.market_ecpm[cell]
    if case.is_dust:
        return np.full(n, _DUST * float(price[is_train].min()))
    is_bought = is_train & (price <= traffic.pcvr * traffic.item_price)
    spend = np.bincount(traffic.advertiser, np.where(is_bought, price, 0.0), minlength=n) / len(TRAIN_DAYS)
    budgets = np.array(case.shares) * spend
    return np.full(n, float(budgets.mean())) if case.is_account else budgets


def _lognormal(rng: np.random.Generator, size: int, spread: float) -> Array:
    """Draw factors with mean 1."""
    return np.asarray(arithmetic.exp(spread * arithmetic.normal(rng, (size,)) - spread * spread / 2))


def _wave(peak: int) -> Array:
    """Return a curve over the hours between -1 and 1 that peaks at an hour, `[24]`."""
    return np.asarray(arithmetic.cos(2 * np.pi * (np.arange(HOURS) - peak) / HOURS))
