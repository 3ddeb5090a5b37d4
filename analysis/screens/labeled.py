"""Read the public bids of a city's procurement, with labels of the cartel's auctions: the folder `tsuchiura_bids`.

The file belongs to others and is not part of this repository: GitHub sylvaingchassang/missing_bids, commit
eec0b1318c607244c60ce8355f45cd0e9c0b1d16, its reference data, reduced to 14 columns; MIT licence.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.screens.log import BidLog, bid_log
from auctionsim.errors import InputError

FILE = "tsuchiura_bids/bids.csv.gz"
_COLUMNS = ("year", "month", "day", "pid", "bidder_id", "reserveprice", "bid", "norm_bid", "auction_cartelized")


def labeled_bids(data: Path, *, over_reserve: bool = False) -> tuple[BidLog, NDArray[np.bool_]]:
    """Return the bids in order of time, and which auctions the label calls the cartel's, `[auctions]`.

    Args:
        data: The folder of the public data.
        over_reserve: Whether bids are those over the reserve, as stored to ten digits; otherwise they are in yen.

    Raises:
        InputError: The file is missing, or has other columns.
    """
    path = data / FILE
    if not path.is_file():
        raise InputError(f"{path}: expected the public bids, got no such file")
    try:
        table = pl.read_csv(path).select(_COLUMNS).filter(pl.col("norm_bid").is_not_null())
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: expected the columns {', '.join(_COLUMNS)}, got {str(error).splitlines()[0]}") from error
    table = table.sort("year", "month", "day", "pid", maintain_order=True)
    began = table.group_by("pid", maintain_order=True).agg(pl.col("auction_cartelized").first())
    number = table.join(began.with_row_index("auction").select("pid", "auction"), on="pid", how="left", maintain_order="left")
    names = tuple(map(str, table["bidder_id"].unique().sort()))
    index = {name: i for i, name in enumerate(names)}
    who = np.array([index[str(one)] for one in table["bidder_id"]], dtype=np.int64)
    bid = table["norm_bid" if over_reserve else "bid"].cast(pl.Float64).to_numpy()
    reserve = np.ones(len(bid)) if over_reserve else table["reserveprice"].cast(pl.Float64).to_numpy()
    auction = number["auction"].cast(pl.Int64).to_numpy()
    log = bid_log(auction, who, bid, names=names, lowest_wins=True, reserve=reserve, source=str(path))
    return log, began["auction_cartelized"].to_numpy() == 1
