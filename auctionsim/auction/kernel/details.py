"""What happens to bids that are not shown: auctions entered, and the prices of winning and losing. Counted on demand.

Nothing here is needed to settle an auction, and looking at every candidate once more for every policy takes several times as
long as ranking them, so that it is left out unless asked for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import QUALITY, Books, Room, Rows, Terms
from auctionsim.auction.kernel.compiled import inlined
from auctionsim.auction.kernel.memory import of_row
from auctionsim.auction.kernel.pricing import price
from auctionsim.auction.kernel.sieve import exact_bid

ENTERED, WINNING_PRICE, LOSING_PRICE = range(3)
DETAILS = ("entered", "winning_price", "losing_price")


@inlined
def note_details(
    first: int, last: int, p: int, auctions: int, rows: Rows, theta: NDArray[np.float64], terms: Terms, books: Books, room: Room
) -> None:
    """Count `auctions` identical auctions of a ranked cell for policy p.

    Entered is every auction with an eligible bid. The winning price is the price per click of a shown ad, the losing price what
    the last slot would have cost an ad that was not shown, at the least the reserve: sums over auctions, currency per click.
    """
    n_slots, n_lanes = terms.slot_effect.shape[0], theta.shape[1]
    for row in range(first, last):
        who, quality = rows.advertiser[row], of_row(rows.figures, row, QUALITY)
        bid = min(max(exact_bid(theta, rows.figures, who * n_lanes + p, row), terms.bid_floor), terms.bid_cap)
        if not np.isnan(theta[who, p, 0]) and bid >= terms.reserve:
            books.details[who, p, ENTERED] += auctions
            is_shown = False
            for slot in range(n_slots):
                if room.winner[slot, p] == row:
                    is_shown = True
                    books.details[who, p, WINNING_PRICE] += auctions * price(slot, p, quality, terms, room)
            if not is_shown:
                needed = max(room.best[n_slots - 1, p] / quality, terms.reserve)
                books.details[who, p, LOSING_PRICE] += auctions * needed
