"""Ask what other bids and budgets would deliver to an advertiser, its rivals being fixed or adapting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arguments
from auctionsim.analysis.whatif.curves import BID_FACTORS, SPEND_SHARES, TARGETS, Curve
from auctionsim.analysis.whatif.landscape import Landscape
from auctionsim.analysis.whatif.left_out import BUDGET_SHARE, GROUPS, DealtDay
from auctionsim.analysis.whatif.replays import Replays
from auctionsim.auction.day import run_day
from auctionsim.auction.outcome import COST, GMV, OUTCOMES
from auctionsim.auction.sources import TrafficSource, known_outcomes
from auctionsim.errors import InputError, shown, suggestion
from auctionsim.jobs.whatif.ask import chosen_days, logged_fit, step_counter
from auctionsim.jobs.whatif.change import warn_of_reserves
from auctionsim.jobs.whatif.opened import Opened, open_source
from auctionsim.jobs.whatif.replaying import own_bids, replay_days, unknown_note
from auctionsim.jobs.whatif.settling import settle
from auctionsim.market.market import Market
from auctionsim.market.policy import Constant
from auctionsim.names.display import ranges, some
from auctionsim.numbers import checked_seed, number_above, truth_value

Array = NDArray[np.float64]


def landscape(
    source: Any,
    advertisers: str | Sequence[str] = (),
    *,
    adapt: bool = False,
    target_cpa: float | None = None,
    target_roas: float | None = None,
    base: Sequence[str] = (),
    budgets: Any = None,
    days: Sequence[int] | None = None,
    intervals: bool = True,
    seed: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Landscape:
    """Return what 20 bids and 20 budgets would deliver to one advertiser, to some, or to all.

    Bids are 0.1 to 8 times the advertiser's own in every auction; budgets are so many times its own, or shares of what it
    spends where it has none.

    Args:
        source: A scenario, a traffic table or stored traffic, as `auctionsim.whatif` takes them.
        advertisers: Names of the advertisers; all where empty.
        adapt: Whether to add curves on which the rivals adapt: at each point they take the best multiples of their own bids, in
            turn, until nobody gains by moving.
        target_cpa: Cost per conversion, currency > 0, that a bid and a budget are looked for to meet; None for none.
        target_roas: GMV per cost > 0 that a bid and a budget are looked for to meet; None for none.
        base: Items `KEY.PATH=VALUE` that say more about the starting point, for example a log's own mechanism.
        budgets: Daily budgets of a table, as `load_traffic` takes them.
        days: Days to replay; all where None, or the test days where bids are fitted to the training days.
        intervals: Whether to resample; without it each day is replayed once.
        seed: Seed of synthetic traffic, sampled outcomes and groups of auctions; the scenario's own where None.
        progress: Function that is called with a step's name and the share that is done.

    Returns:
        The curves: tables, figures, text and files.

    Raises:
        InputError: The source, an advertiser or another argument is wrong, or a rule bids for a named advertiser.

    Example:
        curves = auctionsim.landscape("log.parquet", "acme", target_cpa=20.0)
        curves.table, curves.targets, curves.figure("acme")
    """
    seed = None if seed is None else checked_seed("seed", seed)
    intervals, adapt = truth_value("intervals", intervals), truth_value("adapt", adapt)
    given = {"cpa": target_cpa, "roas": target_roas}
    targets = {name: number_above(f"target_{name}", given[name], 0) for name in TARGETS if given[name] is not None}
    names = [advertisers] if isinstance(advertisers, str) else arguments.texts("advertisers", advertisers)
    opened = open_source(source, base=base, budgets=budgets, seed=seed)
    market = opened.market
    chosen = chosen_days(opened, (), days)
    who, notes = _who(opened, names)
    dealt = {day: DealtDay(market.traffic_source, day, market.seed) for day in chosen}
    unchanged = replay_days(market, Constant(own_bids(market)), dealt, with_intervals=False)
    if adapt and not unchanged.sums[:, GMV].sum() > 0:
        raise InputError(f"{opened.name}: expected conversions with a value, for whose profit rivals adapt, got none")
    warned = warn_of_reserves(opened)
    step = step_counter(progress, len(who) * (4 if adapt else 2))
    curves = []
    for i in who:
        for points in _points(market, unchanged, i, len(chosen)):
            for is_adapting in (False, True) if adapt else (False,):
                curves.append(_curve(market, dealt, i, points, is_adapting=is_adapting, intervals=intervals))
                step(market.advertisers[i])
    fit = logged_fit(opened, unchanged, chosen, None)
    notes.append(f"Days {ranges(chosen)}. Rivals that are fixed bid as before, whatever the advertiser does.")
    if adapt:
        notes.append("Rivals that adapt take the best multiples of their own bids, in turn; budgets stay.")
    notes += unknown_note(known_outcomes(market.traffic_source, chosen))
    return Landscape(opened.name, chosen, fit, tuple(curves), targets, tuple(notes), warned)


def _who(opened: Opened, names: Sequence[str]) -> tuple[list[int], list[str]]:
    """Return the advertisers whose curves are asked for, and a note on those who are left out."""
    market, known = opened.market, opened.market.advertisers
    for name in names:
        if name not in known:
            raise InputError(
                f"--advertiser {shown(name, 60)[1:-1]}: expected one of the {len(known)} advertisers of {opened.name} "
                f"({some(known)}), got {shown(name)}{suggestion(name, known)}"
            )
        if market.is_ruled[known.index(name)]:
            raise InputError(f"--advertiser {name}: expected bids that hold all day, got a rule that bids hour by hour")
    if names:
        return [known.index(name) for name in dict.fromkeys(names)], []
    ruled = np.flatnonzero(market.is_ruled)
    notes = [f"Left out, as rules bid for them hour by hour: {some([known[i] for i in ruled])}."] if len(ruled) else []
    return np.flatnonzero(~market.is_ruled).tolist(), notes


def _points(market: Market, unchanged: Replays, i: int, days: int) -> list[Curve]:
    """Return the curves of an advertiser without outcomes: its bids, and its budgets where it has one or spends."""
    nothing = Replays(np.zeros((0, 0, 5)), np.zeros((0, 5)))
    name, own = market.advertisers[i], own_bids(market)[i, :, 0]
    mean_bid = float((market.mean_features[i] * own).sum())
    curves = [Curve(name, "bid", "fixed", mean_bid * BID_FACTORS, BID_FACTORS, nothing)]
    if np.isfinite(market.budgets[i]):
        curves.append(Curve(name, "budget", "fixed", market.budgets[i] * BID_FACTORS, BID_FACTORS, nothing))
    elif unchanged.total[i, COST] > 0:
        spend = float(unchanged.total[i, COST]) / days
        curves.append(Curve(name, "budget", "fixed", spend * SPEND_SHARES, SPEND_SHARES, nothing))
    return curves


def _curve(market: Market, dealt: dict[int, DealtDay], i: int, points: Curve, *, is_adapting: bool, intervals: bool) -> Curve:
    """Return a curve with its outcomes."""
    multiplier = np.ones((len(market.advertisers), len(points.x)))
    limits = np.repeat(market.budgets[:, None], len(points.x), axis=1)
    if points.kind == "bid":
        multiplier[i] = points.factor
    else:
        limits[i] = points.x
    own = own_bids(market)
    if not is_adapting:
        return replace(points, replays=_replays(market, dealt, i, own * multiplier[:, None, :], limits, intervals=intervals))
    rivals = np.flatnonzero(~market.is_ruled & (np.arange(len(multiplier)) != i))
    settled = settle(market, tuple(dealt), own, rivals, start=multiplier, budgets=limits)
    replays = _replays(market, dealt, i, settled.bids(own), limits, intervals=intervals)
    most = float(settled.exploitability.max())
    return replace(points, rivals="adapting", replays=replays, is_settled=settled.is_settled, exploitability=most)


def _replays(market: Market, dealt: dict[int, DealtDay], i: int, bids: Array, limits: Array, *, intervals: bool) -> Replays:
    """Replay days at all points side by side; returns one advertiser's outcomes, with points in place of advertisers."""
    whole, without = [], []
    for day, groups in dealt.items():
        whole.append(_one(market, day, i, bids, limits, market.traffic_source))
        if intervals:
            parts = (groups.without(market.traffic_source, group) for group in range(GROUPS))
            without.append(np.stack([_one(market, day, i, bids, limits * BUDGET_SHARE, part) for part in parts]))
    known = known_outcomes(market.traffic_source, dealt)
    every = np.stack(whole) * known
    return Replays(every, every.sum(axis=1), np.stack(without) * known if intervals else None)


def _one(market: Market, day: int, i: int, bids: Array, limits: Array, source: TrafficSource) -> Array:
    """Return one advertiser's outcomes of a day at each point, `[P, 5]`."""
    outcome = run_day(market.day(day, bids.shape[2], source=source, budgets=limits), lambda _: bids)
    return np.stack([getattr(outcome, name)[:, i].sum(axis=0) for name in OUTCOMES], axis=1)
