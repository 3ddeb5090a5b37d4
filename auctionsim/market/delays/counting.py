"""Count drawn conversions that have arrived, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.compiled import compiled
from auctionsim.auction.kernel.noise import uniform

Array = NDArray[np.float64]


@compiled
def count_arrived(late: Array, share: Array, keys: NDArray[np.uint64], arrived: Array) -> None:
    """Count drawn conversions that have arrived: the j-th of an advertiser's hour has its own draw, whatever the policy.

    Args:
        late: Conversions, whole numbers, and GMV of each hour's clicks, `[T, n, 2, P]`.
        share: Share that has arrived, `[T, n]`; what has arrived by a smaller share has arrived by a larger one.
        keys: Keys of each hour, `[T or more, P]`.
        arrived: Written to, `[T, n, 2, P]`: the count, and as large a share of GMV; zeros before.
    """
    for hour in range(late.shape[0]):
        for who in range(late.shape[1]):
            for policy in range(late.shape[3]):
                drawn, count = int(late[hour, who, 0, policy] + 0.5), 0
                for j in range(drawn):
                    if uniform(keys[hour, policy], who, j, 0, 0) < share[hour, who]:
                        count += 1
                if count > 0:
                    arrived[hour, who, 0, policy] = count
                    arrived[hour, who, 1, policy] = late[hour, who, 1, policy] * (count / drawn)
