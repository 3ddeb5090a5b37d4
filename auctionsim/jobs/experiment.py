"""Simulate experiments on a change of a scenario."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from auctionsim import arguments
from auctionsim.agents.build import build_market
from auctionsim.analysis.experiments.arms import Arms
from auctionsim.analysis.experiments.designs import DESIGNS, Design, Switchback
from auctionsim.analysis.experiments.performance import Performance, measure, truth
from auctionsim.analysis.experiments.result import Experiment
from auctionsim.errors import InputError, shown, unknown
from auctionsim.market.market import Market
from auctionsim.names.display import ranges
from auctionsim.numbers import checked_seed, whole_number
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario, parse_scenario
from auctionsim.scenario.text import scenario_text
from auctionsim.traffic.table import HOURS

REPLICATES = 100
"""Assignments of each test by default: shares of them are known to about 2 percentage points near 95 %."""
PERIOD = 4
"""Hours of a period of the switchback by default."""


def experiment(
    source: Scenario | str | Path,
    changes: Sequence[str] = (),
    *,
    base: Sequence[str] = (),
    designs: Sequence[str] | None = None,
    days: Sequence[int] | None = None,
    replicates: int = REPLICATES,
    period: int = PERIOD,
    seed: int | None = None,
    progress: Callable[[str], None] = lambda line: None,  # noqa: ARG005
) -> Experiment:
    """Simulate A/A and A/B tests of a change by every design, beside the truth.

    Control is the scenario as it is, treatment the scenario with the change. Learners bid as the scenario's baseline does,
    everybody else by its rule. Budgets in currency stay those of control, unless the change names a budget.

    Args:
        source: A scenario, its file, or the name of a built-in one.
        changes: Items `KEY.PATH=VALUE` that make the treatment together; none for A/A tests alone.
        base: Items `KEY.PATH=VALUE` that change both arms.
        designs: Names of designs: `user`, `budget-split`, `advertiser`, `switchback` and `switchback-days`; all where None.
        days: Days of the experiment; the scenario's test days where None.
        replicates: Random assignments of each test, >= 1.
        period: Hours of a period of `switchback`, a divisor of 24 below 24.
        seed: Seed of the assignments and of synthetic traffic; the scenario's own where None.
        progress: Function that is called with a line after each test.

    Returns:
        How each design performs, by metric; designs that are not defined for the change, with the reasons.

    Raises:
        InputError: An argument is wrong, the change changes nothing, or it changes the traffic.
    """
    changes, base = arguments.texts("changes", changes), arguments.texts("base", base)
    replicates = whole_number("replicates", replicates, 1)
    chosen = _designs(designs, period)
    control = build_market(_scenario(source, base), None if seed is None else checked_seed("seed", seed))
    used = _days(control, days)
    arms = Arms(control, _treatment(control, changes) if changes else None)
    if changes:
        _expect_change(arms, changes)
    known, performances, undefined = truth(arms, used), [], {}
    for design in chosen:
        problem = design.problem(arms, used)
        if problem:
            undefined[design.name] = problem
            continue
        for is_aa in (True, False) if changes else (True,):
            performances.append(_measured(arms, design, used, replicates, is_aa=is_aa, known=known))
            progress(f"{design.name}, {'A/A' if is_aa else 'A/B'}: {replicates} experiments")
    name = control.scenario.name
    return Experiment(name, tuple(changes), used, replicates, control.seed, tuple(performances), undefined)


def _measured(
    arms: Arms, design: Design, days: tuple[int, ...], replicates: int, *, is_aa: bool, known: tuple[Any, Any]
) -> Performance:
    seed = arms.markets[0].seed
    return measure(arms, design, days, replicates, seed, is_aa=is_aa, known_truth=known)


def _scenario(source: Scenario | str | Path, base: Sequence[str]) -> Scenario:
    """Return the scenario of control."""
    if not isinstance(source, Scenario):
        return load_scenario(source, overrides=base)
    return _with(source, base) if base else source


def _with(scenario: Scenario, items: Sequence[str]) -> Scenario:
    """Return a scenario with some keys replaced."""
    changed = parse_scenario(scenario_text(scenario), scenario.source, overrides=items, folder=scenario.folder)
    return changed if scenario.given is None else changed.with_given(scenario.given)


def _treatment(control: Market, changes: Sequence[str]) -> Market:
    """Return the market with the change, on the same traffic and with control's budgets unless the change names one."""
    built = build_market(_with(control.scenario, changes), control.seed)
    names_budget = any(item.partition("=")[0].strip().endswith("budget") for item in changes)
    return built if names_budget or len(built.budgets) != len(control.budgets) else replace(built, budgets=control.budgets)


def _expect_change(arms: Arms, changes: Sequence[str]) -> None:
    """Refuse a change that no replay can see.

    Raises:
        InputError: Rules, budgets and bids are those of control.
    """
    a, b = (
        (
            market.rules,
            market.budgets.tolist(),
            [group.controller for group in market.groups],
            market.scenario.platform.baseline,
        )
        for market in arms.markets
    )
    if a == b:
        raise InputError(
            f"--set {shown(', '.join(changes))[1:-1]}: expected a change of mechanism, budgets or bidding, got one that "
            "changes none of them"
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


def _days(market: Market, days: Sequence[int] | None) -> tuple[int, ...]:
    """Return the days of the experiment, ascending."""
    if days is None:
        return tuple(market.scenario.traffic.test_days)
    chosen = sorted({whole_number("days", day, 0) for day in days})
    for day in chosen:
        if day not in market.source.days:
            raise InputError(f"days: expected days of the traffic ({ranges(market.source.days)}), got {day}")
    if not chosen:
        raise InputError("days: expected one day or more, got none")
    return tuple(chosen)
