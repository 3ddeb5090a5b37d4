"""Check what policies return: shapes, bids that are bids, shares that are shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError
from auctionsim.market.actor import Action, Participation

Array = NDArray[np.float64]


def action_arrays(action: Action, shape: tuple[int, int, int], name: str) -> tuple[Array, Array | None]:
    """Return an action's coefficients and its shares of auctions, each with one column for every policy.

    Args:
        action: The action, as a policy returned it.
        shape: Shape of the coefficients, `(n, 4, P)`.
        name: Name of the policy, for messages.

    Returns:
        Coefficients `[n, 4, P]`, and shares `[n, P]` or None where every auction is entered.

    Raises:
        InputError: An array has another shape.
    """
    coefficients, share = action if isinstance(action, Participation) else (action, None)
    theta = _repeated(np.asarray(coefficients, dtype=np.float64), shape, f"policy {name}: expected coefficients")
    if share is None:
        return theta, None
    return theta, _repeated(np.asarray(share, dtype=np.float64), (shape[0], shape[2]), f"policy {name}: expected shares")


class NotFinite(InputError):
    """Coefficients that are infinite or NaN, as a training that diverges ends in."""


def check_bids(
    theta: Array, share: Array | None, name: str, advertisers: Sequence[str], is_ruled: NDArray[np.bool_] | None = None
) -> None:
    """Check that coefficients are bids and shares are shares.

    Args:
        theta: Coefficients, `[n, 4, P]`.
        share: Shares of auctions to enter, `[n, P]`; None for all.
        name: Name of the policy, for messages.
        advertisers: Names of the n advertisers, for messages.
        is_ruled: Mask of the advertisers that have a rule, whose coefficients may be NaN, `[n]`; None where there are none.

    Raises:
        NotFinite: A coefficient is infinite or NaN.
        InputError: A coefficient is negative, or a share is outside [0, 1].
    """
    is_bid = (theta >= 0) & (theta < np.inf)
    if is_ruled is not None:
        is_bid |= np.isnan(theta) & is_ruled[:, None, None]
    if not is_bid.all():
        where = tuple(np.argwhere(~is_bid)[0])
        kind = InputError if np.isfinite(theta[where]) else NotFinite
        raise kind(f"policy {name}: expected finite coefficients >= 0, got {theta[where]} for {advertisers[int(where[0])]}")
    is_share = np.True_ if share is None else (share >= 0) & (share <= 1)
    if share is not None and not is_share.all():
        where = tuple(np.argwhere(~is_share)[0])
        raise InputError(f"policy {name}: expected shares in [0, 1], got {share[where]} for {advertisers[int(where[0])]}")


def _repeated(array: Array, shape: tuple[int, ...], expectation: str) -> Array:
    """Return an array that has its last axis P long; one column is repeated for all policies."""
    if array.shape == shape:
        return array
    if array.shape != (*shape[:-1], 1):
        raise InputError(f"{expectation} of shape {shape}, got shape {array.shape}")
    return np.array(np.broadcast_to(array, shape))
