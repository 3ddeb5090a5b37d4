"""Adam (Kingma and Ba 2015, Algorithm 1) on arrays: the optimizer of every learner that climbs a gradient.

One function for all of them, so that the order of its floating point operations, and with it every checkpoint, is one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic

Floats = NDArray[Any]

_DECAY_1, _DECAY_2 = 0.9, 0.999


def adam_direction(
    first_moment: Floats, second_moment: Floats, gradient: Floats, step: int, *, epsilon: float = 1e-8
) -> tuple[Floats, Floats, Floats]:
    """Return the direction of a step, per unit of the learning rate, and the moments after it.

    Args:
        first_moment: Running mean of the gradients.
        second_moment: Running mean of their squares, of the same shape.
        gradient: The step's gradient.
        step: Number of the step, from 1; it corrects the moments' bias towards 0.
        epsilon: Added to the root of the second moment.

    Returns:
        The direction, the first and the second moment, of the gradient's shape and type.
    """
    first = _DECAY_1 * first_moment + (1 - _DECAY_1) * gradient
    second = _DECAY_2 * second_moment + (1 - _DECAY_2) * np.square(gradient)
    seen_1, seen_2 = (1 - arithmetic.power(decay, step) for decay in (_DECAY_1, _DECAY_2))
    direction = (first / seen_1) / (np.sqrt(second / seen_2) + epsilon)
    return direction, first, second
