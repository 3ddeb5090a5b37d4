"""Find equilibria of games with a few actions: all in pure strategies, and one in mixed strategies of two players."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from auctionsim import arithmetic
from auctionsim.errors import RunError

Array = NDArray[np.float64]

_TIED = 1e-12


@dataclass(frozen=True, eq=False)
class MixedProfile:
    """Mixed strategies of two players, and what the best deviation from them gains."""

    strategies: tuple[Array, Array]
    """Probability of each action of each player, `[actions]` each."""
    payoffs: Array
    """Expected payoff of each player, `[2]`."""
    exploitability: float
    """The most that a player gains by another action, >= 0."""


def pure_equilibria(payoffs: Array) -> NDArray[np.int64]:
    """Return all equilibria in pure strategies, as actions of each player, `[equilibria, players]`.

    Args:
        payoffs: The payoff of each player at each profile of actions, `[players, actions of the first, of the second, ...]`.
    """
    best = [payoffs[k] >= payoffs[k].max(axis=k, keepdims=True) - _TIED for k in range(len(payoffs))]
    return np.argwhere(np.logical_and.reduce(best))


def pure_exploitability(payoffs: Array, actions: tuple[int, ...]) -> float:
    """Return the most that a player gains by another action, >= 0.

    Args:
        payoffs: The payoffs, as in `pure_equilibria`.
        actions: The action of each player.
    """
    gains = []
    for k in range(len(payoffs)):
        others = tuple(slice(None) if player == k else action for player, action in enumerate(actions))
        gains.append(float(payoffs[k][others].max() - payoffs[k][actions]))
    return max(gains)


def mixed_profile(payoffs: Array, strategies: tuple[Array, Array]) -> MixedProfile:
    """Return two mixed strategies with what they earn and what the best deviation gains.

    Args:
        payoffs: The payoff of each player, `[2, actions of the first, actions of the second]`.
        strategies: The probability of each action of each player.
    """
    one, two = strategies
    replies = np.asarray(arithmetic.dot(payoffs[0], two)), np.asarray(arithmetic.dot(payoffs[1].T, one))
    earned = np.array([float(arithmetic.dot(one, replies[0])), float(arithmetic.dot(two, replies[1]))])
    gain = max(float(reply.max() - own) for reply, own in zip(replies, earned, strict=True))
    return MixedProfile(strategies, earned, max(0.0, gain))


def mixed_equilibrium(payoffs: Array, seconds: float = 60.0) -> MixedProfile:
    """Return an equilibrium of two players, in mixed strategies if need be.

    An action is either not used or a best reply: a binary variable for each makes a mixed-integer program of it (Sandholm,
    Gilpin and Conitzer, AAAI 2005), which HiGHS solves for some 30 actions. The expected payoffs' sum is maximized.

    Args:
        payoffs: The payoff of each player, `[2, actions of the first, actions of the second]`.
        seconds: The time allowed.

    Raises:
        RunError: No equilibrium was found in this time.
    """
    a, b = payoffs
    n, m = a.shape
    reach = float(max(np.ptp(a), np.ptp(b))) or 1.0
    # Variables: probabilities of both, unused actions of both, payoffs of both.
    size = 2 * (n + m) + 2
    of_a, of_b = 2 * (n + m), 2 * (n + m) + 1
    rows, low, high = [], [], []

    def add(row: Array, least: float, most: float) -> None:
        rows.append(row)
        low.append(least)
        high.append(most)

    for player, (own, first, other, start, payoff) in enumerate(((n, 0, m, n, of_a), (m, n, n, 0, of_b))):
        total = np.zeros(size)
        total[first : first + own] = 1
        add(total, 1, 1)
        for k in range(own):
            regret, used = np.zeros(size), np.zeros(size)
            regret[payoff] = 1
            regret[start : start + other] = -(a[k] if player == 0 else b[:, k])
            add(regret, 0, np.inf)
            limited = regret.copy()
            limited[n + m + first + k] = -reach
            add(limited, -np.inf, 0)
            used[first + k] = used[n + m + first + k] = 1
            add(used, -np.inf, 1)
    integrality, least, most = np.zeros(size), np.zeros(size), np.ones(size)
    integrality[n + m : 2 * (n + m)] = 1
    least[of_a:], most[of_a:] = -np.inf, np.inf
    costs = np.zeros(size)
    costs[of_a:] = -1
    constraints = LinearConstraint(np.array(rows), low, high)
    options = {"time_limit": seconds, "mip_rel_gap": 1e-6}
    found = milp(costs, integrality=integrality, bounds=Bounds(least, most), constraints=constraints, options=options)
    if found.x is None:
        raise RunError(f"mixed_equilibrium: found none in {seconds:g} s ({found.message})")
    strategies = [np.clip(found.x[:n], 0, 1), np.clip(found.x[n : n + m], 0, 1)]
    return mixed_profile(payoffs, (strategies[0] / strategies[0].sum(), strategies[1] / strategies[1].sum()))
