"""How learning rates and perturbations change over a training."""

from __future__ import annotations

from auctionsim import arithmetic

# The last iterations step less, so that the end does not depend on where the noise happened to stand.
_FULL_RATE_UNTIL = 0.5
_RATE_END = 0.05


def lr_schedule(rate: float, done: float) -> float:
    """Return the learning rate after a share `done` of the iterations: full for the first half, then falling to a twentieth.

    For example 0.1 at 0.5, 0.05 at 0.75, 0.005 at 1.
    """
    falling = 1 - (done - _FULL_RATE_UNTIL) / (1 - _FULL_RATE_UNTIL)
    return rate * max(min(1.0, falling), _RATE_END)


def sigma_schedule(first: float, last: float | None, done: float) -> float:
    """Return the perturbation after a share `done` of the iterations, from `first` to `last` in equal ratios."""
    return first if last is None else float(first * arithmetic.power(last / first, done))
