"""Ask what would be: replay a scenario's or a log's own bids under changes, on the same auctions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from auctionsim import arguments
from auctionsim.analysis.whatif.answer import ChangeAnswer
from auctionsim.analysis.whatif.left_out import DealtDay
from auctionsim.analysis.whatif.log_fit import LogFit, observed_totals
from auctionsim.analysis.whatif.replays import Replays
from auctionsim.analysis.whatif.whatif import WhatIf
from auctionsim.auction.sources import known_outcomes
from auctionsim.errors import InputError, shown
from auctionsim.jobs.whatif.change import Change, read_changes, warn_of_reserves
from auctionsim.jobs.whatif.changed import changed_market
from auctionsim.jobs.whatif.opened import Opened, open_source
from auctionsim.jobs.whatif.reacting import REACTIONS, Reacted, expect_values, unchanged_reaction
from auctionsim.jobs.whatif.reacting import react as react_to
from auctionsim.jobs.whatif.replaying import own_bids, replay_days, unknown_note
from auctionsim.market.policy import Constant
from auctionsim.names.display import ranges
from auctionsim.numbers import checked_seed, truth_value, whole_number
from auctionsim.traffic.table import FIGURES_NOTE, REPLAY_NOTE


def whatif(
    source: Any,
    changes: str | Sequence[str] = (),
    *,
    grid: str | Sequence[str] = (),
    base: Sequence[str] = (),
    budgets: Any = None,
    days: Sequence[int] | None = None,
    observed: Any = None,
    react: str | None = None,
    intervals: bool = True,
    seed: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> WhatIf:
    """Replay a scenario's or a log's own bids under changes, and say what each does to the market and to whom.

    Args:
        source: A scenario (object, file or built-in name), a traffic table (object, frame, Parquet or CSV file), or stored
            traffic (object or folder). In a table everybody bids the keyword bid.
        changes: Changes, each `KEY.PATH=VALUE` or several of these with commas: `mechanism.reserve=0.3,mechanism.pricing=vcg`.
            Keys: `mechanism.*`; `advertisers.budget` and `advertisers.controller`, with the name of a group or of an
            advertiser between the two words where it is about these alone. `*1.1` multiplies what is there;
            `advertisers.controller=NAME@0.5` is a bidding product that half of the advertisers adopt, drawn by the seed.
        grid: Items `KEY.PATH=VALUE,VALUE,...`: a change for each value, of several items for each combination.
        base: Items `KEY.PATH=VALUE` that say more about the starting point, for example a log's own mechanism.
        budgets: Daily budgets of a table, as `load_traffic` takes them.
        days: Days to replay; all where None, or the test days where bids are fitted to the training days.
        observed: Observed totals by advertiser, to compare the unchanged replay with (`analysis.whatif.log_fit`).
        react: Reaction of advertisers to each change, on the training days: `rules` fits rules again, `best-response` also lets
            everybody else take the best multiple of its own bids, in turn, until nobody gains by moving, `learners` trains
            the scenario's learner instead; None for not at all. The unchanged market is then answered with the same
            reaction too, and changes are compared with that.
        intervals: Whether to resample; without it each day is replayed once.
        seed: Seed of synthetic traffic, sampled outcomes, groups of auctions and adopters; the scenario's own where None.
        progress: Function that is called with a step's name and the share that is done.

    Returns:
        The answer: tables, figures, text and files. Unchanged figures equal those of `auctionsim.replay`, to the last digit.

    Raises:
        InputError: The source, a change or another argument is wrong.

    Example:
        answer = auctionsim.whatif("log.parquet", ["mechanism.reserve=0.3", "mechanism.pricing=vcg"])
        answer.changes, answer.advertiser_table, answer.figure("revenue")
    """
    seed = None if seed is None else checked_seed("seed", seed)
    intervals = truth_value("intervals", intervals)
    sets = [changes] if isinstance(changes, str) else arguments.texts("changes", changes)
    grids = [grid] if isinstance(grid, str) else arguments.texts("grid", grid)
    opened = open_source(source, base=base, budgets=budgets, seed=seed)
    asked = read_changes(opened, sets, grids)
    if react is not None:
        arguments.one_of("--react", react, REACTIONS)
        asked = (unchanged_reaction(opened), *asked)
    chosen = chosen_days(opened, asked, days, is_fitted=react is not None)
    market = opened.market
    dealt = {day: DealtDay(market.traffic_source, day, market.seed) for day in chosen}
    step = step_counter(progress, len(chosen) * (len(asked) + 1))
    own, count = Constant(own_bids(market)), partial(step, "unchanged")
    unchanged = replay_days(market, own, dealt, with_intervals=intervals, progress=count)
    log_fit = logged_fit(opened, unchanged, chosen, observed)
    if react is not None:
        expect_values(opened, unchanged, react)
    warned = warn_of_reserves(opened, asked)
    answers = []
    for change in asked:
        reacted = _reacted(opened, change, react)
        count = partial(step, change.label)
        replays = replay_days(reacted.market, reacted.policy, dealt, with_intervals=intervals, progress=count)
        answers.append(ChangeAnswer(change.label, replays, reacted.found, reacted.said))
    notes = (*_notes(opened, asked, chosen, react), *unknown_note(known_outcomes(market.traffic_source, chosen)))
    first = answers[0] if react else None
    return WhatIf(opened.name, market.advertisers, chosen, log_fit, unchanged, tuple(answers), notes, first, warned)


def _reacted(opened: Opened, change: Change, how: str | None) -> Reacted:
    """Return the market of a change and everybody's bids in it."""
    if how is not None:
        return react_to(opened, change, how)
    changed = changed_market(opened.market, change)
    return Reacted(changed, Constant(own_bids(changed)), {}, "")


def step_counter(progress: Callable[[str, float], None] | None, total: int) -> Callable[[str], None]:
    """Return a function to be called with a step's name after each of `total` steps, which reports the share that is done."""
    done = 0

    def step(what: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(what, min(done / total, 1.0))

    return step


def chosen_days(
    opened: Opened, asked: Sequence[Change], days: Sequence[int] | None, *, is_fitted: bool = False
) -> tuple[int, ...]:
    """Return the days to replay: those asked for, or all, or the test days where bids are fitted to the training days."""
    if days is None:
        is_fitted |= bool(opened.market.rule_policies) or any(change.is_fitted for change in asked)
        return tuple(sorted(opened.market.scenario.traffic.test_days)) if is_fitted else opened.days
    if not arguments.is_listing(days) or not len(days):
        raise InputError(f"days: expected one or more days of {ranges(opened.days)}, got {shown(days)}")
    chosen = sorted({whole_number("days", day, 0) for day in days})
    for day in chosen:
        if day not in opened.days:
            raise InputError(f"days: expected days of {opened.name} ({ranges(opened.days)}), got {day}")
    return tuple(chosen)


def logged_fit(opened: Opened, unchanged: Replays, days: Sequence[int], observed: Any) -> LogFit:
    """Return how well the unchanged replay reproduces the log."""
    market = opened.market
    auctions = market.source.notes.get(REPLAY_NOTE, "")
    if market.scenario.traffic.is_synthetic:
        reason = "the traffic is synthetic, there is no log"
    else:
        reason = "the table says nothing of the log's outcomes (map them in ingest, or give totals with --observed)"
    totals = () if observed is None else observed_totals(observed, unchanged, days, market.advertisers)
    return LogFit(auctions, reason, totals)


def _notes(opened: Opened, asked: Sequence[Change], days: Sequence[int], react: str | None) -> tuple[str, ...]:
    """Say what was assumed, one sentence each."""
    market = opened.market
    rules, section = market.rules, market.scenario.traffic
    slots = len(rules.slot_effect)
    mechanism = (
        f"{rules.pricing}, {slots} slot{'s' if slots > 1 else ''}, reserve {rules.reserve:g}, squashing {rules.squash:g}"
    )
    if rules.preranker is not None:
        mechanism += f", the best {rules.preranker.keep} candidates of a pre-ranker"
    notes = [f"Unchanged mechanism: {mechanism}" + (" (--base states another)." if opened.is_table else ".")]
    limited = int((market.budgets < float("inf")).sum())
    notes.append(f"Days {ranges(days)}; {limited} of {len(market.advertisers)} advertisers have a budget.")
    if react or any(change.is_fitted for change in asked) or market.rule_policies:
        overlap = set(days) & set(section.train_days)
        where = "the same days, so that they look better than on new days" if overlap else "not the days that are replayed"
        notes.append(f"Bids that are fitted are fitted to days {ranges(sorted(section.train_days))}: {where}.")
    if react is None:
        notes.append("Advertisers do not react: everybody bids as before (--react lets them).")
    if rules.outcomes == "sampled":
        notes.append(
            "Clicks and conversions are drawn; the same ad in the same auction has the same outcome under every change."
        )
    if FIGURES_NOTE in market.source.notes:
        notes.append(f"Figures of the traffic: {market.source.notes[FIGURES_NOTE]}")
    return tuple(notes)
