"""Find rules by name: the built-in ones, and a user's own by `package.module:Class`."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import STATIC_BIDS
from auctionsim.errors import InputError, RenamedWarning
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, RuleClass

_RULES = {
    "linear": "auctionsim.agents.policies.pacing.linear:Linear",
    "ortb": "auctionsim.agents.policies.pacing.ortb:Ortb",
    "pid": "auctionsim.agents.policies.pacing.pid:Pid",
    "dual-pacing": "auctionsim.agents.policies.pacing.dual_pacing:DualPacing",
    "throttle": "auctionsim.agents.policies.pacing.throttle:Throttle",
    "uscb-oracle": "auctionsim.agents.policies.pacing.uscb_oracle:UscbOracle",
}


def find_rule(name: str, place: str = "controller") -> str | RuleClass:
    """Find the rule of a name.

    Args:
        name: `manual` or `truthful`, whose bids never change; another one of `scenario.CONTROLLERS`; or `package.module:Class`.
        place: Text that says where the name stands, for messages.

    Returns:
        `manual` and `truthful` as they are, else the rule's class; `Rule(market, advertisers)` bids for these advertisers.

    Raises:
        InputError: There is no such module or class, or the class has no `begin`.
    """
    if name in STATIC_BIDS:
        return name
    module, _, attribute = _RULES.get(name, name).partition(":")
    try:
        found: Any = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"{place}: expected an importable package.module:Class, got {name!r} ({error})") from error
    if callable(getattr(found, "start", None)) and not hasattr(found, "begin"):
        return _with_begin(found, name, place)
    if not callable(getattr(found, "begin", None)):
        raise InputError(f"{place}: expected a class with begin(market, day, n_policies), got {name!r} without it")
    rule: RuleClass = found
    return rule


def _with_begin(old: Any, name: str, place: str) -> RuleClass:
    """Adapt a rule written for version 0.1, whose `start(day, policies)` returns `bid(hour, budget_left, last)`."""
    text = f"{place}: {name}: start(day, policies) is begin(market, day, n_policies) now; the old shape works until version 0.3"
    warnings.warn(text, RenamedWarning, stacklevel=3)

    class WithBegin:
        def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:
            self._rule = old(market, advertisers)

        def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (it never knew the market)
            bid = self._rule.start(day, n_policies)
            return DayPolicy(lambda state: bid(state.hour, state.budget_left, state.last_step))

    return WithBegin
