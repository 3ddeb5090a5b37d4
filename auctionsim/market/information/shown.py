"""Keep rivals' rows from a policy, and refuse a rule or learner that needs more than bidders are shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError, shown
from auctionsim.market.actor import DayState
from auctionsim.scenario import InformationSection, Regime, Scenario


def without_rivals(state: DayState, information: InformationSection | None, own: NDArray[np.bool_]) -> DayState:
    """Return a state without what its bidders may not know of others.

    Others have an infinite budget left, whatever the regime; what they won and paid is 0 but under `full`.

    Args:
        state: State of all advertisers.
        information: The section `[information]`; None for everything.
        own: Mask of the advertisers that the policy bids for, `[advertisers]`.
    """
    if information is None:
        return state
    budget_left = np.where(own[:, None], state.budget_left, np.inf)
    last_step, cumulative, reports = state.last_step, state.cumulative, state.reports
    if not information.shows("full"):
        # Those of a rule reach it with its own rows alone (`DayState.of`).
        reports = None
        last_step, cumulative = (np.where(own[:, None, None], amounts, 0.0) for amounts in (last_step, cumulative))
    for array in (budget_left, last_step, cumulative):
        array.flags.writeable = False
    prices = None if state.prices is None else replace(state.prices, own=own)
    return replace(state, budget_left=budget_left, last_step=last_step, cumulative=cumulative, prices=prices, reports=reports)


def expect_shown(scenario: Scenario, asks: Any, name: str) -> None:
    """Refuse a rule or a learner that needs more than bidders are shown.

    It may have the attributes `needs`, the regime that it needs, `needs_auctions`, whether it needs the figures of single
    auctions, and `needs_no_delay`; without them it needs its own wins and payments.

    Args:
        scenario: The scenario.
        asks: The rule's class, or the learner.
        name: Its name, for the message, such as `controller 'timetable'`.

    Raises:
        InputError: It needs more.
    """
    information, source = scenario.information, f"{scenario.source}: information."
    if information is None:
        return
    needs: Regime = getattr(asks, "needs", "own-wins")
    if not information.shows(needs):
        raise InputError(f"{source}regime: expected '{needs}' with {name}, which needs it, got '{information.regime}'")
    if getattr(asks, "needs_auctions", False) and information.aggregate != "auction":
        raise InputError(f"{source}aggregate: expected 'auction' with {name}, which needs it, got '{information.aggregate}'")
    if getattr(asks, "needs_no_delay", False) and information.delay > 0:
        raise InputError(f"{source}delay: expected 0 with {name}, which needs it, got {information.delay}")


def expect_no_prices(scenario: Scenario, asks: Any, use: str) -> None:
    """Refuse a rule that asks for prices, where days are replayed without reports of them.

    Args:
        scenario: The scenario.
        asks: The rule, or its class.
        use: The use that replays such days, for the message.

    Raises:
        InputError: It asks for them.
    """
    needs = getattr(asks, "needs", "own-wins")
    if scenario.information is not None and needs in ("winning-price", "least-winning-cost"):
        name = getattr(asks, "__name__", type(asks).__name__)
        raise InputError(
            f"{scenario.source}: information.regime: expected rules that ask for no prices with {use}, got {shown(name)}, "
            f"which needs '{needs}'"
        )
