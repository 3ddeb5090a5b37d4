"""The leaderboard's document: who ranks where, and a ranked table per market."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import polars as pl

from auctionsim.analysis.documents.results import by_seed, interval
from auctionsim.analysis.documents.sections import Heading, Note, Section, Table, Text
from auctionsim.analysis.reports.metrics import bootstrap

_COLUMNS = {
    "objective": "Objective",
    "roi": "ROI",
    "budget_used": "Budget used",
    "revenue": "Revenue",
    "collusion": "Collusion index",
    "seconds": "Seconds",
}
# Knows the test day: shown, not ranked.
_HINDSIGHT = ("uscb-oracle",)


def leaderboard_sections(results: pl.DataFrame, learners: Collection[str]) -> list[Section]:
    """The document; the order of the ranks first."""
    markets = list(results["scenario"].unique(maintain_order=True))
    ranked = {market: _ranked(results, market) for market in markets}
    seeds = results["seed"].n_unique()
    parts: list[Section] = [
        *(Text(_first(results, market, names)) for market, names in ranked.items()),
        Text(
            "Everybody climbs its own objective with the same budgets, traffic and replays of training days, with constants as "
            "they stand (the Q-learners of SS-RTB with those of short days): a place here says what an entrant reaches so, not "
            "what it could. 'one': one advertiser follows the entrant among keyword bidders; 'all': everybody does. "
            "uscb-oracle knows the test day and is not ranked. The Q-learners of SS-RTB seek GMV at the cost of keyword bids "
            "whatever the objective; maab and dcmab know no caps."
        ),
        Heading("Mean rank"),
        _ranks(results, markets, learners),
    ]
    for market in markets:
        parts += [Heading(market), _market_table(results, market, ranked[market], learners)]
    parts.append(
        Note(
            f"Means over {seeds} seeds with 95 % bootstrap intervals, days not trained on. Objective: own weighted objective "
            "over that of keyword bids, mean over those that follow the entrant. Revenue: the platform's over the reference's. "
            "Collusion index: profit gain, 0 at truthful bids and 1 for the cartel, where all follow the entrant. Seconds: "
            "training on the machine that made this table, or preparing the rule; they alone differ from run to run."
        )
    )
    return parts


def _ranked(results: pl.DataFrame, market: str) -> list[str]:
    """Entrants by mean objective, those in hindsight where they fall."""
    names = list(results.filter(scenario=market)["arm"].unique(maintain_order=True))
    means = {name: float(np.mean(list(by_seed(results, market, name, "objective").values()) or [-np.inf])) for name in names}
    return sorted(names, key=lambda name: (-means[name], name))


def _first(results: pl.DataFrame, market: str, names: Sequence[str]) -> str:
    best, second = [name for name in names if name not in _HINDSIGHT][:2]
    return f"{market}: {best} {interval(results, market, best, 'objective')}, then {second} " + (
        f"{interval(results, market, second, 'objective')}."
    )


def _ranks(results: pl.DataFrame, markets: Sequence[str], learners: Collection[str]) -> Table:
    """Mean rank over markets, by seed, so that the interval is over seeds."""
    names = [name for name in results["arm"].unique(maintain_order=True) if name not in _HINDSIGHT]
    places: dict[str, dict[int, list[int]]] = {name: {} for name in names}
    for market in markets:
        objective = {name: by_seed(results, market, name, "objective") for name in names}
        for seed in sorted({seed for own in objective.values() for seed in own}):
            here = sorted((name for name in names if seed in objective[name]), key=lambda name: (-objective[name][seed], name))
            for place, name in enumerate(here, start=1):
                places[name].setdefault(seed, []).append(place)
    found = {name: bootstrap([float(np.mean(own)) for own in by_seed_.values()]) for name, by_seed_ in places.items()}
    rows = [[name, _kind(name, learners), str(found[name])] for name in sorted(names, key=lambda name: found[name].mean)]
    return Table(["Entrant", "Kind", "Mean rank"], rows, f"Over {len(markets)} markets; 1 is best of {len(names)}.")


def _market_table(results: pl.DataFrame, market: str, names: Sequence[str], learners: Collection[str]) -> Table:
    own = results.filter(scenario=market)
    columns = {name: label for name, label in _COLUMNS.items() if name in set(own["metric"])}
    rows, place = [], 0
    for name in names:
        place += name not in _HINDSIGHT
        cells = [interval(own, market, name, metric) for metric in columns]
        texts = [
            "" if cell is None else f"{cell.mean:.1f}" if metric == "seconds" else str(cell)
            for metric, cell in zip(columns, cells, strict=True)
        ]
        rows.append([name, "" if name in _HINDSIGHT else str(place), _kind(name, learners), *texts])
    return Table(["Entrant", "Rank", "Kind", *columns.values()], rows)


def _kind(name: str, learners: Collection[str]) -> str:
    return "hindsight" if name in _HINDSIGHT else "learner" if name in learners else "rule"
