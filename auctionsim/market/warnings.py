"""Find what is valid in a scenario and yet makes its figures meaningless: nobody who can win, a baseline that earns nothing."""

from __future__ import annotations

import numpy as np

from auctionsim import arithmetic
from auctionsim.auction.bid_formula import STATIC_BIDS
from auctionsim.market.market import Market
from auctionsim.ratios import NotDefined, ratio_to_amount
from auctionsim.traffic.table import HOURS

_WORDS = {"manual": "keyword bid", "truthful": "value of a click"}


def market_warnings(market: Market) -> list[str]:
    """Return what a user should know before training, one line each; nothing if all is well."""
    found = _unused_candidates(market)
    mechanism, highest = market.scenario.mechanism, _highest_bids(market)
    for rule, bid in highest.items():
        raised = min(max(bid, mechanism.bid_floor), np.inf if mechanism.bid_cap is None else mechanism.bid_cap)
        if raised < mechanism.reserve:
            found.append(f"mechanism.reserve: no {_WORDS[rule]} reaches {mechanism.reserve:g}; the highest is {bid:.4g}")
    for key in market.scenario.traffic.split_keys:
        outcomes = [market.baseline[day] for day in getattr(market.scenario.traffic, key)]
        cost, gmv = (sum(float(getattr(one, name).sum()) for one in outcomes) for name in ("cost", "gmv"))
        ratios = {"revenue": ratio_to_amount(0.0, cost, cost), "profit": ratio_to_amount(0.0, gmv - cost, gmv + cost)}
        wrong = {name: ratio for name, ratio in ratios.items() if isinstance(ratio, NotDefined)}
        if wrong:
            reason = next(iter(wrong.values())).reason if highest["truthful"] > 0 else "nothing in this traffic has a value"
            found.append(f"platform.baseline: ratios of {' and '.join(wrong)} on {key} are not defined: {reason}")
    return found


def _unused_candidates(market: Market) -> list[str]:
    """Return a line where the scenario asks for more candidates than there are advertisers, as few as the default has."""
    traffic, everybody = market.scenario.traffic, len(market.advertisers)
    if not traffic.is_synthetic or "candidates" not in traffic.model_fields_set or traffic.candidates <= everybody:
        return []
    return [f"traffic.candidates: {traffic.candidates} are more than the {everybody} advertisers, who all meet in each auction"]


def _highest_bids(market: Market) -> dict[str, float]:
    """Return the highest keyword bid and the highest value of a click on the scenario's days, currency per click."""
    highest = dict.fromkeys(_WORDS, 0.0)
    for day in sorted(market.baseline):
        for hour in range(HOURS):
            for chunk in market.traffic_source.chunks(day, hour):
                rows = slice(int(chunk.buckets.start[chunk.first_bucket]), int(chunk.buckets.start[chunk.last_bucket]))
                for rule, coefficients in STATIC_BIDS.items():
                    bids = arithmetic.dot(chunk.candidates.features[rows, : len(coefficients)], np.array(coefficients))
                    highest[rule] = max(highest[rule], float(bids.max(initial=0.0)))
    return highest
