"""Traffic profiles: the figures that the synthetic generator is calibrated on, in small TOML files with their sources."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError, shown, suggestion, unknown
from auctionsim.names.display import short_repr
from auctionsim.names.kinds import MISSING, TOML, UNKNOWN, kind_of_path
from auctionsim.scenario.toml_text import parse_toml
from auctionsim.traffic.profiles.external import External, read_external
from auctionsim.traffic.profiles.figures import MOST_SPREAD, WEEKDAYS, figures
from auctionsim.traffic.profiles.marks import Marks, read_marks
from auctionsim.traffic.table import HOURS

_BUILTIN = "auctionsim.traffic.profiles"
_MOST_WEEK_FACTOR = 100.0
"""Largest factor of an hour of the week, whose mean is 1: one of 10^15 would multiply the auctions by as much."""
PUBLISHED = ("floor_mean", "won_floor_mean", "price_mean", "win_rate")
"""Aggregates of a profile's section `[published]`: means per thousand impressions, and the share of all auctions won."""
CVR_LEVEL = 0.03
"""Level of the conversion rate of a profile that states none; an assumption."""


@dataclass(frozen=True)
class Spreads:
    """Log standard deviations of a world's draws, >= 0: between queries, advertisers, and pairs. Defaults are assumed."""

    query_volume: float = 1.0
    """Spread of query volumes."""
    query_ctr: float = 0.4
    """Spread of click-through rates between queries."""
    query_cvr: float = 0.4
    """Spread of conversion rates between queries."""
    query_value: float = 0.0
    """Spread of values per conversion between queries."""
    advertiser_ctr: float = 0.15
    """Spread of click-through rates between advertisers."""
    advertiser_value: float = 0.15
    """Spread of values per conversion between advertisers."""
    pair_ctr: float = 0.3
    """Spread of click-through rates between pairs of query and advertiser."""
    pair_cvr: float = 0.3
    """Spread of conversion rates between pairs."""
    pair_value: float = 0.3
    """Spread of values per conversion between pairs."""

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class Profile:
    """Figures of a market's traffic."""

    name: str
    """Name of the profile."""
    hour_share: NDArray[np.float64]
    """Share of a day's auctions in each hour, sums to 1, `[24]`."""
    week_factor: NDArray[np.float64]
    """Volume of an hour relative to the same hour's mean over the week, Monday first, `[7, 24]`."""
    category_share: NDArray[np.float64]
    """Share of auctions in each query category, sums to 1, `[categories]`."""
    cpc: float
    """Level of the price per click, currency, > 0."""
    cpc_hour_factor: NDArray[np.float64]
    """Price of each hour relative to the level, > 0, `[24]`."""
    cpc_log_sd: float
    """Log standard deviation of hourly prices around that curve, >= 0."""
    ctr: float
    """Level of the click-through rate, > 0."""
    cvr: float
    """Level of the conversion rate of a click, > 0."""
    cvr_hour_factor: NDArray[np.float64]
    """True conversion rate of each hour relative to the predicted one, > 0, `[24]`. Predictions ignore the hour."""
    budget_quantiles: NDArray[np.float64]
    """Daily budgets relative to their median at equally spaced quantiles, ascending, `[quantiles]`."""
    sources: tuple[str, ...]
    """Origin and license of the figures, one line each."""
    spreads: Spreads = Spreads()
    """Spreads of the generator's draws."""
    external: External | None = None
    """Competition from outside the simulation; None for none."""
    marks: Marks = field(default_factory=lambda: Marks({}, {}, {}))
    """Origin of each figure, measured or assumed."""
    published: dict[str, float] = field(default_factory=dict)
    """Published aggregates that the generator is not given, by name, to be compared with what it draws."""

    __repr__ = short_repr


def builtin_profiles() -> tuple[str, ...]:
    """Return the names of the built-in profiles, in alphabetical order."""
    names = [entry.name for entry in resources.files(_BUILTIN).iterdir()]
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def load_profile(name_or_path: str, folder: Path | None = None, source: str = "traffic.profile") -> Profile:
    """Load a built-in profile by its name, or a profile file by its path.

    Args:
        name_or_path: Name of a built-in profile, or path of a TOML file.
        folder: The folder that a relative path starts from, or None for the current folder.
        source: The place that names the profile, for a message about a missing one, for example `mine.toml: traffic.profile`.

    Raises:
        InputError: There is no such profile, or a figure is missing or invalid; the message names file and key.
    """
    if name_or_path in builtin_profiles():
        text = resources.files(_BUILTIN).joinpath(f"{name_or_path}.toml").read_text(encoding="utf-8")
        return parse_profile(text, name_or_path)
    path = Path(name_or_path) if folder is None else folder / name_or_path
    kind = kind_of_path(path)
    if kind == MISSING:
        names = builtin_profiles()
        raise InputError(
            f"{source}: expected a profile file or one of {', '.join(names)}, got no such file "
            f"'{path}'{suggestion(name_or_path, names)}"
        )
    if not path.is_file() or kind not in (TOML, *UNKNOWN):
        raise InputError(f"{path}: expected a profile file (docs/profiles.md), got {kind}")
    try:
        return parse_profile(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise InputError(f"{path}: expected UTF-8 text, got byte {byte:#04x} at {error.start}") from error


def parse_profile(text: str, source: str) -> Profile:
    """Parse a profile from TOML text.

    Args:
        text: The TOML text.
        source: The profile's name in messages, for example its file.

    Raises:
        InputError: The text is not TOML, or a figure is missing or invalid.
    """
    tree = parse_toml(text, source)
    sources = tuple(str(one) for one in tree.get("sources", ()))
    hours = figures(tree, source, "hours.share", (HOURS,))
    category = figures(tree, source, "categories.share", (None,))
    return Profile(
        name=str(tree.get("name", source)),
        hour_share=hours / hours.sum(),
        week_factor=figures(tree, source, "week.factor", (WEEKDAYS, HOURS), maximum=_MOST_WEEK_FACTOR),
        category_share=category / category.sum(),
        cpc=float(figures(tree, source, "prices.cpc", ())),
        cpc_hour_factor=figures(tree, source, "prices.hour_factor", (HOURS,)),
        cpc_log_sd=float(figures(tree, source, "prices.log_sd", (), minimum=0.0, maximum=MOST_SPREAD)),
        ctr=float(figures(tree, source, "rates.ctr", ())),
        cvr=float(figures(tree, source, "rates.cvr", ())) if "cvr" in tree.get("rates", ()) else CVR_LEVEL,
        cvr_hour_factor=figures(tree, source, "purchases.hour_factor", (HOURS,)) if "purchases" in tree else np.ones(HOURS),
        budget_quantiles=np.sort(figures(tree, source, "budgets.quantiles", (None,))),
        sources=sources,
        spreads=_spreads(tree, source),
        external=read_external(tree, source),
        marks=read_marks(tree, source, sources),
        published=_published(tree, source),
    )


def _spreads(tree: dict[str, Any], source: str) -> Spreads:
    given = tree.get("spreads", {})
    if not isinstance(given, dict):
        raise InputError(f"{source}: spreads: expected a section, got {shown(given)}")
    names = [field.name for field in fields(Spreads)]
    for name in given:
        if name not in names:
            raise unknown(f"{source}: spreads", name, names, what="unknown key")
    return Spreads(
        **{name: float(figures(tree, source, f"spreads.{name}", (), minimum=0.0, maximum=MOST_SPREAD)) for name in given}
    )


def _published(tree: dict[str, Any], source: str) -> dict[str, float]:
    given = tree.get("published", {})
    if not isinstance(given, dict):
        raise InputError(f"{source}: published: expected a section, got {shown(given)}")
    if given and "external" not in tree:
        raise InputError(f"{source}: published: expected with [external] alone, got it without")
    for name in given:
        if name not in PUBLISHED:
            raise unknown(f"{source}: published", name, PUBLISHED, what="unknown aggregate")
    return {name: float(figures(tree, source, f"published.{name}", (), minimum=0.0)) for name in given}
