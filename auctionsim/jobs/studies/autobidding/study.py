"""Set published instances of autobidding, of learning in auctions and of throttling beside ours."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from auctionsim.analysis.documents.results import interval
from auctionsim.analysis.documents.sections import Heading, Note, Section, Table
from auctionsim.jobs.published_parts import PublishedParts
from auctionsim.jobs.studies.autobidding import instances, targets
from auctionsim.jobs.studies.autobidding.figures import (
    ANARCHY,
    BUDGETS,
    FIGURES,
    FORMATS,
    KINDS,
    LEARNING,
    RETURN,
    TARGETS,
    arm_name,
)

_FIXED: dict[tuple[str, str], Callable[[], dict[str, float]]] = {
    (ANARCHY, "rTruth"): instances.truthful_instance,
    (ANARCHY, "throttling"): instances.throttling,
    (LEARNING, "no swap regret"): instances.correlated,
}
_DRAWN: dict[tuple[str, str], Callable[[int], dict[str, float]]] = {
    (RETURN, "gradients"): instances.regret,
    (ANARCHY, "rFPA"): instances.randomized_markets,
    (TARGETS, "second price"): targets.sensitivity,
    (FORMATS, "scaled bids"): instances.slots,
    (LEARNING, "reports"): instances.reports,
}
_SOURCES = {
    RETURN: "Lucier, Pattathil, Slivkins and Zhang, arXiv 2301.13306v6, Table 1: gamma 1.5, 9,000 rounds; eight bidders here. "
    "Rates of one over the root of the rounds, first multipliers and the fit of exponents are ours, since the source's were "
    "not at hand: regret so far over rounds so far in one run",
    ANARCHY: "Liaw, Mehta and Perlroth 2022 (the form of the randomized auction from memory; its printed bound 1 + 2 log a / "
    "(a - 1 / a) follows from it); Chen, Kroer and Kumar, arXiv 2107.10923 (0.5 is tight; the instance is ours). rFPA: 10 "
    "markets a seed, lognormal values",
    TARGETS: "Li and Tang, IJCAI 2024: a change of 4 %, a quarter of bidders moved by more than 15 %, extremes +45 and -46 %. "
    "Their market is not at hand, nor whose targets change: these have 20 bidders, 100 queries and lognormal values of "
    "deviation 0.5. Moved are conversions, from one equilibrium to the one that replies in turn lead to after the change",
    FORMATS: "survey of Aggarwal et al., arXiv 2408.07685. Five bidders, 200 queries, three slots, four markets a seed",
    LEARNING: "statements of Ipsen and Skoulakis, arXiv 2606.06085, and of Kolumbus and Nisan, arXiv 2110.11855; values and "
    "constants are ours. Values 1 and 0.3 to 1 with grids of 1/4 to 1/16; users with values 10 and 7",
}


def _rest(results: pl.DataFrame) -> list[Section]:
    """Return the tables under the figures."""
    return [*_exponents(results), *_changes(results)]


def _changes(results: pl.DataFrame) -> list[Section]:
    """Return what changes of targets move in markets of all sizes."""
    if results.filter(scenario=TARGETS).is_empty():
        return []
    header = ["bidders, queries, deviation", "one raised: moved", "most lost", "most gained", "all changed: moved", "settled"]
    rows = []
    for name, size in targets.SIZES.items():
        found = [
            interval(results, TARGETS, "second price", f"{metric}_{name}")
            for metric in ("one", "least", "most", "all", "settled")
        ]
        cells = ("not defined: no replies settled" if cell is None else str(cell) for cell in found)
        rows.append([", ".join(map(str, size)), *cells])
    note = (
        "Shares of bidders whose conversions change by more than 15 %, relative changes, and the share of changes that settle."
    )
    return [Heading("Changes of targets by size of market"), Table(header, rows, note)]


def _exponents(results: pl.DataFrame) -> list[Section]:
    """Return all exponents of regret, by both ways to fit them."""
    rows = []
    for pricing in ("first", "second"):
        for rho in BUDGETS:
            for kind in KINDS:
                arm = arm_name(pricing, rho, kind)
                cells = [interval(results, RETURN, "gradients", f"{name}, {arm}") for name in ("exponent", "of_horizons")]
                rows.append([arm, *("not defined: regret below 0" if cell is None else str(cell) for cell in cells)])
    table = Table(["pricing, budget, values", "along one run", "over horizons"], rows)
    horizons = ", ".join(f"{rounds:,}" for rounds in instances.HORIZONS)
    return [
        Heading("All exponents of regret"),
        table,
        Note(f"Along one run of 9,000 rounds at one rate, and over runs of {horizons} rounds, each at its own rate."),
    ]


STUDY = PublishedParts(
    title="Autobidders, learners and throttling: published instances",
    n_seeds=10,
    fixed=_FIXED,
    drawn=_DRAWN,
    quick={part for part in _DRAWN if part[0] == FORMATS},
    figures=FIGURES,
    sources=_SOURCES,
    rest=_rest,
)
