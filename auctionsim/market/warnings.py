"""Find what is valid in a scenario and yet makes its figures meaningless: nobody who can win, a baseline that earns nothing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from auctionsim import arithmetic
from auctionsim.auction.bid_formula import STATIC_BIDS
from auctionsim.market.market import Market
from auctionsim.ratios import NotDefined, ratio_to_amount
from auctionsim.scenario import MechanismSection
from auctionsim.traffic.table import HOURS

_WORDS = {"manual": "keyword bid", "truthful": "value of a click"}


def market_warnings(market: Market) -> list[str]:
    """Return what a user should know before training, one line each; nothing if all is well.

    The baseline is replayed where a market is built. Bids are looked through only as far as an answer needs: where a reserve is
    out of reach, all of them.
    """
    found = [*_unused_candidates(market), *reserve_warnings(market, market.scenario.mechanism)]
    for key in market.scenario.traffic.split_keys:
        outcomes = [market.baseline[day] for day in getattr(market.scenario.traffic, key)]
        cost, gmv = (sum(float(getattr(one, name).sum()) for one in outcomes) for name in ("cost", "gmv"))
        ratios = {"revenue": ratio_to_amount(0.0, cost, cost), "profit": ratio_to_amount(0.0, gmv - cost, gmv + cost)}
        wrong = {name: ratio for name, ratio in ratios.items() if isinstance(ratio, NotDefined)}
        if wrong:
            has_value = _highest_bids(market, np.nextafter(0.0, 1.0))["truthful"] > 0
            reason = next(iter(wrong.values())).reason if has_value else "nothing in this traffic has a value"
            found.append(f"platform.baseline: ratios of {' and '.join(wrong)} on {key} are not defined: {reason}")
    return found


def reserve_warnings(market: Market, mechanism: MechanismSection, rules: Iterable[str] = tuple(_WORDS)) -> list[str]:
    """Return a line for each way to bid that a mechanism's reserve shuts out.

    Args:
        market: The market whose bids are looked through.
        mechanism: The mechanism, the scenario's or a changed one.
        rules: Ways to bid that are asked about: `manual` for keyword bids, `truthful` for values of a click.
    """
    cap = np.inf if mechanism.bid_cap is None else mechanism.bid_cap
    if min(mechanism.bid_floor, cap) >= mechanism.reserve:
        return []
    highest = _highest_bids(market, mechanism.reserve if cap >= mechanism.reserve else np.inf)
    return [
        f"mechanism.reserve: no {_WORDS[rule]} reaches {mechanism.reserve:g}; the highest is {highest[rule]:.4g}"
        for rule in rules
        if min(max(highest[rule], mechanism.bid_floor), cap) < mechanism.reserve
    ]


def warnings_of(markets: Iterable[Market]) -> list[str]:
    """Return the warnings of a scenario's markets, one for each seed; what several say in other numbers is said once."""
    found: dict[str, str] = {}
    for market in markets:
        for line in market_warnings(market):
            found.setdefault(line.partition(";")[0], line)
    return list(found.values())


def _unused_candidates(market: Market) -> list[str]:
    """Return a line where the scenario asks for more candidates than there are advertisers, as few as the default has."""
    traffic, everybody = market.scenario.traffic, len(market.advertisers)
    if not traffic.is_synthetic or "candidates" not in traffic.model_fields_set or traffic.candidates <= everybody:
        return []
    return [f"traffic.candidates: {traffic.candidates} are more than the {everybody} advertisers, who all meet in each auction"]


def _highest_bids(market: Market, enough: float) -> dict[str, float]:
    """Return the highest keyword bid and the highest value of a click on the scenario's days, currency per click.

    Args:
        market: The market.
        enough: A bid that both need not go beyond: the search ends where they have reached it.
    """
    highest = dict.fromkeys(_WORDS, 0.0)
    for day in sorted(market.baseline):
        for hour in range(HOURS):
            for chunk in market.traffic_source.chunks(day, hour):
                rows = slice(int(chunk.buckets.start[chunk.first_bucket]), int(chunk.buckets.start[chunk.last_bucket]))
                for rule, coefficients in STATIC_BIDS.items():
                    bids = arithmetic.dot(chunk.candidates.features[rows, : len(coefficients)], np.array(coefficients))
                    highest[rule] = max(highest[rule], float(bids.max(initial=0.0)))
                if min(highest.values()) >= enough:
                    return highest
    return highest
