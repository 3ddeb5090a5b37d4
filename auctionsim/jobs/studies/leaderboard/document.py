"""Write the leaderboard: interquartile means and mean ranks over all markets, the round robin, and a table per market."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import polars as pl

from auctionsim.agents.learners.fingerprint import SAME_EVERYWHERE
from auctionsim.analysis.documents.results import by_seed, interval, paired_values
from auctionsim.analysis.documents.sections import Heading, Note, Section, Table, Text
from auctionsim.analysis.interquartile import (
    BOOTSTRAP,
    compare_middles,
    interquartile_interval,
    interquartile_mean,
    middle_interval,
)
from auctionsim.analysis.statistics import INTERVALS, Interval, mean_interval, rank_text, ranks
from auctionsim.jobs.studies.leaderboard.entrants import HINDSIGHT as _HINDSIGHT
from auctionsim.jobs.studies.leaderboard.round_robin_document import round_robin_sections
from auctionsim.jobs.studies.leaderboard.version import FIRST_JUDGED_SEED, are_judged

_COLUMNS = {
    "objective": "Objective",
    "score": "AuctionNet score",
    "roi": "ROI",
    "budget_used": "Budget used",
    "revenue": "Revenue",
    "collusion": "Collusion index",
    "seconds": "Seconds",
}


def leaderboard_sections(
    results: pl.DataFrame,
    learners: Collection[str],
    strata: Mapping[str, int] | None = None,
    meeting: tuple[str, str] = ("", ""),
) -> list[Section]:
    """Return the sections of the leaderboard, the best entrants of each market first.

    Args:
        results: The rows of results.parquet.
        learners: The names of the entrants that learn; the others are rules.
        strata: Stratum of each market; markets of one share the world of a seed. Each is its own by default.
        meeting: Scenario and arm of the round robin.
    """
    markets = [market for market in results["scenario"].unique(maintain_order=True) if market != meeting[0]]
    ranked = {market: _ranked(results, market) for market in markets}
    seeds = results["seed"].n_unique()
    parts: list[Section] = [
        Text(_seeds_text(results)),
        *(Text(_best_two(results, market, names)) for market, names in ranked.items()),
        Text(
            "All advertisers maximize their own objectives with the same budgets, traffic and replays of training days, and "
            "with default constants (the Q-learners of SS-RTB with constants for short days). Nothing was tuned: a rank shows "
            "what an entrant reaches under these conditions, not what it could reach. 'one': one advertiser follows the "
            "entrant among keyword bidders; 'all': every learner does. uscb-oracle knows the test day and is not ranked. The "
            "Q-learners of SS-RTB maximize GMV at the cost of keyword bids whatever the objective; maab and dcmab ignore CPC "
            "caps. Without a revenue floor the fitted rules (value-scale and the like) take the scale of the largest mean "
            "fitness; those that pace replay each training day twice."
        ),
        Heading("Interquartile mean"),
        _interquartile(results, markets, learners, strata or {}),
        Heading("Mean rank"),
        _ranks(results, markets, learners),
        *round_robin_sections(results, *meeting),
    ]
    for market in markets:
        parts += [Heading(market), _market_table(results, market, ranked[market], learners)]
    parts.append(
        Note(
            f"Held-out test days, {seeds} seeds. Objective: weighted objective as a ratio to that of keyword bids, mean over "
            "the advertisers that follow the entrant; interquartile mean over the seeds, by which entrants are ranked, with "
            f"{BOOTSTRAP}, since the ratio is large on a seed on which keyword bids earn next to nothing. Other columns: means "
            f"with {INTERVALS}. Revenue: the platform's revenue as a ratio to "
            "the baseline. Collusion index: profit gain if all follow the entrant, 0 at truthful bids and 1 at the cartel. "
            "Seconds: wall time of training, or of preparing the rule, on the machine that made this table; it alone differs "
            f"from run to run. On another processor the figures of {', '.join(_torch_trained(learners))} may differ: torch "
            "sums in an order that depends on it. Those of all others follow from the traffic alone."
        )
    )
    return parts


def _seeds_text(results: pl.DataFrame) -> str:
    """Return what the seeds are: kept back, or open to tuning."""
    seeds = sorted(results["seed"].unique().to_list())
    named = f"seeds {', '.join(map(str, seeds))}"
    if are_judged(seeds):
        return f"Judged on {named}, which are kept back: constants and markets are chosen on seeds below {FIRST_JUDGED_SEED}."
    return f"Not judged: {named} are open to tuning. Claims need seeds from {FIRST_JUDGED_SEED} on."


def _interquartile(
    results: pl.DataFrame, markets: Sequence[str], learners: Collection[str], strata: Mapping[str, int]
) -> Table:
    """Return the interquartile mean of each entrant's objective over all markets and seeds."""
    own = results.filter(pl.col("scenario").is_in(markets))
    names = [name for name in own["arm"].unique(maintain_order=True) if name not in _HINDSIGHT]
    seeds = set(own["seed"].to_list())
    found = {}
    for name in names:
        values = [by_seed(results, market, name, "objective") for market in markets]
        if all(one.keys() == seeds for one in values):
            scores = np.array([[one[seed] for seed in sorted(seeds)] for one in values])
            found[name] = interquartile_interval(scores, [strata.get(market, i + 100) for i, market in enumerate(markets)])
    rows = [[name, _kind(name, learners), str(found[name])] for name in sorted(found, key=lambda name: -found[name].mean)]
    missing = [name for name in names if name not in found]
    rows += [[name, _kind(name, learners), "not defined: a market without its objective"] for name in missing]
    note = (
        f"Objective as a ratio to that of keyword bids: mean of the middle half of {len(markets)} markets x {len(seeds)} "
        f"seeds, with {BOOTSTRAP}, expanded for few seeds (Agarwal et al. 2021; Hesterberg 2015). Markets that share a seed's "
        "world are one stratum."
    )
    return Table(["Entrant", "Kind", "Interquartile mean"], rows, note)


def _torch_trained(learners: Collection[str]) -> list[str]:
    """Return the learners whose bytes depend on the processor: all but the evolution strategies."""
    return [name for name in learners if name not in SAME_EVERYWHERE]


def _ranked(results: pl.DataFrame, market: str) -> list[str]:
    """Return a market's entrants by objective, best first; those that know the test day are among them.

    Entrants whose objective is not defined come last.
    """
    names = list(results.filter(scenario=market)["arm"].unique(maintain_order=True))
    known = list(ranks(_objectives(results, market, names)))
    return known + [name for name in names if name not in known]


def _objectives(results: pl.DataFrame, market: str, names: Sequence[str]) -> dict[str, float]:
    """Return the interquartile mean of the objective over seeds of each name that has one."""
    values = {name: list(by_seed(results, market, name, "objective").values()) for name in names}
    return {name: interquartile_mean(own) for name, own in values.items() if own}


def _cell(results: pl.DataFrame, market: str, name: str, metric: str) -> Interval | None:
    """Return a metric over the seeds: the objective's interquartile mean, and the mean of others; None if not measured."""
    if metric != "objective":
        return interval(results, market, name, metric)
    values = list(by_seed(results, market, name, metric).values())
    return middle_interval(values) if values else None


def _best_two(results: pl.DataFrame, market: str, names: Sequence[str]) -> str:
    """Return the best of a market, those that tie with it, and its lead over the next one, paired by seed."""
    ranked = ranks(_objectives(results, market, [name for name in names if name not in _HINDSIGHT]))
    best, *tied = [name for name, rank in ranked.items() if rank == next(iter(ranked.values()))]
    text = f"{market}: {' and '.join([best, *tied])} {_cell(results, market, best, 'objective')}"
    if len(ranked) == 1 + len(tied):
        return f"{text}."
    second = list(ranked)[1 + len(tied)]
    lead = compare_middles(*paired_values(results, market, best, second, "objective"))
    return f"{text}, then {second} {_cell(results, market, second, 'objective')}; the lead, paired by seed, is {lead}" + (
        "." if lead.differs else ", which does not tell them apart."
    )


def _ranks(results: pl.DataFrame, markets: Sequence[str], learners: Collection[str]) -> Table:
    """Return the mean ranks over markets; each seed is ranked by itself, so that the interval is over seeds."""
    own = results.filter(pl.col("scenario").is_in(markets))
    names = [name for name in own["arm"].unique(maintain_order=True) if name not in _HINDSIGHT]
    ranks_of: dict[str, dict[int, list[float]]] = {name: {} for name in names}
    for market in markets:
        objective = {name: by_seed(results, market, name, "objective") for name in names}
        for seed in sorted({seed for own in objective.values() for seed in own}):
            for name, rank in ranks({name: own[seed] for name, own in objective.items() if seed in own}).items():
                ranks_of[name].setdefault(seed, []).append(rank)
    # A mean over some of the markets only would be no mean of the same thing.
    whole = {name: [own for own in seeds.values() if len(own) == len(markets)] for name, seeds in ranks_of.items()}
    found = {name: mean_interval(np.mean(own, axis=1)) for name, own in whole.items() if own}
    rows = [[name, _kind(name, learners), str(found[name])] for name in sorted(found, key=lambda name: found[name].mean)]
    rows += [
        [name, _kind(name, learners), "not defined: a market without its objective"] for name in names if name not in found
    ]
    note = f"Over {len(markets)} markets; 1 is best of {len(names)}. Tied entrants share the mean of their places."
    return Table(["Entrant", "Kind", "Mean rank"], rows, note)


def _market_table(results: pl.DataFrame, market: str, names: Sequence[str], learners: Collection[str]) -> Table:
    own = results.filter(scenario=market)
    columns = {name: label for name, label in _COLUMNS.items() if name in set(own["metric"])}
    ranked = ranks(_objectives(results, market, [name for name in names if name not in _HINDSIGHT]))
    rows = []
    for name in names:
        cells = [_cell(own, market, name, metric) for metric in columns]
        texts = [
            "" if cell is None else f"{cell.mean:.1f}" if metric == "seconds" else str(cell)
            for metric, cell in zip(columns, cells, strict=True)
        ]
        rank = rank_text(ranked[name], ranked.values()) if name in ranked else ""
        rows.append([name, rank, _kind(name, learners), *texts])
    return Table(["Entrant", "Rank", "Kind", *columns.values()], rows)


def _kind(name: str, learners: Collection[str]) -> str:
    if ":" in name:
        return "own"
    return "hindsight" if name in _HINDSIGHT else "learner" if name in learners else "rule"
