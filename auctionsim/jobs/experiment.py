"""Simulate experiments on a change of a scenario or of a traffic table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from auctionsim import arguments
from auctionsim.analysis.experiments.arms import METRICS, Arms, metrics
from auctionsim.analysis.experiments.designs import DESIGNS, Design, Switchback
from auctionsim.analysis.experiments.performance import measure, truth
from auctionsim.analysis.experiments.result import Experiment
from auctionsim.auction.sources import known_outcomes, unknown_reason
from auctionsim.errors import InputError, shown, unknown
from auctionsim.jobs.whatif.ask import chosen_days
from auctionsim.jobs.whatif.change import read_changes, warn_of_reserves
from auctionsim.jobs.whatif.changed import changed_market
from auctionsim.jobs.whatif.opened import open_source
from auctionsim.market.market import Market
from auctionsim.numbers import checked_seed, whole_number
from auctionsim.traffic.table import FIGURES_NOTE, HOURS

REPLICATES = 100
"""Assignments of each test by default: shares of them are known to about 2 percentage points near 95 %."""
PERIOD = 4
"""Hours of a period of the switchback by default."""


def experiment(
    source: Any,
    changes: str | Sequence[str] = (),
    *,
    base: Sequence[str] = (),
    budgets: Any = None,
    designs: Sequence[str] | None = None,
    days: Sequence[int] | None = None,
    replicates: int = REPLICATES,
    period: int = PERIOD,
    seed: int | None = None,
    progress: Callable[[str], None] = lambda line: None,  # noqa: ARG005
) -> Experiment:
    """Simulate A/A and A/B tests of a change by every design, beside the truth.

    Control is the market as it is, treatment the market with the change. Learners bid as the scenario's baseline does,
    everybody else by its rule.

    Args:
        source: A scenario (object, file or built-in name) or a traffic table, as `auctionsim.whatif` takes them; no stored
            traffic.
        changes: Items `KEY.PATH=VALUE`, as `auctionsim.whatif` takes them, which make the treatment together; none for A/A
            tests alone.
        base: Items `KEY.PATH=VALUE` that say more about both arms.
        budgets: Daily budgets of a table, as `load_traffic` takes them.
        designs: Names of designs: `user`, `budget-split`, `advertiser`, `switchback` and `switchback-days`; all where None.
        days: Days of the experiment; all where None, or the test days where bids are fitted to the training days.
        replicates: Random assignments of each test, >= 1.
        period: Hours of a period of `switchback`, a divisor of 24, < 24.
        seed: Seed of the assignments and of synthetic traffic; the scenario's own where None.
        progress: Function that is called with a line after each test.

    Returns:
        How each design performs, by metric; designs that are not defined for the change, with the reasons.

    Raises:
        InputError: The source, the change or another argument is wrong, or the change changes nothing.
    """
    items = (changes,) if isinstance(changes, str) else tuple(arguments.texts("changes", changes))
    replicates = whole_number("replicates", replicates, 1)
    chosen = _designs(designs, period)
    opened = open_source(source, base=base, budgets=budgets, seed=None if seed is None else checked_seed("seed", seed))
    asked = read_changes(opened, [",".join(items)], ()) if items else ()
    used, control = chosen_days(opened, asked, days), opened.market
    arms = Arms(control, changed_market(control, asked[0]) if asked else None)
    if asked:
        _expect_change(control, arms.markets[1], asked[0].label)
    warned = warn_of_reserves(opened, asked)
    known, performances, undefined = truth(arms, used), [], {}
    for design in chosen:
        problem = design.problem(arms, used)
        if problem:
            undefined[design.name] = problem
            continue
        for is_aa in (True, False) if asked else (True,):
            performances.append(measure(arms, design, used, replicates, control.seed, is_aa=is_aa, known_truth=known))
            progress(f"{design.name}, {'A/A' if is_aa else 'A/B'}: {replicates} experiments")
    found, figures = tuple(performances), control.source.notes.get(FIGURES_NOTE, "")
    outcomes = known_outcomes(control.traffic_source, used)
    unknown_metrics = {
        name: unknown_reason(outcomes) for name, one in zip(METRICS, metrics(outcomes), strict=True) if np.isnan(one)
    }
    return Experiment(
        opened.name, items, used, replicates, control.seed, found, undefined, everywhere=known, figures=figures,
        unknown=unknown_metrics, warnings=warned,
    )  # fmt: skip


def _expect_change(control: Market, treatment: Market, label: str) -> None:
    """Refuse a change after which rules, budgets and bids are those of control.

    Raises:
        InputError: It changes nothing.
    """
    one, other = ((market.rules, market.budgets.tolist(), repr(market.fixed.tolist())) for market in (control, treatment))
    if one == other and control.rule_policies == treatment.rule_policies:
        raise InputError(
            f"--set {shown(label, 100)[1:-1]}: expected a change of mechanism, budgets or bids, got what holds already"
        )


def _designs(names: Sequence[str] | None, period: int) -> list[Design]:
    """Return the designs by their names, `switchback` with its period."""
    period = whole_number("period", period, 1)
    if HOURS % period or period == HOURS:
        raise InputError(f"period: expected a divisor of 24, < 24, got {period}")
    known: dict[str, Design] = {**DESIGNS, "switchback": Switchback(period)}
    wanted = list(known) if names is None else list(dict.fromkeys(arguments.texts("designs", names)))
    for name in wanted:
        if name not in known:
            raise unknown("design", name, known)
    return [known[name] for name in wanted]
