"""What advertisers do about a change: rules are fitted again, and those with bids of their own take best responses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.whatif.replays import Replays
from auctionsim.auction.outcome import GMV
from auctionsim.errors import InputError
from auctionsim.jobs.whatif.change import Change
from auctionsim.jobs.whatif.changed import changed_market
from auctionsim.jobs.whatif.opened import Opened
from auctionsim.jobs.whatif.replaying import own_bids
from auctionsim.jobs.whatif.settling import settle
from auctionsim.market.market import Market
from auctionsim.names.display import ranges, short_repr

Array = NDArray[np.float64]

REACTIONS = ("rules", "best-response")
"""Reactions of advertisers: rules are fitted again; or that, and everybody else takes the best multiple of its own bids."""


@dataclass(frozen=True, eq=False)
class Reacted:
    """A market and everybody's bids after a reaction."""

    market: Market
    bids: Array
    """Coefficients, `[advertisers, 4, 1]`; NaN where a rule bids."""
    found: dict[str, Any]
    """The reaction for JSON."""
    said: str
    """The reaction in one sentence."""

    __repr__ = short_repr


def unchanged_reaction(opened: Opened) -> Change:
    """Return the change that changes nothing: what advertisers would do in the market as it is."""
    return Change("unchanged, advertisers react", opened.basis.mechanism)


def expect_values(opened: Opened, unchanged: Replays, how: str) -> None:
    """Check that there are values of conversions, whose profit best responses raise.

    Raises:
        InputError: There are none.
    """
    if how == "best-response" and not unchanged.sums[:, GMV].sum() > 0:
        raise InputError(f"--react {how}: expected conversions with a value in {opened.name}, got none")


def react(opened: Opened, change: Change, how: str, progress: Callable[[], None] = lambda: None) -> Reacted:
    """Let advertisers react to a change on the training days.

    Args:
        opened: The market as it is.
        change: The change.
        how: One of `REACTIONS`.
        progress: Function that is called after each round of best responses.
    """
    market = changed_market(opened.market, change, is_refitted=True)
    days = tuple(sorted(market.scenario.traffic.train_days))
    own, ruled = own_bids(market), int(market.is_ruled.sum())
    found: dict[str, Any] = {"how": how, "days": list(days), "rules_refitted": ruled}
    if how == "rules":
        said = f"{ruled} advertisers' rules were fitted again to days {ranges(days)}; the others bid as before"
        return Reacted(market, own, found, said)
    # Who bids by a rule reacts by the rule; everybody else by its bids.
    who = np.flatnonzero(~market.is_ruled)
    settled = settle(market, days, own, who, progress=progress)
    left = float(settled.exploitability[0])
    found |= {
        "settled": settled.is_settled, "rounds": settled.rounds, "exploitability": left,
        "multipliers": dict(zip(market.advertisers, settled.multiplier[:, 0].tolist(), strict=True)),
    }  # fmt: skip
    how_it_ended = "settled" if settled.is_settled else "did not settle"
    said = (
        f"best responses of {len(who)} advertisers on days {ranges(days)} {how_it_ended} after {settled.rounds} rounds; "
        f"deviating alone would still gain {left:.2%} of all profits"
    )
    return Reacted(market, settled.bids(own), found, f"{said}; {ruled} rules were fitted again" if ruled else said)
