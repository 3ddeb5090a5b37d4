"""A fit as text: the scenario, and the profile that it names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import ArrayLike

from auctionsim.scenario.text import toml_string
from auctionsim.traffic.fit.estimates import Fit
from auctionsim.traffic.profile import Profile, Spreads
from auctionsim.traffic.profiles.marks import FIGURES, marks_text

_SECTION = {
    "days": "number of days that the table spans; day 0 is its first",
    "auctions_per_day": "in a day of average size",
    "weight": "auctions that each cell stands for",
    "queries": "estimated number, with queries that the table does not show",
    "candidates": "advertisers that meet in each auction",
    "drift": "log standard deviation per day of query volumes",
    "ctr_noise": "log standard deviation of pctr within a query and advertiser",
    "cvr_noise": "log standard deviation of pcvr within a query, advertiser and day",
    "manual_share": "keyword bids as a share of the value of a click",
    "manual_error": "log standard deviation of keyword bids around that share",
    "manual_spread": "log standard deviation of keyword bids between advertisers",
    "train_days": "days to train on",
    "test_days": "days held out",
}
"""Keys of the section `[traffic]` that are written, each with its comment."""


def scenario_text(fit: Fit, name: str, profile: str) -> str:
    """Write the scenario as TOML text.

    Args:
        fit: The fitted generator.
        name: Name of the scenario.
        profile: Path of the profile's file relative to the scenario's.
    """
    keys = [f"{key} = {json.dumps(getattr(fit.section, key))}" for key in _SECTION]
    width = max(map(len, (*keys, f"profile = {toml_string(profile)}"))) + 2
    lines = [f"{line:<{width}}# {words}" for line, words in zip(keys, _SECTION.values(), strict=True)]
    return "\n".join(
        [
            "# Fitted to a traffic table by `auctionsim fit`; holds no name and no row of the table. Keys: docs/scenario.md.",
            f"name = {toml_string(name)}",
            "seed = 0",
            "",
            "[traffic]",
            'source = "synthetic"',
            f"{f'profile = {toml_string(profile)}':<{width}}# hours, prices, rates and their spreads",
            *lines,
            "",
            "# A table does not state the auction's rules or the advertisers' goals. Change what follows to yours.",
            "[mechanism]",
            'pricing = "gsp"',
            "slot_effect = [1.0]",
            "reserve = 0.0",
            "",
            "[platform]",
            'baseline = "manual"',
            "",
            "[[advertisers]]",
            'group = "advertiser"',
            f"count = {fit.advertisers}",
            'controller = "learner"',
            "objectives = { profit = 1.0 }",
            *_budget_line(fit),
            "",
            "[learner]",
            'algorithm = "macg-es"',
            "",
        ]
    )


def _budget_line(fit: Fit) -> list[str]:
    """Return the line of the budgets: of a table with budgets alone, since their level is in no figure of the profile."""
    if fit.budget_share is None:
        return []
    return [
        f'budget = "profile*{fit.budget_share:.6g}"  # median budget over an advertiser\'s mean spend a day without budgets'
    ]


def profile_text(fit: Fit) -> str:
    """Write the profile as TOML text."""
    profile = fit.profile
    lines = [
        "# Fitted to a traffic table by `auctionsim fit`.",
        f"name = {toml_string(profile.name)}",
        'sources = ["table: fitted to a traffic table by auctionsim fit"]',
        "",
        *marks_text(dict.fromkeys(_fitted(profile), "table"), {}, {}),
        "",
        "[hours]",
        "# Share of auctions in each hour.",
        f"share = {_list(profile.hour_share)}",
        "",
        "[categories]",
        "share = [1.0]",
        "",
        "[week]",
        "# Auctions of each hour over that hour's mean, from the table's first day on; 1 for weekdays that the table lacks.",
        "factor = [",
        *(f"    {_list(row)}," for row in profile.week_factor),
        "]",
        "",
        "[prices]",
        "# Price per click under keyword bids, its curve over the day, and the log spread of hours around the curve.",
        f"cpc = {profile.cpc:.8g}",
        f"hour_factor = {_list(profile.cpc_hour_factor)}",
        f"log_sd = {profile.cpc_log_sd:.6f}",
        "",
        "[rates]",
        "# Medians over queries and advertisers.",
        f"ctr = {profile.ctr:.8g}",
        f"cvr = {profile.cvr:.8g}",
        "",
        "[purchases]",
        "# True conversions over predicted ones.",
        f"hour_factor = {_list(profile.cvr_hour_factor)}",
        "",
        "[budgets]",
        "# Budgets over their median, at even quantiles; all 1 if the table has no budgets.",
        f"quantiles = {_list(profile.budget_quantiles)}",
        "",
        "[spreads]",
        "# Log standard deviations between queries, advertisers, and pairs of them.",
        *(f"{field.name} = {getattr(profile.spreads, field.name):.6f}" for field in fields(Spreads)),
    ]
    return "\n".join(lines) + "\n"


def _fitted(profile: Profile) -> list[str]:
    """Return the keys of the figures that a table tells: no categories, and budgets only where they differ."""
    lacks = {"categories.share"} | ({"budgets.quantiles"} if np.ptp(profile.budget_quantiles) == 0 else set())
    return [key for key in FIGURES if key not in lacks and not key.startswith("external.")]


def _list(figures: ArrayLike) -> str:
    row: Sequence[float] = np.asarray(figures, dtype=np.float64).tolist()
    return "[" + ", ".join(f"{figure:.6g}" for figure in row) + "]"
