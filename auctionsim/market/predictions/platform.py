"""Put the platform's predictions in the place of a table's: with errors, then calibrated. True rates stay aside.

What the platform knows when it calibrates are the clicks and conversions of the ads that were shown on training days under
keyword bids and raw predictions. Budgets, a pre-ranker and examination stand aside: an ad's clicks are those that it would have
in the first slot. So a calibrator learns from winners, whose predictions are too high more often than not, and is applied to
all candidates. The clicks are drawn as `sampled` outcomes are, whatever the scenario's outcomes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.realized_rates import realized_rates
from auctionsim.auction.rules import PreRanker, Rules
from auctionsim.auction.sources import ranked_rows
from auctionsim.market.predictions.calibrators import fitted
from auctionsim.market.predictions.errors import mispredicted
from auctionsim.scenario.predictions import PredictionsSection
from auctionsim.traffic.table import Traffic

Array = NDArray[np.float64]


def predicted_traffic(
    traffic: Traffic, section: PredictionsSection, rules: Rules, train_days: tuple[int, ...], seed: int
) -> Traffic:
    """Return a table with the platform's predictions, and the true rates of the given one.

    Args:
        traffic: The table, whose `pctr` and `pcvr` get errors.
        section: Errors and calibration.
        rules: The auction's rules, by which ads are shown on training days.
        train_days: Days whose clicks and conversions calibrators are fitted to.
        seed: Seed of errors and clicks.

    Raises:
        MissingExtra: The calibration needs scikit-learn, which is not installed.
    """
    pctr, pcvr = traffic.pctr, traffic.pcvr
    if section.pctr.is_off:
        pctr = np.maximum(mispredicted(pctr, traffic, section.pctr, "pctr", seed), np.finfo(np.float64).tiny)
    if section.pcvr.is_off:
        pcvr = mispredicted(pcvr, traffic, section.pcvr, "pcvr", seed)
    raw = replace(traffic, pctr=pctr, pcvr=pcvr, ctr=np.array(traffic.ctr), cvr=np.array(traffic.cvr))
    if section.calibration == "none":
        return raw
    pctr, pcvr = _calibrated(raw, section.calibration, rules, train_days, seed)
    return replace(raw, pctr=pctr, pcvr=pcvr)


def shown_rows(traffic: Traffic, rules: Rules) -> NDArray[np.bool_]:
    """Return the rows that are shown under keyword bids without budgets, `[rows]`: the best of each auction, one a slot."""
    # An exact pre-ranker with as many places as slots keeps them, and besides what is below the reserve where room is left.
    is_best = ranked_rows(traffic, replace(rules, preranker=PreRanker(len(rules.slot_effect))))
    bid = np.clip(traffic.keyword_bid, rules.bid_floor, rules.bid_cap)
    return is_best & (bid >= rules.reserve)


def _calibrated(raw: Traffic, method: str, rules: Rules, train_days: tuple[int, ...], seed: int) -> tuple[Array, Array]:
    """Return calibrated pctr and pcvr of every row, `[rows]` each."""
    seen = shown_rows(raw, rules) & np.isin(raw.row_day, train_days)
    click_rate, conversion_rate = realized_rates(raw, seed)
    impressions = raw.row_weight.astype(np.float64)
    clicks = np.round(click_rate * impressions)
    conversions = np.round(conversion_rate * clicks)
    who, n = np.array(raw.advertiser), len(raw.advertisers)
    found = []
    for predicted, trials, hits in ((raw.pctr, impressions, clicks), (raw.pcvr, clicks, conversions)):
        calibrated = fitted(method, predicted[seen], trials[seen], hits[seen], who[seen], n)
        found.append(np.clip(calibrated(np.array(predicted), who), 0.0, 1.0))
    return np.maximum(found[0], np.finfo(np.float64).tiny), found[1]
