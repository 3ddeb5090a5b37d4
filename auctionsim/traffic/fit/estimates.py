"""Estimates of the synthetic generator's parameters from a traffic table."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace

import numpy as np

from auctionsim import arithmetic
from auctionsim.errors import InputError
from auctionsim.ratios import safe_ratio
from auctionsim.scenario import TrafficSection
from auctionsim.traffic.fit.components import (
    Components,
    Floats,
    Ints,
    additive_effects,
    drift_variance,
    pooled_variance,
    variance_components,
)
from auctionsim.traffic.fit.limits import check_spreads, check_table
from auctionsim.traffic.fit.pairs import Pairs, group_pairs
from auctionsim.traffic.fit.volumes import MIN_SHARE, daily_counts, mean_walk, query_volumes, volumes
from auctionsim.traffic.generator import make_traffic
from auctionsim.traffic.profile import Profile, Spreads
from auctionsim.traffic.table import HOURS, KEYWORD_BID_COLUMN, Traffic

_SIMULATED_AUCTIONS = 5000


@dataclass(frozen=True)
class Fit:
    """A fitted generator."""

    section: TrafficSection
    """Settings of the generator. Days count from the table's first."""
    profile: Profile
    """Figures that the generator is calibrated on."""
    advertisers: int
    """Number of advertisers."""
    budget_share: float | None = None
    """Median budget over the mean spend of an advertiser and day under keyword bids, the SHARE of `profile*SHARE`; None without
    budgets."""

    def names(self) -> tuple[str, ...]:
        """Return numbered names for the advertisers, in place of the table's."""
        return tuple(f"advertiser_{i}" for i in range(self.advertisers))


@dataclass(frozen=True)
class _Estimates:
    """Variances and components estimated from a table. Rates, values and bids are in logs."""

    drift: float
    """Variance per day of query volumes."""
    ctr_noise: float
    """Variance of pctr within a pair."""
    cvr_noise: float
    """Variance of pcvr within a pair and day."""
    ctr: Components
    cvr: Components
    value: Components
    keyword_bid: Components
    """Components of the keyword bid over the pair's mean value of a click."""
    walk: float
    """Variance that the drift of conversion rates adds to their means over days."""


def fit_traffic(traffic: Traffic, name: str, source: str) -> Fit:
    """Fit the generator to a table.

    Args:
        traffic: The table.
        name: Name of the fitted profile.
        source: The table's file, for messages.

    Raises:
        InputError: The generator cannot draw such a table: its advertisers do not meet, all prices, bids or rates are 0, or
            values, days or spreads are beyond its range.
    """
    candidates = check_table(traffic, source)
    # Whatever overflows here ends as a spread that is not finite, which `check_spreads` refuses.
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        fit = _fitted(traffic, name, source, candidates)
        price, unit_price = price_per_click(traffic), _simulated_price(fit)
    if not (unit_price > 0 and np.isfinite(price / unit_price)):
        raise InputError(f"{source}: expected a table whose fit sells clicks at a price > 0, got {unit_price:g} per click")
    return replace(fit, profile=replace(fit.profile, cpc=price / unit_price), budget_share=_budget_share(traffic))


def _fitted(traffic: Traffic, name: str, source: str, candidates: float) -> Fit:
    """Return the fit at a price level of 1; `candidates` is the mean number of candidates per auction."""
    pairs = group_pairs(traffic)
    hours, week, per_day = volumes(traffic)
    level, hour_factor, log_sd = _prices(traffic, pairs)
    found = _estimates(traffic, pairs, level, source)
    volume, queries = query_volumes(traffic, found.drift)
    spreads = _spreads(found, volume)
    section = _section(traffic, found, (per_day, queries, candidates), source)
    check_spreads({"prices between hours": log_sd, **asdict(spreads)}, source)
    profile = Profile(
        name=name,
        hour_share=hours,
        week_factor=week,
        category_share=np.ones(1),
        cpc=1.0,
        cpc_hour_factor=hour_factor,
        cpc_log_sd=log_sd,
        ctr=float(arithmetic.exp(found.ctr.level)),
        cvr=float(arithmetic.exp(found.cvr.level)),
        cvr_hour_factor=_purchases(traffic),
        budget_quantiles=_budgets(traffic),
        sources=(),
        spreads=spreads,
    )
    return Fit(section, profile, len(traffic.advertisers))


def price_per_click(traffic: Traffic) -> float:
    """Compute the mean price per click under keyword bids: one slot, second price, no reserve, no external competitors.

    Returns:
        The price, currency per click; NaN if no bid is > 0.
    """
    return safe_ratio(*_paid_and_clicks(traffic))


def _paid_and_clicks(traffic: Traffic) -> tuple[float, float]:
    """Return the spend of all days, currency, and the clicks for which it is paid, in the auction of `price_per_click`."""
    score, start = traffic.pctr * traffic.keyword_bid, traffic.cell_start
    # Rows sorted by cell, and by falling score within a cell.
    order = np.lexsort((-score, np.repeat(np.arange(len(start) - 1), np.diff(start))))
    winner = order[start[:-1]]
    has_second = np.diff(start) > 1
    second = np.where(has_second, score[order[np.minimum(start[:-1] + 1, len(order) - 1)]], 0.0)
    sold = score[winner] > 0
    paid, clicks = (traffic.weight * second)[sold].sum(), (traffic.weight * traffic.pctr[winner])[sold].sum()
    return float(paid), float(clicks)


def _estimates(traffic: Traffic, pairs: Pairs, level: Floats, source: str) -> _Estimates:
    """Estimate noise, drift and components; `level` is the price level of each row's hour."""
    drift = drift_variance(daily_counts(traffic), np.array(traffic.days))
    ctr_noise = pooled_variance(arithmetic.log(traffic.pctr), pairs.code)
    bought = traffic.pcvr > 0
    cvr_noise = pooled_variance(arithmetic.log(traffic.pcvr[bought] / level[bought]), _by_day(traffic, pairs)[bought])
    return _Estimates(
        drift=drift,
        ctr_noise=ctr_noise,
        cvr_noise=cvr_noise,
        ctr=pairs.components(traffic.pctr, ctr_noise),
        cvr=pairs.components(traffic.pcvr / level, cvr_noise),
        value=pairs.components(traffic.item_price, 0.0),
        keyword_bid=_keyword_bids(traffic, pairs, level, cvr_noise, source),
        # Log conversion rates walk half as far as log volumes, each pair on its own: a quarter of the variance.
        walk=drift / 4 * mean_walk(len(traffic.days)),
    )


def _section(traffic: Traffic, found: _Estimates, counts: tuple[float, float, float], source: str) -> TrafficSection:
    """Write the estimates as the scenario's section; `counts` are auctions per day, queries, and candidates per auction."""
    check_spreads(
        {
            "query volumes from day to day": math.sqrt(found.drift),
            "pctr within a query and advertiser": math.sqrt(found.ctr_noise),
            "pcvr within a query, advertiser and day": math.sqrt(found.cvr_noise),
            "keyword bids": math.sqrt(found.keyword_bid.query + found.keyword_bid.pair),
            "keyword bids between advertisers": math.sqrt(found.keyword_bid.advertiser),
        },
        source,
    )
    per_day, queries, candidates = counts
    days = max(traffic.days[-1] - traffic.days[0] + 1, 2)
    test = max(days // 3, 1)
    bid = found.keyword_bid
    return TrafficSection(
        days=days,
        auctions_per_day=max(round(per_day), 1),
        weight=max(round(float(traffic.weight.mean())), 1),
        queries=max(round(queries), 1),
        candidates=max(round(candidates), 2),
        drift=_rounded(math.sqrt(found.drift)),
        ctr_noise=_rounded(math.sqrt(found.ctr_noise)),
        cvr_noise=_rounded(math.sqrt(found.cvr_noise)),
        manual_share=max(_rounded(float(arithmetic.exp(bid.level))), 1e-6),
        manual_error=_rounded(math.sqrt(max(bid.query + bid.pair - found.walk, 0.0))),
        manual_spread=_rounded(math.sqrt(bid.advertiser)),
        train_days=tuple(range(days - test)),
        test_days=tuple(range(days - test, days)),
    )


def _spreads(found: _Estimates, volume: float) -> Spreads:
    """Write the components as the profile's spreads; `volume` is the log standard deviation of query volumes."""
    values = {
        "query_volume": volume,
        "query_ctr": math.sqrt(found.ctr.query),
        "query_cvr": math.sqrt(found.cvr.query),
        "query_value": math.sqrt(found.value.query),
        "advertiser_ctr": math.sqrt(found.ctr.advertiser),
        "advertiser_value": math.sqrt(found.value.advertiser),
        "pair_ctr": math.sqrt(found.ctr.pair),
        # The generator has no spread of conversion rates between advertisers, so it is part of the pairs'.
        "pair_cvr": math.sqrt(max(found.cvr.advertiser + found.cvr.pair - found.walk, 0.0)),
        "pair_value": math.sqrt(found.value.pair),
    }
    return Spreads(**{name: _rounded(float(value)) for name, value in values.items()})


def _simulated_price(fit: Fit) -> float:
    """Return the price per click of the fitted generator at a price level of 1, the mean over three worlds."""
    auctions = min(fit.section.auctions_per_day, _SIMULATED_AUCTIONS)
    smaller = {"auctions_per_day": auctions, "weight": 1, "drift": 0.0}
    section = fit.section.model_copy(update={**smaller, "train_days": (0,), "test_days": (1,)})
    return float(np.mean([price_per_click(make_traffic(section, fit.profile, fit.names(), seed)) for seed in range(3)]))


def _prices(traffic: Traffic, pairs: Pairs) -> tuple[Floats, Floats, float]:
    """Estimate the price level of hours from keyword bids, which move with it.

    Returns:
        The level of each row's hour, the mean curve over the day, `[24]`, and the log standard deviation of hours around it.
    """
    hour = np.searchsorted(np.array(traffic.days), traffic.row_day) * HOURS + traffic.row_hour
    placed = traffic.keyword_bid > 0
    _, effect = additive_effects(arithmetic.log(traffic.keyword_bid[placed]), pairs.code[placed], hour[placed])
    grid = np.full(len(traffic.days) * HOURS, np.nan)
    grid[: len(effect)][np.bincount(hour[placed], minlength=len(effect)) > 0] = effect[np.unique(hour[placed])]
    by_hour = grid.reshape(-1, HOURS)
    seen = np.isfinite(by_hour)
    mean = np.where(seen, by_hour, 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    freedom = np.maximum(seen.sum(axis=0) - 1, 0).sum()
    spread = math.sqrt(np.where(seen, np.square(by_hour - mean), 0).sum() / freedom) if freedom else 0.0
    centre = arithmetic.log(
        np.average(arithmetic.exp(mean), weights=np.bincount(traffic.hour, traffic.weight, minlength=HOURS))
    )
    return arithmetic.exp(np.nan_to_num(grid)[hour] - centre), arithmetic.exp(mean - centre), spread


def _by_day(traffic: Traffic, pairs: Pairs) -> Ints:
    """Number the pair and day of each row, as conversion rates drift from day to day."""
    return np.unique(pairs.code * (traffic.days[-1] + 1) + traffic.row_day, return_inverse=True)[1]


def _keyword_bids(traffic: Traffic, pairs: Pairs, level: Floats, cvr_noise: float, source: str) -> Components:
    """Estimate the components of the log of keyword bids over the pair's mean value of a click."""
    log_value, error, has_value = pairs.log_mean(traffic.pcvr / level * traffic.item_price, cvr_noise)
    log_bid, _, has_bid = pairs.log_mean(traffic.keyword_bid / level, 0.0)
    both = has_value & has_bid
    if not both.any():
        raise InputError(f"{source}: column {KEYWORD_BID_COLUMN}: expected bids > 0 where a click has a value, got none")
    ratio = (log_bid - log_value)[both]
    return variance_components(ratio, error[both], pairs.query[both], pairs.advertiser[both])


def _purchases(traffic: Traffic) -> Floats:
    """Compute true over predicted conversions by hour, `[24]`."""
    clicks = traffic.row_weight * traffic.pctr
    true, predicted = (np.bincount(traffic.row_hour, clicks * rate, minlength=HOURS) for rate in (traffic.cvr, traffic.pcvr))
    return np.maximum(np.divide(true, predicted, out=np.ones(HOURS), where=predicted > 0), MIN_SHARE)


def _budget_share(traffic: Traffic) -> float | None:
    """Return the median budget over what an advertiser spends a day without budgets; None where either is unknown or 0."""
    if traffic.budgets is None:
        return None
    spend = _paid_and_clicks(traffic)[0] / (len(traffic.days) * len(traffic.advertisers))
    share = safe_ratio(float(np.median(traffic.budgets)), spend)
    return share if np.isfinite(share) and share > 0 else None


def _budgets(traffic: Traffic) -> Floats:
    """Return 21 even quantiles of budgets over their median; ones if the table has no budgets."""
    if traffic.budgets is None:
        return np.ones(2)
    return np.quantile(traffic.budgets / np.median(traffic.budgets), np.linspace(0, 1, 21))


def _rounded(value: float) -> float:
    return round(value, 6)
