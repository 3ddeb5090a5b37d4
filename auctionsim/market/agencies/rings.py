"""Let agencies withhold bids: of one with `coordination`, a single member bids in each auction."""

from __future__ import annotations

from dataclasses import replace

from auctionsim.auction.rules import Ring
from auctionsim.auction.sources import source_of
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario


def rings_of(scenario: Scenario) -> tuple[Ring, ...]:
    """Return the agencies of whose members one bids in each auction."""
    agencies = zip(scenario.agencies, scenario.agency_members, strict=True)
    return tuple(Ring(members, one.coordination) for one, members in agencies if one.coordination != "none")


def with_rings(market: Market, rings: tuple[Ring, ...]) -> Market:
    """Return the market under other rings; its baseline, the reference of every ratio, stays as it is.

    Args:
        market: The market.
        rings: The rings; none of them for the competitive market of the same traffic.
    """
    if rings == market.rules.rings:
        return market
    rules = replace(market.rules, rings=rings)
    return replace(market, rules=rules, traffic_source=source_of(market.source, rules))
