"""Traffic profiles: the figures the synthetic generator is calibrated on, in small TOML files with their sources."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError, shown, suggestion, unknown
from auctionsim.traffic.table import HOURS

_BUILTIN = "auctionsim.traffic.profiles"
CVR_LEVEL = 0.03
"""Level of the conversion rate where a profile names none; a supposition."""


@dataclass(frozen=True)
class Spreads:
    """How far a world's draws lie apart, as log standard deviations. The defaults are suppositions."""

    query_volume: float = 1.0
    query_ctr: float = 0.4
    query_cvr: float = 0.4
    query_value: float = 0.0
    advertiser_ctr: float = 0.15
    advertiser_value: float = 0.15
    pair_ctr: float = 0.3
    pair_cvr: float = 0.3
    pair_value: float = 0.3


@dataclass(frozen=True, eq=False)
class Profile:
    """Figures of a market's traffic."""

    name: str
    hour_share: NDArray[np.float64]
    """Share of a day's auctions in each hour, `[24]`, sums to 1."""
    week_factor: NDArray[np.float64]
    """Volume of an hour relative to the same hour's mean over the week, `[7, 24]`, Monday first."""
    category_share: NDArray[np.float64]
    """Share of auctions in each query category, sums to 1."""
    cpc: float
    """Level of the price per click, currency."""
    cpc_hour_factor: NDArray[np.float64]
    """Price of an hour relative to the level, `[24]`."""
    cpc_log_sd: float
    """Log standard deviation of hourly prices around that curve."""
    ctr: float
    """Level of the click-through rate."""
    cvr: float
    """Level of the conversion rate of a click."""
    cvr_hour_factor: NDArray[np.float64]
    """True conversion rate of an hour relative to the predicted one, `[24]`: predictions do not know the hour."""
    budget_quantiles: NDArray[np.float64]
    """Daily budgets relative to their median at equally spaced quantiles, ascending."""
    sources: tuple[str, ...]
    """Origin and licence of the figures, one line each."""
    spreads: Spreads = Spreads()


def builtin_profiles() -> tuple[str, ...]:
    """Names of the built-in profiles."""
    names = [entry.name for entry in resources.files(_BUILTIN).iterdir()]
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def load_profile(name_or_path: str, folder: Path | None = None, place: str = "") -> Profile:
    """Load a built-in profile by name or a profile file by path (relative to `folder`); `place` is who names it, for messages.

    Raises:
        InputError: No such profile, or a figure is missing or wrong; the message names file and key.
    """
    if name_or_path in builtin_profiles():
        text = resources.files(_BUILTIN).joinpath(f"{name_or_path}.toml").read_text(encoding="utf-8")
        return parse_profile(text, name_or_path)
    path = Path(name_or_path) if folder is None else folder / name_or_path
    if not path.is_file():
        names = builtin_profiles()
        raise InputError(
            f"{place}traffic.profile: expected a profile file or one of {', '.join(names)}, got no such file "
            f"'{path}'{suggestion(name_or_path, names)}"
        )
    try:
        return parse_profile(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise InputError(f"{path}: expected UTF-8 text, got byte {byte:#04x} at {error.start}") from error


def parse_profile(text: str, place: str) -> Profile:
    """A profile from TOML text; `place` names it in messages."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{place}: expected TOML, got a syntax error: {error}") from error
    except RecursionError as error:
        raise InputError(f"{place}: expected TOML of a few levels, got one nested too deeply") from error
    hours = _figures(tree, place, "hours.share", (24,))
    category = _figures(tree, place, "categories.share", (None,))
    return Profile(
        name=str(tree.get("name", place)),
        hour_share=hours / hours.sum(),
        week_factor=_figures(tree, place, "week.factor", (7, 24)),
        category_share=category / category.sum(),
        cpc=float(_figures(tree, place, "prices.cpc", ())),
        cpc_hour_factor=_figures(tree, place, "prices.hour_factor", (24,)),
        cpc_log_sd=float(_figures(tree, place, "prices.log_sd", (), at_least=0.0)),
        ctr=float(_figures(tree, place, "rates.ctr", ())),
        cvr=float(_figures(tree, place, "rates.cvr", ())) if "cvr" in tree.get("rates", ()) else CVR_LEVEL,
        cvr_hour_factor=_figures(tree, place, "purchases.hour_factor", (24,)) if "purchases" in tree else np.ones(HOURS),
        budget_quantiles=np.sort(_figures(tree, place, "budgets.quantiles", (None,))),
        sources=tuple(str(source) for source in tree.get("sources", ())),
        spreads=_spreads(tree, place),
    )


def _spreads(tree: dict[str, Any], place: str) -> Spreads:
    given = tree.get("spreads", {})
    if not isinstance(given, dict):
        raise InputError(f"{place}: spreads: expected a section, got {shown(given)}")
    names = [field.name for field in fields(Spreads)]
    for name in given:
        if name not in names:
            raise unknown(f"{place}: spreads", name, names, what="unknown key")
    return Spreads(**{name: float(_figures(tree, place, f"spreads.{name}", (), at_least=0.0)) for name in given})


def _figures(
    tree: dict[str, Any], place: str, key: str, shape: tuple[int | None, ...], at_least: float = 1e-12
) -> NDArray[np.float64]:
    node: Any = tree
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            raise InputError(f"{place}: {key}: expected figures, got nothing")
        node = node[part]
    try:
        figures = np.asarray(node, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{place}: {key}: expected numbers, got {str(node)[:60]}") from None
    if figures.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, figures.shape, strict=True)):
        words = " x ".join("any number of" if n is None else str(n) for n in shape) or "one"
        raise InputError(f"{place}: {key}: expected {words} numbers, got shape {list(figures.shape)}")
    if not (np.isfinite(figures).all() and (figures >= at_least).all()):
        wrong = figures[~(np.isfinite(figures) & (figures >= at_least))].flat[0]
        raise InputError(f"{place}: {key}: expected numbers {'at least 0' if at_least == 0 else 'above 0'}, got {wrong}")
    return figures
