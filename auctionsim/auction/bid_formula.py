"""The linear bid formula: an agent sets coefficients, and the market computes a bid in every auction (SS-RTB, section 3.3).

`bid = theta . phi`, currency per click, with theta >= 0 and the features phi below.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auctionsim.arguments import one_of
from auctionsim.traffic.table import KEYWORD_BID, KEYWORD_BID_COLUMN

FEATURES = ("one", "pcvr", "value", "keyword_bid")
"""Names of phi: 1, pcvr, pcvr x item_price (the expected value of a click), and the keyword bid."""

BID_MODELS: dict[str, tuple[str, ...]] = {
    "scale": ("keyword_bid",),
    "conversion": ("pcvr",),
    "value": ("value",),
    "macg": ("one", "pcvr", "value"),
}
"""Features of each bid model: `scale` alpha x keyword_bid, `conversion` alpha x pcvr (SS-RTB), `value` alpha x pcvr x
item_price, `macg` theta0 + theta1 pcvr + theta2 pcvr x item_price (docs/macg.md, our reconstruction)."""

STATIC_BIDS: dict[str, tuple[float, ...]] = {
    "manual": (0.0, 0.0, 0.0, 1.0),
    "truthful": (0.0, 0.0, 1.0, 0.0),
}
"""Coefficients over `FEATURES` of the controllers that never change: the keyword bid, and the value of a click."""


def over_all_features(coefficients: NDArray[np.float64], features: Sequence[str]) -> NDArray[np.float64]:
    """Expand coefficients of some features, `[..., features, P]`, to coefficients of all, `[..., 4, P]`, with 0 elsewhere.

    Raises:
        InputError: A feature is unknown.
    """
    names = [KEYWORD_BID if isinstance(name, str) and name == KEYWORD_BID_COLUMN else name for name in features]
    for name in names:
        one_of("features", name, FEATURES)
    full = np.zeros((*coefficients.shape[:-2], len(FEATURES), coefficients.shape[-1]))
    full[..., [FEATURES.index(name) for name in names], :] = coefficients
    return full
