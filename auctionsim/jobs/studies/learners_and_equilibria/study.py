"""Measure how near learners come to equilibria that are known, while they learn and at the end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl

from auctionsim.analysis.documents.curves import line_of
from auctionsim.analysis.documents.plots.lines import lines_figure
from auctionsim.analysis.documents.published import Published, published_table, verdict
from auctionsim.analysis.documents.results import interval
from auctionsim.analysis.documents.sections import Heading, Picture, Section, Table, Text
from auctionsim.analysis.statistics import INTERVALS, Interval
from auctionsim.equilibria.private_values.bid_profile import BidProfile
from auctionsim.equilibria.private_values.losses import distances, losses, losses_against
from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.jobs.studies.learners_and_equilibria import arms
from auctionsim.jobs.studies.learners_and_equilibria.arms import Arm
from auctionsim.jobs.studies.learners_and_equilibria.auctions import PrivateValues, bids_by_value, drawn_traffic
from auctionsim.jobs.studies.learners_and_equilibria.pacing import pacing_equilibrium, pacing_figures, pacing_traffic
from auctionsim.jobs.studies.learners_and_equilibria.progress import POINTS, measured
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy

STRAIGHT = "first price, U[0,1] against U[0,2]"
BENT = f"{STRAIGHT}, bent bids"
AUCTIONS = {
    "first price, 2 bidders": PrivateValues((1.0,) * 2),
    "first price, 5 bidders": PrivateValues((1.0,) * 5),
    "first price, 10 bidders": PrivateValues((1.0,) * 10),
    STRAIGHT: PrivateValues((1.0, 2.0)),
    BENT: PrivateValues((1.0, 2.0), curves=(2.0, 0.5)),
    "second price, 2 bidders": PrivateValues((1.0,) * 2, "second"),
}
PACING = "first price with budgets (FPPE)"
_PACED = (arms.EQUILIBRIUM, arms.DUAL_PACING, arms.MACG_WIDE, arms.IPPO, arms.Q_LEARNING, arms.EXP3)
_EVERY = 8
"""Hours from one whose bids are read to the next: those of a network differ by hour."""
_REPRODUCED = (
    *((scenario, arms.MACG) for scenario in AUCTIONS if scenario != BENT),
    (BENT, arms.MACG_BENT),
)
_KINDS = {"loss@100": "utility loss", "loss_against@100": "utility loss against equilibrium bids"}


class _Study:
    title = "Learners and known equilibria"
    n_seeds = 10
    first_seed = 4
    """Learners were tuned on the seeds below."""
    libraries = ("torch",)

    def units(self, options: Options) -> Sequence[Unit]:
        scenarios = list(AUCTIONS)[:1] if options.quick else list(AUCTIONS)
        pairs = [(scenario, arm) for scenario in scenarios for arm in arms_of(scenario)]
        pairs += [(PACING, arm) for arm in (_PACED[:3] if options.quick else _PACED)]
        return [Unit(scenario, arm.name, seed) for seed in options.seeds for scenario, arm in pairs]

    def run(self, unit: Unit, options: Options) -> Findings:
        arm = next(each for each in arms_of(unit.scenario) if each.name == unit.arm)
        if unit.scenario == PACING:
            known = pacing_equilibrium(unit.seed)
            scenario = arm.scenario(len(known.values), "first", has_budgets=True, is_quick=options.quick)
            traffic = pacing_traffic(known, are_bids=arm is arms.EQUILIBRIUM)
            return Findings(*measured(scenario, traffic, unit.seed, partial(pacing_figures, known)))
        auction = AUCTIONS[unit.scenario]
        equilibrium = auction.equilibrium()
        scenario = arm.scenario(len(auction.highs), auction.pricing, is_quick=options.quick)
        traffic = drawn_traffic(auction, unit.seed, rivals=equilibrium if arm.is_alone else None)
        return Findings(*measured(scenario, traffic, unit.seed, partial(figures, auction, equilibrium, arm)))

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:
        pairs = _against_published(results)
        parts: list[Section] = [Text(verdict(pairs)), published_table(pairs, _SOURCE), Text(_READING)]
        for scenario in results["scenario"].unique(maintain_order=True):
            columns = _PACING_COLUMNS if scenario == PACING else _COLUMNS
            title = scenario[0].upper() + scenario[1:]
            parts += [Heading(title), _table(results, scenario, columns), _picture(curves, scenario)]
        return [*parts, Heading("What is measured"), Text(_MEASURES)]


def arms_of(scenario: str) -> tuple[Arm, ...]:
    """Return the arms that are measured in a scenario."""
    if scenario == PACING:
        return _PACED
    if scenario == BENT:
        return (arms.MACG_BENT,)
    return arms.FOR_THEMSELVES + (arms.FOR_THE_TOTAL if scenario == next(iter(AUCTIONS)) else ())


def figures(auction: PrivateValues, equilibrium: BidProfile, arm: Arm, market: Market, policy: Policy) -> dict[str, float]:
    """Return a policy's distance to the equilibrium and its losses, means over the bidders that learn.

    Returns:
        `l2`, `loss`, `worst` (the largest loss of a bidder) and `loss_against`, as the page explains them.
    """
    who = slice(0, 1) if arm.is_alone else slice(None)
    found = np.zeros((3, len(auction.highs[who])))
    for share, profile in bids_by_value(auction, market, policy, every=_EVERY):
        found += share * np.stack(
            [
                distances(profile, equilibrium)[who],
                losses(profile, auction.pricing).relative[who],
                losses_against(profile, equilibrium, auction.pricing)[who],
            ]
        )
    l2, loss, against = found.mean(axis=1)
    return {"l2": float(l2), "loss": float(loss), "worst": float(found[1].max()), "loss_against": float(against)}


def _against_published(results: pl.DataFrame) -> list[tuple[Published, Interval]]:
    """Return the utility losses of `macg-es` at the end beside what is published for evolution strategies."""
    pairs = []
    for metric, kind in _KINDS.items():
        for scenario, arm in _REPRODUCED:
            found = interval(results, scenario, arm.name, metric)
            if found is not None:
                pairs.append((Published(f"{kind} of macg-es, {scenario}", "< 1 %", 0.0, 0.01), found))
    return pairs


def _table(results: pl.DataFrame, scenario: str, columns: dict[str, str]) -> Table:
    """Return one row per arm: means over seeds with their intervals."""
    rows = []
    for arm in results.filter(scenario=scenario)["arm"].unique(maintain_order=True):
        found = [interval(results, scenario, arm, metric) for metric in columns]
        rows.append([arm, *("not measured" if one is None else str(one) for one in found)])
    note = f"Means over seeds with {INTERVALS}; where losses are skewed, as near 0, such intervals cover some 90 %."
    return Table(["", *columns.values()], rows, note)


def _picture(curves: pl.DataFrame, scenario: str) -> Picture:
    """Return the learning curves of a scenario."""
    lines = {
        arm: line_of(curves, scenario, arm, "loss")
        for arm in curves.filter(scenario=scenario)["arm"].unique(maintain_order=True)
    }
    learning = {arm: line for arm, line in lines.items() if len(line.x) > 1}
    name = "".join(letter if letter.isalnum() else "-" for letter in scenario)
    what = "gain of the best multiplier, share of the value of everything" if scenario == PACING else "relative utility loss"
    caption = f"While learning, {scenario}: {what}, means over bidders, then over seeds, with {INTERVALS}."
    return Picture(
        name, lines_figure(learning, "Replays of the training day", what.capitalize().split(",")[0], dots=True), caption
    )


def _per_cent(share: float) -> int:
    return round(100 * share)


_COLUMNS = {
    **{f"loss@{_per_cent(share)}": f"loss at {_per_cent(share)} %" for share in POINTS},
    "worst@100": "worst bidder's loss",
    "loss_against@100": "loss against equilibrium bids",
    "l2@0": "distance at 0 %",
    "l2@50": "distance at 50 %",
    "l2@100": "distance at the end",
}
_PACING_COLUMNS = {
    "loss@0": "loss at 0 %", "loss@25": "loss at 25 %", "loss@100": "loss at the end", "worst@100": "worst bidder's loss",
    "l2@0": "distance at 0 %", "l2@100": "distance at the end", "revenue@100": "revenue / FPPE",
}  # fmt: skip
_SOURCE = (
    "NPGA of bnelearn (Bichler, Fichtl, Heidekrueger, Kohring and Sutterer, Nature Machine Intelligence 2021), an evolution "
    "strategy over networks; evolution strategies find such equilibria also in Li and Wellman, AAAI 2021. The figure is a "
    "statement about many auctions, and not the source's figure of the single row"
)
_READING = (
    "Each for itself: a learner climbs its own profit alone. For the total: it climbs the sum of all profits. The lowest "
    "bids maximize that, so the equilibrium is not what it looks for, and its loss is no failure. cma-es with several "
    "learners has one fitness, their mean, and is cooperative by design. To be judged as a bidder it learns alone among "
    "rivals that keep the equilibrium's bids."
)
_MEASURES = (
    "Loss: what a best response to the bids of the others would earn more, over what it would earn. Bids are on a grid of "
    "1,024, the mean over values is a quadrature; together they are exact to 1e-4. Loss against equilibrium bids: 1 less "
    "the payoff among rivals that bid the equilibrium over the equilibrium's payoff. Distance: root mean squared difference "
    "of bids from the equilibrium's over values, in currency; values reach 1, or 1 and 2. Bids are read off a test day of "
    "the engine; of policies that bid by the hour, every eighth hour counts. Straight bids are theta0 + theta1 value; in "
    "the scenario of bent bids pcvr is the square and the root of the value's share, so that the bid formula bends. With "
    "budgets the loss is another one: what the best of 40 multiples of the values, held all day while others repeat their "
    "bids, earns more, as a share of the bidder's value of everything. Equilibrium bids have such a loss too, since bidders "
    "of an FPPE take prices as given, and their revenue is below 1 since the engine splits no good between tied bidders. "
    "Per cents are shares of the training: 100 generations of 32 replays (macg-es; 150 with bent bids, 60 for the total), "
    "30 iterations of 8 (ippo), 40 of 16 (q-learning, exp3), 40 of 32 (cma-es; 30 for the total). The training day has "
    "7,200 auctions. Q-learning and exp3 know the multiples 0.05, 0.1, ... 1 of the value."
)

STUDY = _Study()
