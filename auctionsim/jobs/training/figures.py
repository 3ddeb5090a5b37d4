"""Measure learned policies in currency and counts on some days: what sweeps rank trials by, and what `train` prints.

Ratios to a baseline have no place here: a baseline that loses money would turn a ranking around, and trials whose auction rules
differ have different baselines.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.policies.base import Constant, Policy
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV, Outcome
from auctionsim.auction.sources import known_outcomes
from auctionsim.errors import InputError, shown
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.constraints import constraints_in
from auctionsim.objectives.fitness import day_score, violations
from auctionsim.objectives.goals import day_totals
from auctionsim.runs import Run

_MOST = 1e300
METRICS: Mapping[str, str] = {
    "profit": "total profit of all advertisers, currency a day",
    "revenue": "the platform's revenue, currency a day",
    "learner_profit": "total profit of the advertisers that learn, currency a day",
    "learner_gmv": "total GMV of the advertisers that learn, currency a day",
    "learner_clicks": "clicks of the advertisers that learn, a day",
    "learner_conversions": "conversions of the advertisers that learn, a day",
    "fitness": "mean fitness of the advertisers that learn: their objectives over the baseline's, less penalties",
}
"""Figures by name, with their meaning. All are means over seeds and days."""
SHORTFALL = "shortfall"
"""The figure of constraints: how far `[platform]`'s floors were missed, relative to them, mean over seeds and days; 0 if all
were kept on every day."""

FIGURES = (*METRICS, SHORTFALL, "baseline_profit", "baseline_revenue")
"""Names of all figures of a split."""


def checked_figures(source: Path, figures: Any) -> dict[str, dict[str, float | None]]:
    """Return the figures that a job kept on disk, as `run_figures` made them.

    Args:
        source: The file, for the message.
        figures: The JSON value that it holds.

    Raises:
        InputError: It is none of a run's figures.
    """
    is_right = isinstance(figures, dict) and set(figures) == {"train", "test"}
    if not is_right or not all(_are_figures(split) for split in figures.values()):
        raise InputError(
            f"{source}: expected a trial's figures of train and test, got {shown(figures)} (remove it: it is made again)"
        )
    found: dict[str, dict[str, float | None]] = figures
    return found


def run_figures(run: Run, markets: Mapping[int, Market], iteration: int | None = None) -> dict[str, Any]:
    """Measure a run's policies on training and on test days.

    Args:
        run: The run folder.
        markets: The market of each seed.
        iteration: The iteration of the checkpoint to measure; None for the last one.

    Returns:
        For `train` and `test` each figure by its name in `METRICS` or `SHORTFALL`, and `baseline_profit` and
        `baseline_revenue`; None for a figure that is not a finite number, or that the traffic does not know.

    Raises:
        InputError: There is no such checkpoint.
    """
    policies = _policies(run, markets, iteration)
    traffic = next(iter(markets.values())).scenario.traffic
    figures = {}
    for split, days in (("train", traffic.train_days), ("test", traffic.test_days)):
        each = [
            _day_figures(market, day, simulate_day(market, day, policies[seed]).outcome, known)
            for seed, market in markets.items()
            for known in (known_outcomes(market.traffic_source, days)[:, None],)
            for day in days
        ]
        means: list[float] = np.mean(each, axis=0).tolist()
        figures[split] = {name: mean if np.isfinite(mean) else None for name, mean in zip(FIGURES, means, strict=True)}
    return figures


def figures_line(figures: Mapping[str, Mapping[str, float | None]], *, has_profit: bool = True) -> str:
    """Return profit and revenue of training and test days in one line; revenue alone where the traffic knows no profit."""
    train, test = figures["train"], figures["test"]
    if not has_profit:
        return (
            f"currency a day on training days (test days): revenue {_shown(train['revenue'])} ({_shown(test['revenue'])}), "
            "total profit not defined"
        )
    return (
        f"currency a day on training days (test days): total profit {_shown(train['profit'])} ({_shown(test['profit'])}), "
        f"revenue {_shown(train['revenue'])} ({_shown(test['revenue'])})"
    )


def _are_figures(split: Any) -> bool:
    if not isinstance(split, dict) or set(split) != set(FIGURES):
        return False
    return all(value is None or (type(value) in (int, float) and abs(value) < _MOST) for value in split.values())


def _policies(run: Run, markets: Mapping[int, Market], iteration: int | None) -> dict[int, Policy]:
    """Return the policy of each seed: the learned one, or the rules where nobody learns."""
    if not any(len(market.learners) for market in markets.values()):
        return {seed: Constant(market.fixed[:, :, None]) for seed, market in markets.items()}
    learner = make_learner(run.scenario())
    states = run.load_checkpoint(run.last_checkpoint() if iteration is None else iteration)
    return {seed: learner.policy(market, states[seed]) for seed, market in markets.items()}


def _day_figures(market: Market, day: int, outcome: Outcome, known: NDArray[np.float64]) -> list[float]:
    """Return one day's figures, in the order of their names; `known` are the `known_outcomes`, `[5, 1]`."""
    totals, goals, baseline = day_totals(outcome), goals_of(market, day), day_totals(market.baseline[day]) * known
    learners = totals[market.learners] * known
    found = violations(totals, goals)
    missed = [float(found[one.key][0]) for one in constraints_in(found) if not one.is_each]
    fitness = day_score(totals, goals, market.scenario.learner)[market.learners]
    return [
        _profit(totals * known),
        float(totals[:, COST].sum()),
        _profit(learners),
        *(float(learners[:, column].sum()) for column in (GMV, CLICKS, CONVERSIONS)),
        float(fitness.mean()) if len(fitness) else np.nan,
        sum(max(0.0, violation) for violation in missed),
        _profit(baseline),
        float(baseline[:, COST].sum()),
    ]


def _profit(totals: NDArray[np.float64]) -> float:
    return float((totals[:, GMV] - totals[:, COST]).sum())


def _shown(value: float | None) -> str:
    return "not defined" if value is None else f"{value:,.2f}" if abs(value) >= 1000 else f"{value:.6g}"
