"""A fit as files: the scenario, and beside it the profile it names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import ArrayLike

from auctionsim.traffic.fit.estimates import Fit
from auctionsim.traffic.profile import Spreads

_SECTION = {
    "days": "as many as the table spans; day 0 is its first",
    "auctions_per_day": "in a day of average size",
    "weight": "auctions each cell stands for",
    "queries": "keywords, those never drawn in the table estimated too",
    "candidates": "advertisers that meet in each auction",
    "drift": "log standard deviation a day of keyword volumes",
    "ctr_noise": "log standard deviation of pctr within a keyword and advertiser",
    "cvr_noise": "the same of pcvr, within a day",
    "manual_share": "keyword bids as a share of the value of a click",
    "manual_error": "their log standard deviation around that",
    "manual_spread": "the same of advertisers as a whole",
    "train_days": "learned on",
    "test_days": "held out",
}


def scenario_text(fit: Fit, name: str, profile: str) -> str:
    """The scenario file; `profile` is the path of the profile from there."""
    keys = [f"{key} = {json.dumps(getattr(fit.section, key))}" for key in _SECTION]
    width = max(map(len, (*keys, f"profile = {json.dumps(profile)}"))) + 2
    lines = [f"{line:<{width}}# {words}" for line, words in zip(keys, _SECTION.values(), strict=True)]
    return "\n".join(
        [
            "# Fitted to a traffic table by `auctionsim fit`: figures alone, no name and no row of it. Keys: docs/scenario.md.",
            f"name = {json.dumps(name)}",
            "seed = 0",
            "",
            "[traffic]",
            'source = "synthetic"',
            f"{f'profile = {json.dumps(profile)}':<{width}}# hours, prices, rates and their spreads",
            *lines,
            "",
            "# A table does not say by which auction it was made, nor who is to learn what: this is to be filled in.",
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
            "",
            "[learner]",
            'algorithm = "macg-es"',
            "",
        ]
    )


def profile_text(fit: Fit) -> str:
    """The profile file."""
    profile = fit.profile
    lines = [
        "# Fitted to a traffic table by `auctionsim fit`.",
        f"name = {json.dumps(profile.name)}",
        'sources = ["fitted to a traffic table by auctionsim fit"]',
        "",
        "[hours]",
        "# Share of auctions in each hour.",
        f"share = {_list(profile.hour_share)}",
        "",
        "[categories]",
        "share = [1.0]",
        "",
        "[week]",
        "# Auctions of each hour over that hour's mean, from the table's first day on; 1 for weekdays it does not have.",
        "factor = [",
        *(f"    {_list(row)}," for row in profile.week_factor),
        "]",
        "",
        "[prices]",
        "# Price per click when everybody places the keyword bid, its curve over the day, and the spread of hours around it.",
        f"cpc = {profile.cpc:.8g}",
        f"hour_factor = {_list(profile.cpc_hour_factor)}",
        f"log_sd = {profile.cpc_log_sd:.6f}",
        "",
        "[rates]",
        "# Medians over keywords and advertisers.",
        f"ctr = {profile.ctr:.8g}",
        f"cvr = {profile.cvr:.8g}",
        "",
        "[purchases]",
        "# True conversions over predicted ones.",
        f"hour_factor = {_list(profile.cvr_hour_factor)}",
        "",
        "[budgets]",
        "# Over their median, at even quantiles; all alike where the table knows none.",
        f"quantiles = {_list(profile.budget_quantiles)}",
        "",
        "[spreads]",
        "# Log standard deviations over keywords, advertisers, and pairs of them.",
        *(f"{field.name} = {getattr(profile.spreads, field.name):.6f}" for field in fields(Spreads)),
    ]
    return "\n".join(lines) + "\n"


def _list(figures: ArrayLike) -> str:
    row: Sequence[float] = np.asarray(figures, dtype=np.float64).tolist()
    return "[" + ", ".join(f"{figure:.6g}" for figure in row) + "]"
