"""Limits of what can be fitted: tables that the generator cannot draw are refused in one line, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from auctionsim.errors import InputError
from auctionsim.traffic.table import KEYWORD_BID_COLUMN, Traffic
from auctionsim.traffic.text_lines import row_source

MAX_LOG_SD = 10.0
"""Largest log standard deviation of a fit: at 10, one value in six is more than 22,000 times the median."""
MAX_SPAN = 10_000
"""Most days from a table's first to its last; the generator draws each of them."""
MAX_DAILY_AUCTIONS = 10**12
"""Most auctions of a day that a scenario can ask for."""
_LEAST_BUDGET = 1e-12
_LEAST = {"pctr": 1e-9, "pcvr": 1e-12, "item_price": 1e-12, "keyword_bid": 1e-12}
"""Least value > 0 of each column that the generator draws or a profile holds."""


def check_table(traffic: Traffic, source: str) -> float:
    """Check that the generator can draw such a table.

    Args:
        traffic: The table.
        source: The table's file, for messages.

    Returns:
        The mean number of candidates per auction.

    Raises:
        InputError: Advertisers do not meet; prices, bids or rates are all 0; no auction has two bids > 0; a value or the days
            are beyond what the generator draws.
    """
    candidates = float(np.average(np.diff(traffic.cell_start), weights=traffic.weight))
    if candidates < 1.5 or len(traffic.advertisers) < 2:
        raise InputError(
            f"{source}: column advertiser: expected two or more advertisers that meet, as the generator has no external "
            f"competitors, got {candidates:.2f} candidates per auction"
        )
    for column in ("item_price", "keyword_bid", "pcvr"):
        if not (getattr(traffic, column) > 0).any():
            why = " (a log without conversions does not tell what traffic like it is worth)" if column == "pcvr" else ""
            raise InputError(f"{source}: column {_column(column)}: expected values > 0, got none{why}")
    for column, least in _LEAST.items():
        value = getattr(traffic, column)
        below = np.flatnonzero((value > 0) & (value < least))
        if len(below):
            row = int(below[0])
            raise InputError(
                f"{row_source(Path(source), row)}, column {_column(column)}: expected {'' if column == 'pctr' else '0 or '}a "
                f"number >= {least:g}, the least that the generator draws, got {value[row]:g}"
            )
    _check_meetings(traffic, source)
    span = traffic.days[-1] - traffic.days[0] + 1
    if span > MAX_SPAN:
        raise InputError(f"{source}: column day: expected days that span <= {MAX_SPAN} days, got {span}")
    daily = max(traffic.auctions_on(day) for day in traffic.days)
    if daily > MAX_DAILY_AUCTIONS:
        raise InputError(f"{source}: column weight: expected <= {MAX_DAILY_AUCTIONS:g} auctions a day, got {daily:.6g}")
    _check_budgets(traffic, source)
    return candidates


def check_spreads(spreads: Mapping[str, float], source: str) -> None:
    """Check that log standard deviations are numbers that the generator can draw with.

    Args:
        spreads: The log standard deviations, by what they are the spread of.
        source: The table's file, for messages.

    Raises:
        InputError: One is not finite, or above `MAX_LOG_SD`.
    """
    for words, spread in spreads.items():
        if not spread <= MAX_LOG_SD:
            raise InputError(
                f"{source}: spread of {words}: expected a log standard deviation <= {MAX_LOG_SD:g}, got {spread:.4g}"
            )


def _check_meetings(traffic: Traffic, source: str) -> None:
    """Check that a second bid sets a price somewhere; the generator is calibrated on the price per click."""
    bids = np.add.reduceat((traffic.keyword_bid > 0).astype(np.int64), traffic.cell_start[:-1])
    if bids.max() < 2:
        raise InputError(
            f"{source}: column {KEYWORD_BID_COLUMN}: expected auctions with two bids > 0, which set a price, got none"
        )


def _check_budgets(traffic: Traffic, source: str) -> None:
    """Check that budgets relative to their median are figures that a profile can hold."""
    if traffic.budgets is None:
        return
    with np.errstate(over="ignore"):
        ratio = traffic.budgets / np.median(traffic.budgets)
    wrong = np.flatnonzero(~(np.isfinite(ratio) & (ratio >= _LEAST_BUDGET)))
    if len(wrong):
        raise InputError(
            f"{source}: budgets: expected finite budgets >= {_LEAST_BUDGET:g} of their median, "
            f"got {traffic.budgets[wrong[0]]:g} with a median of {np.median(traffic.budgets):g}"
        )


def _column(name: str) -> str:
    """Return the name of a column in files."""
    return KEYWORD_BID_COLUMN if name == "keyword_bid" else name
