"""Controllers: rules by which advertisers bid, hour by hour. Found by name, so that the market knows none of them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError

if TYPE_CHECKING:
    from auctionsim.market.market import Market

Array = NDArray[np.float64]


class Throttled(NamedTuple):
    """Bids of advertisers that take part in some of the auctions only, by chance (`throttling.py`)."""

    coefficients: Array
    """As where they take part in all."""
    share: Array
    """Of the auctions to take part in, in [0, 1], `[n, P]`."""


Bid = Callable[[int, Array, Array], "Array | Throttled"]
"""`bid(hour, budget_left, last)`: coefficients over `bids.FEATURES` for the coming hour, `[n, 4, P]`, finite and at least 0;
or these with the share of auctions to take part in.

`budget_left` is in currency `[n, P]`, infinite without a budget; `last` are the last hour's totals `[n, 5, P]` in the order of
`engine.OUTCOMES`, 0 before the first. Called for hours 0 to 23 in order.
"""


class Controller(Protocol):
    """The rule of n advertisers, prepared once for a market. Holds nothing that changes with the days it bids on."""

    def __init__(self, market: Market, who: NDArray[np.int64]) -> None:
        """Prepare for advertisers `who`, `[n]`, from what is known before the day: training days, budgets, the reference."""

    def start(self, day: int, policies: int) -> Bid:
        """A day for P policies at once; what changes over it lives in the function."""


_BUILT_IN = "auctionsim.agents.policies.pacing"


def find_controller(name: str, place: str = "controller") -> type[Controller]:
    """The controller of a name: one of `scenario.CONTROLLERS` that bids hour by hour, or a user's `package.module:Class`.

    `place` is where the name stands, for messages.

    Raises:
        InputError: There is no such module, or nothing of that name in it.
    """
    module, _, attribute = name.partition(":")
    if not attribute:
        module, attribute = f"{_BUILT_IN}.{name.replace('-', '_')}", "CONTROLLER"
    try:
        controller: type[Controller] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{place}: expected an importable package.module:Class, got {name!r} ({error})") from error
    return controller


def checked_bid(bid: Array | Throttled, shape: tuple[int, ...], name: str) -> Throttled:
    """What a controller bids, if it is what it should be; the share is 1 where it gave none.

    Raises:
        InputError: Something has another shape; coefficients are negative or not finite, or a share is outside [0, 1].
    """
    coefficients, share = bid if isinstance(bid, Throttled) else (bid, np.ones((shape[0], shape[2])))
    theta, share = np.asarray(coefficients, dtype=np.float64), np.asarray(share, dtype=np.float64)
    if theta.shape != shape or not (np.isfinite(theta).all() and (theta >= 0).all()):
        raise InputError(
            f"controller {name}: expected finite coefficients at least 0 of shape {shape}, got shape {theta.shape}"
        )
    if share.shape != (shape[0], shape[2]) or not ((share >= 0) & (share <= 1)).all():
        raise InputError(
            f"controller {name}: expected shares from 0 to 1 of shape {(shape[0], shape[2])}, got shape {share.shape}"
        )
    return Throttled(theta, share)
