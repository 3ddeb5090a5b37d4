"""Find rules by name: the built-in ones, and a user's own by `package.module:Class`."""

from __future__ import annotations

import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import STATIC_BIDS
from auctionsim.errors import InputError, RenamedWarning
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, RuleClass
from auctionsim.plugins import load_class
from auctionsim.scenario import AUTOBIDDERS

_RULES = {
    "linear": "auctionsim.agents.policies.pacing.linear:Linear",
    "ortb": "auctionsim.agents.policies.pacing.ortb:Ortb",
    "pid": "auctionsim.agents.policies.pacing.pid:Pid",
    "dual-pacing": "auctionsim.agents.policies.pacing.dual_pacing:DualPacing",
    "timetable": "auctionsim.agents.policies.pacing.timetable:Timetable",
    "throttle": "auctionsim.agents.policies.pacing.throttle:Throttle",
    "uscb-oracle": "auctionsim.agents.policies.pacing.uscb_oracle:UscbOracle",
    **dict.fromkeys(AUTOBIDDERS, "auctionsim.agents.policies.autobidding.rule:Autobidder"),
}


def find_rule(name: str, source: str = "controller", *folders: Path | None) -> str | RuleClass:
    """Find the rule of a name.

    Args:
        name: `manual` or `truthful`, whose bids never change; another one of `scenario.CONTROLLERS` or
            `scenario.AUTOBIDDERS`; or `package.module:Class`.
        source: Text that says where the name stands, for messages.
        folders: Folders to look in for a class of the user's own, after the current one.

    Returns:
        `manual` and `truthful` as they are, else the rule's class; `Rule(market, advertisers)` bids for these advertisers.

    Raises:
        InputError: There is no such module or class, it cannot be imported, or the class has no `begin`.
    """
    if name in STATIC_BIDS:
        return name
    found: Any
    if name in _RULES:
        module, _, attribute = _RULES[name].partition(":")
        found = getattr(import_module(module), attribute)
    else:
        found = load_class(name, source, *folders)
    if callable(getattr(found, "start", None)) and not hasattr(found, "begin"):
        return _with_begin(found, name, source)
    if not callable(getattr(found, "begin", None)):
        raise InputError(f"{source}: expected a class with begin(market, day, n_policies), got {name!r} without it")
    rule: RuleClass = found
    return rule


def _with_begin(old: Any, name: str, source: str) -> RuleClass:
    """Adapt a rule written for version 0.1, whose `start(day, policies)` returns `bid(hour, budget_left, last)`."""
    text = (
        f"{source}: {name}: start(day, policies) is begin(market, day, n_policies) now; the old shape works until version 0.3"
    )
    warnings.warn(text, RenamedWarning, stacklevel=3)

    class WithBegin:
        def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:
            self._rule = old(market, advertisers)

        def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (it never knew the market)
            bid = self._rule.start(day, n_policies)
            return DayPolicy(lambda state: bid(state.hour, state.budget_left, state.last_step))

    return WithBegin
