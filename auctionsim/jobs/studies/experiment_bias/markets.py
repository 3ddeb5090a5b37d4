"""The markets of the study, each with a change: control and treatment on the same traffic."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from auctionsim.agents.build import build_market
from auctionsim.analysis.experiments.arms import Arms
from auctionsim.scenario.file import load_scenario
from auctionsim.traffic.given import scenario_for
from auctionsim.traffic.table import HOURS, Traffic

DAYS, TRAIN_DAYS = 8, 4
_TRAFFIC = (
    f"traffic.days={DAYS}",
    "traffic.train_days=[0,1,2,3]",
    "traffic.test_days=[4,5,6,7]",
    "traffic.auctions_per_day=10000",
)
_GROUPS = 4
_HALF = tuple(f'advertisers.{i}.budget="baseline*0.5"' for i in range(_GROUPS))
_KEYWORD_BIDS = tuple(f"advertisers.{i}.controller=manual" for i in range(_GROUPS))
ONE_BUDGET, BIDS, THROTTLING, RESERVE = "one budget", "bids, no budgets", "throttling", "reserve, half budgets"


@dataclass(frozen=True)
class Change:
    """A market with a change, and the designs that it is tested by."""

    scenario: str
    """Built-in scenario; empty for the instance of one budget."""
    base: tuple[str, ...]
    change: tuple[str, ...]
    designs: tuple[str, ...]
    words: str
    """Description of control and treatment."""


CHANGES: dict[str, Change] = {
    ONE_BUDGET: Change(
        "", (), (), ("user", "budget-split", "switchback", "switchback-days"),
        "One advertiser with a budget of 0.1 an auction, reserve 0.2 in control and 0.4 in treatment: with everybody in either "
        "arm the budget is spent, so that the true effect is 0. With a shared budget an auction of treatment takes twice as "
        "much as one of control, so that treatment gets 2/3 of the budget: an estimate of +2/3 of revenue.",
    ),
    BIDS: Change(
        "three-arms", _TRAFFIC, ("platform.baseline=truthful",), ("user", "advertiser"),
        "Twelve advertisers without budgets bid their keyword bids in control, the value of a click in treatment: the change "
        "affects bids alone.",
    ),
    THROTTLING: Change(
        "taobao-mix", (*_TRAFFIC, *_KEYWORD_BIDS, *_HALF),
        tuple(f"advertisers.{i}.controller=throttle" for i in range(_GROUPS)),
        ("user", "budget-split", "switchback-days"),
        "Twelve advertisers have half the budget that their keyword bids would spend. In control they enter every auction "
        "until it is gone, in treatment a share of all auctions (throttling).",
    ),
    RESERVE: Change(
        "taobao-mix", (*_TRAFFIC, *_KEYWORD_BIDS, *_HALF), ("mechanism.reserve=0.2",),
        ("user", "budget-split", "switchback", "switchback-days"),
        "The same advertisers and budgets; the reserve is 0.2 in treatment.",
    ),
}  # fmt: skip
"""The changes by name."""


def arms_of(name: str, seed: int) -> Arms:
    """Return control and treatment of a change, on the traffic of a seed."""
    change = CHANGES[name]
    if not change.scenario:
        return _one_budget(seed)
    control, treatment = (
        build_market(load_scenario(change.scenario, overrides=[*change.base, *items]), seed) for items in ((), change.change)
    )
    return Arms(control, replace(treatment, budgets=control.budgets))


def _one_budget(seed: int) -> Arms:
    """Return the instance of one advertiser and one budget."""
    per_hour = 200
    traffic = identical_days(np.array([[1.0]]), DAYS, per_hour)
    budget = {traffic.advertisers[0]: 0.1 * per_hour * HOURS}
    control, treatment = (
        build_market(scenario_for(traffic, budgets=budget, overrides=[f"mechanism.reserve={reserve}"]), seed)
        for reserve in (0.2, 0.4)
    )
    return Arms(control, replace(treatment, budgets=control.budgets))


def identical_days(values: np.ndarray, n_days: int, per_hour: int) -> Traffic:
    """Return days of auctions in which every advertiser is a candidate, is clicked and converts; queries take turns.

    Args:
        values: Value of a click, which is the keyword bid, `[queries, advertisers]`, currency.
        n_days: Number of days, 0 and on.
        per_hour: Auctions of an hour.
    """
    n_queries, n = values.shape
    cells = n_days * HOURS * per_hour
    query = np.arange(cells) % n_queries
    ones = np.ones(cells * n)
    price = values[query].ravel()
    return Traffic(
        advertisers=_names("advertiser", n),
        queries=_names("query", n_queries),
        day=np.repeat(np.arange(n_days), HOURS * per_hour),
        hour=np.tile(np.repeat(np.arange(HOURS), per_hour), n_days),
        weight=np.ones(cells, dtype=np.int64),
        query=query,
        cell_start=np.arange(cells + 1) * n,
        advertiser=np.tile(np.arange(n), cells),
        pctr=ones, pcvr=ones, item_price=price, keyword_bid=price, ctr=ones, cvr=ones,
        market_ecpm=np.zeros(cells),
    )  # fmt: skip


def _names(word: str, n: int) -> tuple[str, ...]:
    return tuple(f"{word}-{i}" for i in range(n))
