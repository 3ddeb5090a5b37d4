"""Make the market of a change: the same auctions and bids, another mechanism, other budgets, other bidding products."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import numpy as np

from auctionsim.agents.policies.registry import find_rule
from auctionsim.auction.sources import source_of
from auctionsim.errors import InputError
from auctionsim.jobs.whatif.change import AdvertiserItem, Change
from auctionsim.market.agencies.rings import with_rings
from auctionsim.market.build import resolved_budgets, rules_of
from auctionsim.market.market import Market
from auctionsim.plugins import CLASS_PATH, constructing, expect_code_allowed


def changed_market(market: Market, change: Change, *, is_refitted: bool = False) -> Market:
    """Return the market of a change.

    Budgets stay what they are in currency, also those that a scenario states as a share of the baseline's spend. Bidding
    products are fitted to the market as it was, which is what was known before the change, or to the changed one.

    Args:
        market: The market as it is.
        change: The change.
        is_refitted: Whether all rules are fitted to the changed market's training days.

    Raises:
        InputError: A bidding product cannot be found, or names a class where no code may run; or a factor makes a budget
            infinite.
    """
    changed, rules = market, replace(rules_of(change.mechanism, market.seed), rings=market.rules.rings)
    for item in change.items:
        changed = changed if item.controller else _with_budgets(changed, market, item)
    source = source_of(market.source, rules)
    if is_refitted:
        changed = _refitted(replace(changed, rules=rules, traffic_source=source))
    for item in change.items:
        changed = _adopted(changed, item, change.label) if item.controller else changed
    return replace(changed, rules=rules, traffic_source=source)


def _refitted(market: Market) -> Market:
    """Return the market with its rules fitted to it, and the baseline that they look at replayed in it."""
    plain = replace(market, rule_policies=())
    bids, alone = market.static(market.scenario.platform.baseline), with_rings(plain, ())
    refitted = replace(plain, baseline={day: alone.outcome(day, bids) for day in market.baseline})
    for who, _ in market.rule_policies:
        name = market.groups[int(who[0])].controller
        found = find_rule(name, market.scenario.source, *market.scenario.code_folders)
        refitted = refitted.under(found, who)
    return refitted


def _with_budgets(changed: Market, market: Market, item: AdvertiserItem) -> Market:
    budgets = changed.budgets.copy()
    if item.factor is not None:
        with np.errstate(over="ignore"):
            budgets[item.who] *= item.factor
        if not np.isfinite(budgets[np.isfinite(changed.budgets)]).all():
            raise InputError(f"advertisers.budget: expected a factor that leaves budgets finite, got *{item.factor:g}")
    elif item.scenario is not None:
        # As the scenario's own: shares are of what is spent without coordination.
        stated = with_rings(market, ()).without_budgets().with_goals(item.scenario)
        budgets[item.who] = resolved_budgets(stated)[item.who]
    return replace(changed, budgets=budgets)


def _adopted(changed: Market, item: AdvertiserItem, label: str) -> Market:
    assert item.controller is not None
    source, name = f"--set {label}", item.controller
    if CLASS_PATH.match(name):
        expect_code_allowed(name, source)
    rule = find_rule(name, source, *changed.scenario.code_folders)
    with constructing(name, source, "(market, advertisers)") if CLASS_PATH.match(name) else nullcontext():
        return changed.under(rule, np.asarray(item.who))
