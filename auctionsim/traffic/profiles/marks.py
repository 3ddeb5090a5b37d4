"""Say of each figure of a profile where it was measured, or that it is assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from auctionsim.errors import InputError, shown, suggestion, unknown

FIGURES = {
    "hours.share": "traffic by hour",
    "week.factor": "traffic by hour of the week",
    "categories.share": "traffic by category",
    "prices.cpc": "price level",
    "prices.hour_factor": "prices by hour",
    "prices.log_sd": "spread of hourly prices",
    "rates.ctr": "click-through rate",
    "rates.cvr": "conversion rate",
    "purchases.hour_factor": "purchases by hour",
    "budgets.quantiles": "spread of budgets",
    "spreads.query_volume": "spread of query volumes",
    "spreads.query_ctr": "spread of click-through rates between queries",
    "spreads.query_cvr": "spread of conversion rates between queries",
    "spreads.query_value": "spread of values between queries",
    "spreads.advertiser_ctr": "spread of click-through rates between advertisers",
    "spreads.advertiser_value": "spread of values and bids between advertisers",
    "spreads.pair_ctr": "spread of click-through rates between pairs",
    "spreads.pair_cvr": "spread of conversion rates between pairs",
    "spreads.pair_value": "spread of values between pairs",
    "external.win_rate": "win rates by day",
    "external.floor": "floors of all auctions",
    "external.won_floor": "floors of won auctions",
    "external.price": "prices of won auctions",
    "external.tail_log_sd": "rivals above the reference bid",
}
"""Words for the figures of a profile, by their keys."""
_OPTIONAL = ("external.",)
"""Sections that a profile may lack."""
NOT_STATED = "the generator's own"
"""Origin of a figure that a profile does not state."""


class Marks(NamedTuple):
    """The figures of a profile by their keys in `FIGURES`, in its order."""

    measured: dict[str, str]
    """The source of each measured figure."""
    assumed: dict[str, str]
    """The reason for each assumed figure; empty where none is stated."""
    partly: dict[str, str]
    """Assumptions about measured figures, by the keys of those that rest on one."""

    def sentence(self, name: str) -> str:
        """Return in one line which figures are measured and which assumed."""
        by_source: dict[str, list[str]] = {}
        for key, source in self.measured.items():
            by_source.setdefault(source, []).append(FIGURES[key])
        parts = [f"{', '.join(words)} ({source})" for source, words in by_source.items()]
        named = [FIGURES[key] for key in self.assumed if not key.startswith("spreads.")]
        spreads = [key for key in self.assumed if key.startswith("spreads.")]
        part = "; ".join(f"{FIGURES[key]} ({text})" for key, text in self.partly.items())
        named += [f"{'' if len(spreads) == _SPREADS else 'other '}spreads between queries and advertisers"] if spreads else []
        found = f"profile {name}: measured: {'; '.join(parts) or 'nothing'}. Assumed: {', '.join(named) or 'nothing'}."
        return f"{found} Assumed in part: {part}." if part else found

    def assumed_lines(self) -> list[str]:
        """Return the assumed figures, those with one reason on one line."""
        by_reason: dict[str, list[str]] = {}
        for key, reason in self.assumed.items():
            by_reason.setdefault(reason, []).append(FIGURES[key])
        return [f"assumed{f' ({reason})' if reason else ''}: {', '.join(words)}" for reason, words in by_reason.items()]


_SPREADS = sum(key.startswith("spreads.") for key in FIGURES)


def read_marks(tree: Mapping[str, Any], source: str, sources: Sequence[str]) -> Marks:
    """Read the sections `[measured]`, `[assumed_in_part]` and `[assumed]`; what none names is assumed.

    Args:
        tree: The profile's tree.
        source: The profile's name in messages.
        sources: The profile's sources, each `NAME: TEXT`.

    Raises:
        InputError: A key is no figure, a source is none of the profile's, or a figure that the profile lacks is marked.
    """
    names = [one.split(":", 1)[0] for one in sources]
    measured, assumed = _section(tree, source, "measured"), _section(tree, source, "assumed")
    partly = _section(tree, source, "assumed_in_part")
    for key in partly:
        if key not in measured:
            raise InputError(f"{source}: assumed_in_part: {key}: expected a figure of [measured], got one that is not there")
    for key, origin in measured.items():
        if origin not in names:
            choices = f"one of the sources {', '.join(names)}" if names else "a source among `sources`"
            raise InputError(f"{source}: measured: {key}: expected {choices}, got {shown(origin)}{suggestion(origin, names)}")
        if not _states(tree, key):
            raise InputError(f"{source}: measured: {key}: expected a figure that the profile states, got none")
        if key in assumed:
            raise InputError(f"{source}: assumed: {key}: expected a figure that is not measured, got one of [measured]")
    present = [key for key in FIGURES if not key.startswith(_OPTIONAL) or _states(tree, key)]
    reasons = {key: assumed.get(key, "" if _states(tree, key) else NOT_STATED) for key in present if key not in measured}
    return Marks({key: measured[key] for key in present if key in measured}, reasons, partly)


def marks_text(measured: Mapping[str, str], partly: Mapping[str, str], assumed: Mapping[str, str]) -> list[str]:
    """Write the lines that say which figures are measured, by which source, and which assumed."""
    sections = {"measured": measured, "assumed_in_part": partly, "assumed": assumed}
    found: list[str] = []
    for name, marks in sections.items():
        if marks:
            found += [*([""] if found else []), f"[{name}]", *(f'"{key}" = "{text}"' for key, text in marks.items())]
    return found


def _section(tree: Mapping[str, Any], source: str, name: str) -> dict[str, str]:
    given = tree.get(name, {})
    if not isinstance(given, dict):
        raise InputError(f"{source}: {name}: expected a section, got {shown(given)}")
    for key, text in given.items():
        if key not in FIGURES:
            raise unknown(f"{source}: {name}", key, list(FIGURES), what="unknown figure")
        if not isinstance(text, str):
            raise InputError(f"{source}: {name}: {key}: expected text, got {shown(text)}")
    return dict(given)


def _states(tree: Mapping[str, Any], key: str) -> bool:
    section, name = key.split(".")
    own = tree.get(section)
    return isinstance(own, dict) and name in own
