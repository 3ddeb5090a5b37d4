"""Make a scenario concrete: draw or read its traffic, resolve budgets, replay the baseline."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.features import feature_sums, means
from auctionsim.auction.outcome import Outcome
from auctionsim.auction.parallel.threads import in_threads, threads_for
from auctionsim.auction.rules import PreRanker, Rules
from auctionsim.auction.sources import source_of, table_candidates
from auctionsim.errors import InputError
from auctionsim.market.accounts.allotments import Account
from auctionsim.market.agencies.adoption import groups_of
from auctionsim.market.agencies.rings import rings_of, with_rings
from auctionsim.market.delays.arrivals import Delays
from auctionsim.market.market import Market
from auctionsim.market.policy import RuleClass
from auctionsim.market.size import expect_room
from auctionsim.plugins import CLASS_PATH, constructing
from auctionsim.scenario import MechanismSection, Scenario, baseline_share, profile_share, resolved_level
from auctionsim.traffic.generator import make_traffic
from auctionsim.traffic.profile import load_profile
from auctionsim.traffic.stored.store import StoredTraffic, is_stored, open_traffic
from auctionsim.traffic.table import ROW_COLUMNS, Traffic
from auctionsim.traffic.world import budget_factors

MOST_BUDGET = 1e30
"""Largest daily budget, currency, and largest number in the tables of a run."""
FindRule = Callable[[str, str], str | RuleClass]
"""`find_rule(name, place)` returns `manual` or `truthful` as it is, else a rule's class; `place` is where the name stands."""


def make_market(scenario: Scenario, seed: int | None, find_rule: FindRule) -> Market:
    """Make a scenario concrete for one seed.

    Args:
        scenario: The scenario.
        seed: Seed of the synthetic traffic; the scenario's own where None.
        find_rule: Function that resolves the names of rules that groups follow.

    Raises:
        InputError: The traffic table, profile or budgets file is wrong, or does not fit the scenario or into memory.
    """
    seed = scenario.seed if seed is None else seed
    expect_room(scenario)
    traffic = _predicted(scenario, _traffic(scenario, seed), seed)
    groups = groups_of(scenario, seed)
    fixed, learners = np.zeros((len(groups), len(FEATURES))), np.arange(len(groups))
    days, rules = scenario.traffic.all_days, rules_of(scenario.mechanism, seed)
    source = source_of(traffic, rules)
    sums, auctions = feature_sums(source, scenario.traffic.train_days)
    mean = means(sums.sum(axis=0), auctions.sum(axis=0))
    no_budgets = np.full(len(groups), np.inf)
    delays = None if scenario.delays is None else Delays.of(scenario.delays, groups, min(traffic.days), seed)
    market = Market(scenario, seed, traffic, source, rules, groups, fixed, learners, no_budgets, {}, mean, delays=delays)
    baseline = market.static(scenario.platform.baseline)
    accounts = resolved_accounts(market)
    limited = replace(market, budgets=_with_ceilings(resolved_budgets(market), accounts), accounts=accounts)
    complete = replace(limited, baseline=_outcomes(limited, days, baseline))
    return _with_rules(with_rings(complete, rings_of(scenario)), find_rule)


def rules_of(mechanism: MechanismSection, seed: int) -> Rules:
    """Return the rules of the auction that a scenario's section states.

    Args:
        mechanism: The section.
        seed: Seed of the market, from which the pre-ranker's errors are drawn.
    """
    own = mechanism.preranker
    return Rules(
        mechanism.slot_effect, mechanism.pricing, mechanism.reserve, mechanism.squash, mechanism.outcomes,
        mechanism.bid_floor, math.inf if mechanism.bid_cap is None else mechanism.bid_cap,
        None if own is None else PreRanker(own.keep, own.noise, own.score, seed),
    )  # fmt: skip


def _with_rules(market: Market, find_rule: FindRule) -> Market:
    """Return the market with the rules that its groups name; names of one class are one rule, which prepares them together."""
    named: dict[str | RuleClass, list[str]] = {}
    for name in dict.fromkeys(group.controller for group in market.groups):
        if name != "learner":
            named.setdefault(find_rule(name, _source_of(market, name)), []).append(name)
    for rule, names in named.items():
        who = np.array([i for i, group in enumerate(market.groups) if group.controller in names])
        name, source = names[0], _source_of(market, names[0])
        with constructing(name, source, "(market, advertisers)") if CLASS_PATH.match(name) else nullcontext():
            market = market.under(rule, who)
    return market


def _source_of(market: Market, name: str) -> str:
    """Return the key that names a controller, for messages."""
    controllers = [group.controller for group in market.scenario.advertisers]
    key = f"advertisers[{controllers.index(name)}].controller" if name in controllers else "adoption.otherwise"
    return f"{market.scenario.source}: {key}"


def _traffic(scenario: Scenario, seed: int) -> Traffic | StoredTraffic:
    """Draw or read the traffic that a scenario names, and check that it fits the scenario's advertisers and days."""
    section = scenario.traffic
    if section.is_synthetic:
        profile = load_profile(section.profile, scenario.folder, f"{scenario.source}: traffic.profile")
        try:
            return make_traffic(section, profile, scenario.numbered_names, seed, _disjoint_groups(scenario))
        except InputError as error:
            raise InputError(f"{scenario.source}: {error}") from error
    if scenario.given is not None:
        from auctionsim.traffic.given import given_traffic

        return given_traffic(scenario)
    path = scenario.resolve(section.source.replace("{seed}", str(seed)))
    budgets = None if section.budgets is None else scenario.resolve(section.budgets.replace("{seed}", str(seed)))
    traffic = open_traffic(path) if is_stored(path) else _loaded(path, budgets)
    expected = sum(group.count for group in scenario.advertisers)
    if expected != len(traffic.advertisers):
        raise InputError(
            f"{scenario.source}: advertisers: expected counts that add up to the {len(traffic.advertisers)} advertisers "
            f"of {path}, got {expected}"
        )
    for key in section.split_keys:
        missing = [day for day in getattr(section, key) if day not in traffic.days]
        if missing:
            raise InputError(
                f"{scenario.source}: traffic.{key}: expected days of {path} ({', '.join(map(str, traffic.days))}), "
                f"got {missing[0]}"
            )
    return traffic


def _predicted(scenario: Scenario, traffic: Traffic | StoredTraffic, seed: int) -> Traffic | StoredTraffic:
    """Return the traffic with the platform's predictions, where the scenario states their errors."""
    if scenario.predictions is None:
        return traffic
    if not isinstance(traffic, Traffic):
        raise InputError(
            f"{scenario.source}: predictions: expected a table or synthetic traffic, got the stored traffic {traffic.folder}, "
            "which holds no true rates beside the predicted ones"
        )
    from auctionsim.market.predictions.platform import predicted_traffic

    rules = rules_of(scenario.mechanism, seed)
    return predicted_traffic(traffic, scenario.predictions, rules, scenario.traffic.train_days, seed)


def _loaded(path: Path, budgets: Path | None) -> Traffic:
    """Load a table into the rows that the auction reads, so that the market holds no second copy of it."""
    # Synthetic and stored traffic need no polars, which takes a fifth of a second to import.
    from auctionsim.traffic.files import load_traffic

    table = load_traffic(path, budgets=budgets)
    candidates = table_candidates(table, quality=table.pctr)
    others = {one.name: getattr(table, one.name) for one in fields(table) if one.name not in ROW_COLUMNS}
    return Traffic.of_rows(candidates.features, advertiser=candidates.advertiser, **others)


def _disjoint_groups(scenario: Scenario) -> list[range]:
    """Return the indices of each group whose advertisers never meet in an auction."""
    ends = np.cumsum([group.count for group in scenario.advertisers]).tolist()
    return [
        range(end - group.count, end)
        for end, group in zip(ends, scenario.advertisers, strict=True)
        if group.keywords == "disjoint"
    ]


def _outcomes(market: Market, days: Sequence[int], coefficients: NDArray[np.float64]) -> dict[int, Outcome]:
    """Replay days with coefficients that hold all day, large ones at the same time."""
    n_rows = len(market.source.advertiser) if isinstance(market.source, Traffic) else 0
    blocks = in_threads(
        len(days),
        threads_for(n_rows),
        lambda block: [market.outcome(day, coefficients) for day in days[block]],
    )
    return dict(zip(days, chain.from_iterable(blocks), strict=True))


def resolved_budgets(market: Market) -> NDArray[np.float64]:
    """Return the daily budgets that a market's groups state, currency `[advertisers]`, infinite where there is none.

    `baseline*SHARE` is a share of an advertiser's mean spend on training days under the baseline when nobody has a budget,
    `profile*SHARE` a share of the mean of all advertisers' times a draw from the profile's spread, `table` the budget of the
    traffic table.

    Args:
        market: The market, without budgets and without rules.
    """
    scenario, groups, traffic = market.scenario, market.groups, market.source
    shares = [baseline_share(group.budget) for group in groups]
    spreads = [profile_share(group.budget) for group in groups]
    budgets = np.full(len(groups), np.inf)
    number = {group.group: k for k, group in enumerate(scenario.advertisers)}
    if any(share is not None for share in (*shares, *spreads)):
        spend = _unlimited_spend(market)
    if any(share is not None for share in spreads):
        profile = load_profile(scenario.traffic.profile, scenario.folder, f"{scenario.source}: traffic.profile")
        drawn = spend.mean() * budget_factors(profile, len(groups), market.seed)
    for i, (group, share) in enumerate(zip(groups, shares, strict=True)):
        own = spreads[i]
        if share is not None:
            # Of Python's numbers, whose overflow is infinite without a warning, and is refused below.
            budgets[i] = share * float(spend[i])
        elif own is not None:
            budgets[i] = own * float(drawn[i])
        elif group.budget == "table":
            if not isinstance(traffic, Traffic):
                raise InputError(
                    f"{scenario.source}: advertisers[].budget: expected numbers or shares with stored traffic, got 'table'"
                )
            assert traffic.budgets is not None
            budgets[i] = traffic.budgets[i]
        elif group.budget is not None:
            budgets[i] = float(group.budget)
        if group.budget is not None and not (group.budget == "table" and np.isinf(budgets[i])):
            _expect_counted(scenario, f"advertisers[{number[group.group]}].budget", float(budgets[i]))
    return budgets


def _expect_counted(scenario: Scenario, key: str, budget: float) -> None:
    """Refuse a budget that no table of a run can hold, such as a share of the spend that is no number."""
    if not budget <= MOST_BUDGET:
        raise InputError(f"{scenario.source}: {key}: expected a budget <= {MOST_BUDGET:g} a day, got {budget:g}")


def resolved_accounts(market: Market) -> tuple[Account, ...]:
    """Return the accounts that a market's scenario states, and the agencies with a joint budget, with budgets in currency.

    Args:
        market: The market, without budgets and without rules.
    """
    sections, found = market.scenario.accounts, []
    agencies = zip(market.scenario.agencies, market.scenario.agency_members, strict=True)
    joint = [(k, *one) for k, one in enumerate(agencies) if one[0].budget]
    spend = _unlimited_spend(market) if sections or joint else np.zeros(0)
    for k, one in enumerate(sections):
        members = np.array([i for i, group in enumerate(market.groups) if group.account == one.account])
        usual = float(spend[members].sum())
        budget, min_spend = (resolved_level(level, usual) or 0.0 for level in (one.budget, one.min_spend))
        _expect_counted(market.scenario, f"accounts[{k}].budget", budget)
        floors, ceilings = (
            budget * np.array([getattr(market.groups[i], key) for i in members]) for key in ("account_floor", "account_ceiling")
        )
        found.append(Account(one.account, members, budget, min(min_spend, budget), floors, ceilings, spend[members]))
    for k, agency, indices in joint:
        members = np.array(indices)
        budget = resolved_level(agency.budget, float(spend[members].sum())) or 0.0
        _expect_counted(market.scenario, f"agencies[{k}].budget", budget)
        all_of_it = np.full(len(members), budget)
        found.append(Account(agency.agency, members, budget, 0.0, 0.0 * all_of_it, all_of_it, spend[members]))
    return tuple(found)


def _with_ceilings(budgets: NDArray[np.float64], accounts: Sequence[Account]) -> NDArray[np.float64]:
    """Return budgets with those of campaigns: the most that their accounts let them spend."""
    for account in accounts:
        budgets[account.members] = account.ceilings
    return budgets


def _unlimited_spend(market: Market) -> NDArray[np.float64]:
    """Return each advertiser's mean spend on training days under the baseline, currency `[advertisers]`.

    Args:
        market: The market, without budgets.
    """
    baseline = market.static(market.scenario.platform.baseline)
    unlimited = _outcomes(market, market.scenario.traffic.train_days, baseline).values()
    spend: NDArray[np.float64] = np.mean([outcome.cost.sum(axis=(0, 2)) for outcome in unlimited], axis=0)
    return spend
