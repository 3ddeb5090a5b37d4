"""Times of clicks and conversions in a mapped log: the rules that they keep, and the SQL of conversions and of their times."""

from __future__ import annotations

from collections.abc import Mapping

from auctionsim.traffic.ingest.formats.base import RowRule

AUCTION_AT = "auction_at"
"""Column of `good` with the auction's time in UTC, in logs with fields whose times are later."""


def has_conversions(columns: Mapping[str, str]) -> bool:
    """Return whether a mapping says which rows were converted."""
    return "converted" in columns or "converted_at" in columns


def is_converted(columns: Mapping[str, str]) -> str:
    """Return the SQL of 1 or 0: whether a row was converted, by its own column or else because it has a time."""
    by_time = "(converted_at IS NOT NULL)::INTEGER" if "converted_at" in columns else "0"
    return f"coalesce(converted, {by_time})" if "converted" in columns else by_time


def clicked_at(columns: Mapping[str, str]) -> str:
    """Return the SQL of the time of a row's click: that of its auction where the log has no other."""
    return f"coalesce(clicked_at, {AUCTION_AT})" if "clicked_at" in columns else AUCTION_AT


def rules(columns: Mapping[str, str]) -> tuple[RowRule, ...]:
    """Return the rules that times of clicks and conversions keep: a conversion has a click, and time runs one way."""
    if "converted_at" not in columns:
        return ()
    found = []
    if "clicked_at" in columns:
        found = [
            RowRule("clicked_at", "a time in clicked rows alone", "clicked_at IS NULL OR coalesce(clicked, 0) = 1"),
            RowRule("clicked_at", "a time no earlier than the auction's", f"clicked_at IS NULL OR clicked_at >= {AUCTION_AT}"),
        ]
    found.append(RowRule("converted_at", "a time in clicked rows alone", "converted_at IS NULL OR coalesce(clicked, 0) = 1"))
    if "converted" in columns:
        one = "converted_at IS NULL OR coalesce(converted, 1) = 1"
        found.append(RowRule("converted_at", "a time in converted rows alone", one))
    later = f"converted_at IS NULL OR converted_at >= {clicked_at(columns)}"
    return (*found, RowRule("converted_at", "a time no earlier than the click's", later))


def conversion_times(columns: Mapping[str, str]) -> str | None:
    """Return `Format.conversion_times`."""
    if "converted_at" not in columns:
        return None
    times = (AUCTION_AT, clicked_at(columns), "converted_at")
    return f"SELECT row, {', '.join(f'epoch({time})' for time in times)} FROM good"
