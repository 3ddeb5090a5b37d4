"""Say which observations all bidders may know of each other: those of a centralized critic, and of `state()`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.observations import FEATURES
from auctionsim.scenario import InformationSection

_OF_BUDGETS = [FEATURES.index(name) for name in ("budget_left", "spend_speed")]
_CLOCK = FEATURES.index("time_left")


def common_features(information: InformationSection | None) -> NDArray[np.float32] | None:
    """Return the mask of the features that agents may know of each other, `[15]` of 0 and 1; None for all of them.

    Under `full` all but `budget_left` and `spend_speed`, which tell a budget; under other regimes `time_left` alone.

    Args:
        information: The section `[information]`; None for everything.
    """
    if information is None:
        return None
    is_shown = np.full(len(FEATURES), 1.0 if information.shows("full") else 0.0, dtype=np.float32)
    is_shown[_OF_BUDGETS], is_shown[_CLOCK] = 0.0, 1.0
    return is_shown
