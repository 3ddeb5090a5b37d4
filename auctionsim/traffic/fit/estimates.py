"""The generator's parameters as a table shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError
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
from auctionsim.traffic.fit.volumes import LEAST_SHARE, daily_counts, mean_walk, query_volumes, volumes
from auctionsim.traffic.generator import make_traffic
from auctionsim.traffic.profile import Profile, Spreads
from auctionsim.traffic.table import HOURS, Traffic

_SIMULATED = 5000


@dataclass(frozen=True)
class Fit:
    """A fitted generator."""

    section: TrafficSection
    """Its days are counted from the table's first."""
    profile: Profile
    advertisers: int

    def names(self) -> tuple[str, ...]:
        """What its advertisers are called; nothing of the table's names."""
        return tuple(f"advertiser-{i}" for i in range(self.advertisers))


@dataclass(frozen=True)
class _Pairs:
    """Rows grouped by query and advertiser."""

    code: Ints
    """Pair of each row."""
    query: Ints
    advertiser: Ints
    weight: Floats
    """Auctions of each row."""
    rows: Floats
    """Rows of each pair."""

    def log_mean(self, value: Floats, noise: float) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Log of each pair's mean, its variance where each value errs by `noise` (a log variance), and where there is one."""
        mean = np.bincount(self.code, self.weight * value) / np.bincount(self.code, self.weight)
        return np.log(np.maximum(mean, 1e-300)), np.expm1(noise) / self.rows, mean > 0

    def components(self, value: Floats, noise: float) -> Components:
        """Variance components of the log of the pairs' means."""
        log, error, there = self.log_mean(value, noise)
        return variance_components(log[there], error[there], self.query[there], self.advertiser[there])


def fit_traffic(traffic: Traffic, name: str, place: str) -> Fit:
    """Fit the generator to a table.

    Args:
        traffic: The table.
        name: Of the profile.
        place: The table's file, for messages.

    Raises:
        InputError: The table is not of a kind that the generator draws.
    """
    sizes = np.diff(traffic.cell_start)
    candidates = float(np.average(sizes, weights=traffic.weight))
    if candidates < 1.5 or len(traffic.advertisers) < 2:
        raise InputError(
            f"{place}: column advertiser: expected two advertisers or more that meet, as the generator has no bidders outside, "
            f"got {candidates:.2f} candidates an auction"
        )
    for column in ("item_price", "keyword_bid", "pcvr"):
        if not (getattr(traffic, column) > 0).any():
            raise InputError(f"{place}: column {column}: expected values above 0, got none")
    pairs = _pairs(traffic)
    hours, week, per_day = volumes(traffic)
    level, hour_factor, log_sd = _prices(traffic, pairs)
    drift = drift_variance(daily_counts(traffic), np.array(traffic.days))
    volume, queries = query_volumes(traffic, drift)
    ctr_noise = pooled_variance(np.log(traffic.pctr), pairs.code)
    bought = traffic.pcvr > 0
    cvr_noise = pooled_variance(np.log(traffic.pcvr[bought] / level[bought]), _by_day(traffic, pairs)[bought])
    ctr = pairs.components(traffic.pctr, ctr_noise)
    # Conversion rates walk by half as much as volumes, each pair on its own, so that means over days lie further apart.
    walked = drift / 4 * mean_walk(len(traffic.days))
    cvr = pairs.components(traffic.pcvr / level, cvr_noise)
    value = pairs.components(traffic.item_price, 0.0)
    manual = _keyword_bids(traffic, pairs, level, cvr_noise)
    span = traffic.days[-1] - traffic.days[0] + 1
    days = max(span, 2)
    test = max(days // 3, 1)
    section = TrafficSection(
        days=days,
        auctions_per_day=max(round(per_day), 1),
        weight=max(round(float(traffic.weight.mean())), 1),
        queries=max(round(queries), 1),
        candidates=max(round(candidates), 2),
        drift=_rounded(drift**0.5),
        ctr_noise=_rounded(ctr_noise**0.5),
        cvr_noise=_rounded(cvr_noise**0.5),
        manual_share=max(_rounded(float(np.exp(manual.level))), 1e-6),
        manual_error=_rounded(max(manual.query + manual.pair - walked, 0.0) ** 0.5),
        manual_spread=_rounded(manual.advertiser**0.5),
        train_days=tuple(range(days - test)),
        test_days=tuple(range(days - test, days)),
    )
    profile = Profile(
        name=name,
        hour_share=hours,
        week_factor=week,
        category_share=np.ones(1),
        cpc=1.0,
        cpc_hour_factor=hour_factor,
        cpc_log_sd=log_sd,
        ctr=float(np.exp(ctr.level)),
        cvr=float(np.exp(cvr.level)),
        cvr_hour_factor=_purchases(traffic),
        budget_quantiles=_budgets(traffic),
        sources=(),
        spreads=_spreads(
            query_volume=volume,
            query_ctr=ctr.query**0.5,
            query_cvr=cvr.query**0.5,
            query_value=value.query**0.5,
            advertiser_ctr=ctr.advertiser**0.5,
            advertiser_value=value.advertiser**0.5,
            pair_ctr=ctr.pair**0.5,
            pair_cvr=max(cvr.advertiser + cvr.pair - walked, 0.0) ** 0.5,
            pair_value=value.pair**0.5,
        ),
    )
    fit = Fit(section, profile, len(traffic.advertisers))
    return replace(fit, profile=replace(profile, cpc=price_per_click(traffic) / _simulated_price(fit)))


def price_per_click(traffic: Traffic) -> float:
    """What a click costs when everybody places the keyword bid: one slot, second price, no reserve, candidates alone."""
    score, start = traffic.pctr * traffic.keyword_bid, traffic.cell_start
    # By cell, and best first within one.
    order = np.lexsort((-score, np.repeat(np.arange(len(start) - 1), np.diff(start))))
    winner = order[start[:-1]]
    has_second = np.diff(start) > 1
    second = np.where(has_second, score[order[np.minimum(start[:-1] + 1, len(order) - 1)]], 0.0)
    sold = score[winner] > 0
    return float((traffic.weight * second)[sold].sum() / (traffic.weight * traffic.pctr[winner])[sold].sum())


def _simulated_price(fit: Fit) -> float:
    """What a click costs in the fitted generator at a price level of 1, mean over three worlds."""
    smaller = {"auctions_per_day": min(fit.section.auctions_per_day, _SIMULATED), "weight": 1, "drift": 0.0}
    section = fit.section.model_copy(update={**smaller, "train_days": (0,), "test_days": (1,)})
    return float(np.mean([price_per_click(make_traffic(section, fit.profile, fit.names(), seed)) for seed in range(3)]))


def _pairs(traffic: Traffic) -> _Pairs:
    key = np.repeat(traffic.query, np.diff(traffic.cell_start)) * len(traffic.advertisers) + traffic.advertiser
    which, code, rows = np.unique(key, return_inverse=True, return_counts=True)
    query, advertiser = np.divmod(which, len(traffic.advertisers))
    return _Pairs(code, query, advertiser, traffic.row_weight.astype(np.float64), rows.astype(np.float64))


def _prices(traffic: Traffic, pairs: _Pairs) -> tuple[Floats, Floats, float]:
    """The price level of each row's hour, the curve over the day, and the spread around it; keyword bids move with it."""
    hour = np.searchsorted(np.array(traffic.days), traffic.row_day) * HOURS + traffic.row_hour
    placed = traffic.keyword_bid > 0
    _, effect = additive_effects(np.log(traffic.keyword_bid[placed]), pairs.code[placed], hour[placed])
    grid = np.full(len(traffic.days) * HOURS, np.nan)
    grid[: len(effect)][np.bincount(hour[placed], minlength=len(effect)) > 0] = effect[np.unique(hour[placed])]
    by_hour = grid.reshape(-1, HOURS)
    seen = np.isfinite(by_hour)
    mean = np.where(seen, by_hour, 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    freedom = np.maximum(seen.sum(axis=0) - 1, 0).sum()
    spread = float(np.where(seen, (by_hour - mean) ** 2, 0).sum() / freedom) ** 0.5 if freedom else 0.0
    centre = np.log(np.average(np.exp(mean), weights=np.bincount(traffic.hour, traffic.weight, minlength=HOURS)))
    return np.exp(np.nan_to_num(grid)[hour] - centre), np.exp(mean - centre), spread


def _by_day(traffic: Traffic, pairs: _Pairs) -> Ints:
    """Pair and day of each row as one number; conversion rates drift from day to day."""
    return np.unique(pairs.code * (traffic.days[-1] + 1) + traffic.row_day, return_inverse=True)[1]


def _keyword_bids(traffic: Traffic, pairs: _Pairs, level: Floats, cvr_noise: float) -> Components:
    """Components of the log of keyword bids over the pair's mean value of a click."""
    log_value, error, has_value = pairs.log_mean(traffic.pcvr / level * traffic.item_price, cvr_noise)
    log_bid, _, has_bid = pairs.log_mean(traffic.keyword_bid / level, 0.0)
    both = has_value & has_bid
    ratio = (log_bid - log_value)[both]
    return variance_components(ratio, error[both], pairs.query[both], pairs.advertiser[both])


def _purchases(traffic: Traffic) -> Floats:
    """True conversions over predicted ones by hour."""
    clicks = traffic.row_weight * traffic.pctr
    true, predicted = (np.bincount(traffic.row_hour, clicks * rate, minlength=HOURS) for rate in (traffic.cvr, traffic.pcvr))
    return np.maximum(np.divide(true, predicted, out=np.ones(HOURS), where=predicted > 0), LEAST_SHARE)


def _budgets(traffic: Traffic) -> Floats:
    if traffic.budgets is None:
        return np.ones(2)
    return np.quantile(traffic.budgets / np.median(traffic.budgets), np.linspace(0, 1, 21))


def _spreads(**values: float) -> Spreads:
    return Spreads(**{name: _rounded(float(value)) for name, value in values.items()})


def _rounded(value: float) -> float:
    return round(value, 6)
