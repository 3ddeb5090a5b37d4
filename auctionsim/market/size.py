"""Estimate how much memory a scenario takes, before it takes any."""

from __future__ import annotations

from auctionsim.machine.memory import SMALL, expect_memory
from auctionsim.scenario import Scenario

# Bytes, measured on markets of 10^4 to 10^7 rows (tests/market/test_size.py holds them to it within a factor of 2).
_PER_ROW = 76
"""A candidate ad: its row of 64 bytes, which holds the table's columns too, its index, and the noise of an hour."""
_PER_QUALITY = 72
"""A candidate ad whose rank is not by pctr alone: another row for the kernel, and pctr^squash on the way."""
_PER_CELL = 90
_PER_PAIR = 60
"""A query and one of its candidates: rates, values, bids, and what is computed on the way."""
_PER_DRAWN = 16
"""A query and any advertiser, which is drawn or not: an index, twice."""
_PER_QUERY = 200
_PER_ADVERTISER = 2500
"""An advertiser: its name, and 24 hours of five outcomes for the days of the baseline."""
_PER_BID = 64
"""An advertiser under one member of the population: its line of the ledger. The rest is done in parts."""

_PER_COPY = 2500
"""An advertiser in one copy of a day: its line of the ledger, and 24 hours of outcomes, bids and budgets."""
_PER_ENVIRONMENT = 3000
"""An environment beside its advertisers: its generator of random numbers, its observations and its infos."""


def expected_bytes(scenario: Scenario) -> dict[str, float]:
    """Estimate the memory that a synthetic scenario takes, in bytes, by the key that decides it.

    Markets on a table are not estimated here: the table's own size is checked when it is read.
    """
    section = scenario.traffic
    advertisers = sum(group.count for group in scenario.advertisers)
    found = {
        "advertisers": float(advertisers) * _PER_ADVERTISER,
        "learner.population": float(advertisers) * scenario.learner.population * _PER_BID,
    }
    if not section.is_synthetic:
        return found
    candidates = min(section.candidates, advertisers)
    n_days = len(section.all_days)
    cells = n_days * (24 + section.auctions_per_day / section.weight)
    per_row = _PER_ROW + (_PER_QUALITY if scenario.mechanism.squash != 1.0 else 0)
    pairs = section.queries * (candidates * _PER_PAIR + advertisers * _PER_DRAWN + _PER_QUERY)
    return found | {
        "traffic.auctions_per_day": cells * (_PER_CELL + candidates * per_row),
        "traffic.queries": float(pairs),
    }


def expect_room(scenario: Scenario, n_seeds: int = 1) -> None:
    """Check that the markets of a scenario fit into memory, one for each seed.

    Raises:
        InputError: They do not; the message names the key that takes most, what they need and what there is.
    """
    needed = expected_bytes(scenario)
    largest = max(needed, key=needed.__getitem__)
    what = "a market" if n_seeds == 1 else f"markets of {n_seeds} seeds"
    hint = "make the number smaller" if n_seeds == 1 else "train fewer seeds in one run, or make the number smaller"
    expect_memory(f"{scenario.source}: {largest}", sum(needed.values()) * n_seeds, what, hint)


def copies_bytes(copies: int, advertisers: int) -> int:
    """Estimate the memory that copies of a day take side by side, bytes."""
    return copies * (_PER_ENVIRONMENT + advertisers * _PER_COPY)


def expect_copies(argument: str, copies: int, advertisers: int) -> None:
    """Check that so many copies of a day fit into memory side by side.

    Args:
        argument: Name of the argument that says how many, which begins the message.
        copies: The number of copies: policies of a replay, or environments.
        advertisers: The number of advertisers of the market.

    Raises:
        InputError: They do not.
    """
    needed = copies_bytes(copies, advertisers)
    if needed <= SMALL:
        # To ask the system takes a good part of a short day, and so little is there.
        return
    what = f"{copies if copies < 10**15 else 'that many'} copies of a day"
    expect_memory(argument, needed, what, "make the number smaller")
