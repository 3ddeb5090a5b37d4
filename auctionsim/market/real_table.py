"""Build a traffic table straight from the public files: real volumes, budgets and price level; drawn rates and values.

Measured: page views per hour and category, the week's shape, each campaign's own budget, hourly prices. Assumed, since no
source has it: rates, values, keyword bids, and which campaigns compete in which category. Assumed as well: one factor that
converts the campaigns' currency to the prices' (neither unit is stated), set so that budgets bind.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.auction.replay import replay
from auctionsim.scenario import TrafficSection
from auctionsim.streams import stream
from auctionsim.traffic.profile import CVR_LEVEL, Spreads
from auctionsim.traffic.public_data import (
    SOURCES,
    Campaign,
    campaigns,
    hourly_prices,
    page_views,
    week_factor,
    weekly_price_level,
)
from auctionsim.traffic.table import HOURS, Traffic

DAYS = 7
VIEWS_PER_CELL = 100
CANDIDATES = 8
CATEGORIES_PER_CAMPAIGN = 12
BUDGET_SHARE = 1.0
"""Sum of all daily budgets, as a share of the spend of keyword bids on an average day without budgets."""

SOURCE = "a week built from public files: real volumes, budgets and price level, drawn rates and values"
ASSUMPTIONS = (
    f"Rates, values and keyword bids are lognormal draws (conversion rates around {CVR_LEVEL:.0%} of clicks); each campaign "
    f"competes in {CATEGORIES_PER_CAMPAIGN} random categories and {CANDIDATES} of the interested campaigns meet in a cell; one "
    "factor turns the campaigns' currency into the prices', set so that the daily budgets add up to "
    f"{BUDGET_SHARE:g} times what keyword bids would spend without budgets."
)

Array = NDArray[np.float64]

_NOISE = TrafficSection()
"""Section that holds the noise of rates and keyword bids: the synthetic generator's defaults."""


def build_real_table(data: Path, seed: int) -> Traffic:
    """Build a week of traffic from the public files.

    Args:
        data: Folder with `alimama_traffic`, `avito_bat` and `nab_ad_exchange`.
        seed: Seed of everything that no source provides.

    Returns:
        Traffic of seven days, Monday first; one advertiser per campaign, with budgets.
    """
    found = campaigns(data)
    hour, day, category, weight = _cells(page_views(data), week_factor(data))
    prices = hourly_prices(data)
    traffic = _with_bidders(found, hour, day, category, weight, weekly_price_level(data), prices.ctr, seed)
    traffic = _at_price_level(traffic, prices.cpc)
    return replace(traffic, budgets=_budgets(traffic, found))


def _cells(views: NDArray[np.int64], factor: Array) -> tuple[NDArray[np.int64], ...]:
    """Return hour, day, category and weight of each cell, `[cells]` each.

    Page views of an hour and category are cut evenly into cells of at most `VIEWS_PER_CELL`: 250 into 84, 83 and 83.

    Args:
        views: Page views by hour of the day and category, `[24, categories]`.
        factor: Factor of each hour of the week, `[7, 24]`.
    """
    rows = []
    for day in range(DAYS):
        for hour in range(HOURS):
            for category in np.flatnonzero(views[hour]):
                left = round(views[hour, category] * factor[day, hour])
                n_cells = -(-left // VIEWS_PER_CELL)
                rows += [(hour, day, category, left // n_cells + (i < left % n_cells)) for i in range(n_cells)]
    return tuple(np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))


def _with_bidders(
    found: list[Campaign],
    hour: NDArray[np.int64],
    day: NDArray[np.int64],
    category: NDArray[np.int64],
    weight: NDArray[np.int64],
    level: Array,
    ctr_level: float,
    seed: int,
) -> Traffic:
    """Draw who competes in each cell, and the rates, values and keyword bids of every candidate.

    Args:
        found: The campaigns, one advertiser each.
        hour: Hour of the day of each cell, `[cells]`.
        day: Day of each cell, `[cells]`.
        category: Category of each cell, `[cells]`.
        weight: Auctions that each cell stands for, `[cells]`.
        level: Price of each hour of the week over its median, `[7, 24]`.
        ctr_level: Median click-through rate.
        seed: Seed of the draws.
    """
    n, n_categories = len(found), int(category.max()) + 1
    present = np.unique(category)

    def lognormal(purpose: str, log_sd: float, size: tuple[int, ...]) -> Array:
        return arithmetic.exp(log_sd * arithmetic.normal(stream(seed, "real", purpose), size))

    # The candidates of a cell are the interested campaigns with the largest random keys.
    interest = np.zeros((n, n_categories), dtype=bool)
    for i in range(n):
        interest[i, stream(seed, "real", "who", i).choice(present, CATEGORIES_PER_CAMPAIGN, replace=False)] = True
    keys = stream(seed, "real", "candidates").random((len(category), n))
    keys[~interest[:, category].T] = -1.0
    chosen = np.sort(np.argpartition(-keys, CANDIDATES, axis=1)[:, :CANDIDATES], axis=1)
    taking_part = np.take_along_axis(keys, chosen, axis=1) >= 0

    pair = (n, n_categories)
    spreads = Spreads()
    ctr = ctr_level * lognormal("ctr", spreads.pair_ctr, pair) * lognormal("category-ctr", spreads.query_ctr, (1, n_categories))
    cvr = CVR_LEVEL * lognormal("cvr", spreads.pair_cvr, pair) * lognormal("category-cvr", spreads.query_cvr, (1, n_categories))
    price = lognormal("value", spreads.pair_value, pair)
    keyword_bid = _NOISE.manual_share * cvr * price * lognormal("manual", _NOISE.manual_error, pair)

    cell, column = np.nonzero(taking_part)
    who, where = chosen[cell, column], category[cell]
    swing = level[day[cell], hour[cell]]
    pctr = ctr[who, where] * lognormal("ctr-noise", _NOISE.ctr_noise, who.shape)
    pcvr = cvr[who, where] * swing * lognormal("cvr-noise", _NOISE.cvr_noise, who.shape)
    pctr, pcvr = np.minimum(pctr, 1.0), np.minimum(pcvr, 1.0)
    return Traffic(
        advertisers=tuple(campaign.name for campaign in found),
        queries=tuple(f"category-{c}" for c in range(n_categories)),
        day=day,
        hour=hour,
        weight=weight,
        query=category,
        cell_start=np.concatenate([[0], np.cumsum(taking_part.sum(axis=1))]),
        advertiser=who,
        pctr=pctr,
        pcvr=pcvr,
        item_price=price[who, where],
        keyword_bid=keyword_bid[who, where] * swing,
        ctr=pctr,
        cvr=pcvr,
        market_ecpm=np.zeros(len(weight)),
        notes={"source": SOURCE, "measured": " ".join(SOURCES.values()), "supposed": ASSUMPTIONS},
    )


def _at_price_level(traffic: Traffic, cpc: float) -> Traffic:
    """Scale the currency so that keyword bids pay `cpc` per click, on average over the week."""
    spend, clicks = 0.0, 0.0
    for day in traffic.days:
        outcome = replay(traffic, day=day, coefficients=np.ones((len(traffic.advertisers), 1, 1)))
        spend, clicks = spend + outcome.cost.sum(), clicks + outcome.clicks.sum()
    scale = cpc * clicks / spend
    return replace(traffic, item_price=traffic.item_price * scale, keyword_bid=traffic.keyword_bid * scale)


def _budgets(traffic: Traffic, found: list[Campaign]) -> Array:
    """Scale the campaigns' daily budgets by one factor so that their sum is `BUDGET_SHARE` of the spend, `[advertisers]`."""
    spend = [
        replay(traffic, day=day, coefficients=np.ones((len(traffic.advertisers), 1, 1))).cost.sum() for day in traffic.days
    ]
    budget = np.array([campaign.daily_budget for campaign in found])
    return budget * BUDGET_SHARE * float(np.mean(spend)) / budget.sum()
