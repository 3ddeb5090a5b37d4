"""Compare VCG and generalized second prices under agencies: in theory, by learning, and where members give way.

Three questions. What the equilibria of Decarolis, Goldmanis and Penta (Management Science 2020) say of random auctions. What
revenue, welfare and profits are where everybody learns bids for its own profit, an agency for that of its members. And what an
agency costs that lets one member bid in each auction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from auctionsim.jobs.studies.agency.markets import made_market, profit_of, ratios, settled_outcome
from auctionsim.jobs.studies.base import Findings, Options, Unit

if TYPE_CHECKING:
    import polars as pl

    from auctionsim.analysis.documents.sections import Section
    from auctionsim.auction.outcome import Outcome
    from auctionsim.market.market import Market

DRAWN, LEARNED, WITHHELD = "random auctions", "learned bids", "one member bids"
PRICINGS = ("vcg", "gsp")
SIZES = (0, 2, 4)
"""Members of the agency, of eight advertisers."""
AUCTIONS = 40
"""Random auctions of a seed: five bidders with values in [0.1, 1], four slots, each with 0.3 to 0.9 of the clicks above."""
EXAMPLE = (5.0, 4.0, 3.0, 2.0, 1.0), (20.0, 10.0, 5.0, 2.0), (0, 2)
"""Values, clicks and members of the paper's example, as it is generally known; its figures are computed here."""


def arm_of(pricing: str, size: int) -> str:
    """Return the name of an arm."""
    return f"{pricing}, agency of {size}" if size else f"{pricing}, no agency"


ARMS = {
    DRAWN: [arm_of(rule, size) for size in (2, 3) for rule in ("vcg", "gsp-constrained", "gsp")],
    LEARNED: [arm_of(pricing, size) for size in SIZES for pricing in PRICINGS],
    WITHHELD: [arm_of(pricing, size) for size in SIZES for pricing in PRICINGS],
}
THEORY_METRICS = {"revenue": "revenue", "efficiency": "efficiency", "worse": "share of auctions that VCG beats"}
METRICS = {
    "revenue": "revenue", "welfare": "welfare", "first two": "profit of the first two", "first four": "of the first four",
    "last four": "of the last four",
}  # fmt: skip


class Agency:
    """The study; see the module's text."""

    title = "Agencies: one optimizer bids for several advertisers"
    n_seeds = 10

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every arm of all questions, seed after seed."""
        return [Unit(name, arm, seed) for seed in options.seeds for name, arms in ARMS.items() for arm in arms]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Measure one arm of one seed."""
        rule, _, words = unit.arm.partition(", ")
        size = int(words.rpartition(" ")[2]) if words != "no agency" else 0
        if unit.scenario == DRAWN:
            found = _drawn(unit.seed, rule, size, 4 if options.quick else AUCTIONS)
        else:
            is_ruled = unit.scenario == WITHHELD
            market = _market(unit.seed, rule, size, is_ruled=is_ruled, quick=options.quick)
            found = _measured(market, settled_outcome(market))
        return Findings([("test", metric, value) for metric, value in found.items()])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (there are none)
        """Return the document: the findings, the example, the three tables, and paired differences."""
        from auctionsim.analysis.documents.results import arms_table, paired_table
        from auctionsim.analysis.documents.sections import Text

        shown = {"revenue": "revenue", "welfare": "welfare"}
        fallen = [
            paired_table(results, LEARNED, arm_of(pricing, size), [arm_of(pricing, 0)], METRICS)
            for pricing in PRICINGS
            for size in SIZES[1:]
        ]
        return [
            *(Text(one) for one in verdict(results)),
            Text(
                "The paper's example: five bidders with values 5, 4, 3, 2 and 1, slots of 20, 10, 5 and 2 clicks, the first "
                "and the third bidder with one agency."
            ),
            _example(),
            Text(
                f"Random auctions, {AUCTIONS} a seed: revenue over that of competition, and value of the allocation over the "
                "best. Auctions in which no bids keep all members of an agency of three are left out under `gsp`."
            ),
            arms_table(results, DRAWN, THEORY_METRICS, arms=ARMS[DRAWN]),
            Text(
                "Learned bids: eight advertisers, three slots, each learns by macg-es for its own profit, the members of the "
                "agency for theirs together. Revenue, welfare (GMV) and profits are over those of truthful bids under VCG, "
                "which is also the lowest envy-free outcome of the generalized second-price auction."
            ),
            arms_table(results, LEARNED, METRICS, arms=ARMS[LEARNED]),
            *fallen,
            *(
                paired_table(results, LEARNED, arm_of("vcg", size), [arm_of("gsp", size)], shown)
                for size in SIZES
            ),
            Text("One member bids: everybody bids its value, but of the agency only the member of most value in each auction."),
            arms_table(results, WITHHELD, METRICS, arms=ARMS[WITHHELD]),
        ]  # fmt: skip


def verdict(results: pl.DataFrame) -> list[str]:
    """Return the findings in words, with their figures."""
    from auctionsim.analysis.documents.results import interval, paired_differences
    from auctionsim.analysis.statistics import mean_interval

    def of(name: str, arm: str, metric: str) -> str:
        return str(interval(results, name, arm, metric))

    def change(pricing: str, metric: str) -> str:
        return str(mean_interval(paired_differences(results, LEARNED, arm_of(pricing, 4), arm_of(pricing, 0), metric).tolist()))

    return [
        f"In equilibrium, an agency of 2 of 5 leaves VCG {of(DRAWN, arm_of('vcg', 2), 'revenue')} of competitive revenue and "
        f"the generalized second price {of(DRAWN, arm_of('gsp', 2), 'revenue')}; its efficiency is "
        f"{of(DRAWN, arm_of('vcg', 2), 'efficiency')} under VCG and {of(DRAWN, arm_of('gsp', 2), 'efficiency')} under the "
        "generalized second price. The ranking of revenue is the paper's; that of efficiency is too small to be seen here.",
        f"With learned bids and an agency of 4 of 8, VCG brings revenue {of(LEARNED, arm_of('vcg', 4), 'revenue')} and welfare "
        f"{of(LEARNED, arm_of('vcg', 4), 'welfare')}, the generalized second price {of(LEARNED, arm_of('gsp', 4), 'revenue')} "
        f"and {of(LEARNED, arm_of('gsp', 4), 'welfare')}.",
        f"VCG was ahead without an agency, too. The agency itself changes revenue by {change('vcg', 'revenue')} under VCG and "
        f"by {change('gsp', 'revenue')} under the generalized second price, welfare by {change('vcg', 'welfare')} and "
        f"{change('gsp', 'welfare')}. Its members' profit changes by {change('vcg', 'first four')} and "
        f"{change('gsp', 'first four')}.",
        "So the learner does not find what pays. A member's fitness is that of all members, whose perturbations are noise to "
        f"it. Under VCG the rule by which one of 4 members bids earns them {of(WITHHELD, arm_of('vcg', 4), 'first four')}, and "
        f"learning {of(LEARNED, arm_of('vcg', 4), 'first four')}. The fall of revenue is that of a poorly run agency.",
    ]


def _market(seed: int, pricing: str, size: int, *, is_ruled: bool, quick: bool) -> Market:
    """Return the market of one arm; under a rule, everybody bids its value and one member in each auction."""
    way = '\ncoordination = "value"' if is_ruled else ""
    more = f'[[agencies]]\nagency = "agency"\nmembers = ["ad[0:{size}]"]{way}' if size else ""
    controller = "truthful" if is_ruled else "learner"
    return made_market("agency", seed, pricing=pricing, count=8, controller=controller, more=more, quick=quick)


def _measured(market: Market, found: Outcome) -> dict[str, float]:
    """Return the figures of an outcome over those of truthful bids under VCG without an agency."""
    from auctionsim.auction.replay import replay
    from auctionsim.jobs.studies.agency.markets import TEST_DAY

    theta = np.ones((len(market.advertisers), 1, 1))
    rules = market.rules
    plain = replay(
        market.traffic, day=TEST_DAY, coefficients=theta, features=("value",), slot_effect=rules.slot_effect,
        pricing="vcg", reserve=rules.reserve,
    )  # fmt: skip
    changed = ratios(found, plain)
    parts = {"first two": np.arange(2), "first four": np.arange(4), "last four": np.arange(4, 8)}
    return {
        "revenue": changed["revenue"],
        "welfare": changed["welfare"],
        **{name: profit_of(found, who) / profit_of(plain, who) for name, who in parts.items()},
    }


def _drawn(seed: int, rule: str, size: int, count: int) -> dict[str, float]:
    """Return means over random auctions of one seed, the same for all rules."""
    from auctionsim.equilibria.position_auctions.agency import agency_equilibrium
    from auctionsim.streams import stream

    rng, rows = stream(seed, "agency auctions"), []
    for _ in range(count):
        values = np.sort(0.1 + 0.9 * rng.random(5))[::-1]
        clicks = np.cumprod(np.append(1.0, 0.3 + 0.6 * rng.random(3)))
        members = rng.permutation(5)[:size].tolist()
        found, vcg = (agency_equilibrium(values, clicks, members, rule=one) for one in (rule, "vcg"))
        usual = agency_equilibrium(values, clicks, (), rule="vcg")
        if found is not None and vcg is not None and usual is not None:
            rows.append((found.revenue / usual.revenue, found.efficiency, float(found.revenue < vcg.revenue - 1e-9)))
    return dict(zip(THEORY_METRICS, np.mean(rows, axis=0).tolist(), strict=True))


def _example() -> Section:
    """Return the table of the paper's example."""
    from auctionsim.analysis.documents.sections import Table
    from auctionsim.equilibria.position_auctions.agency import RULES, agency_equilibrium

    values, clicks, members = EXAMPLE
    rows = []
    for who in ((), members):
        for rule in RULES if who else ("vcg", "gsp"):
            found = agency_equilibrium(values, clicks, who, rule=rule)
            assert found is not None
            bids = [f"{bid:.2f}" for bid in found.bids[1:]]
            rows.append([f"{rule}, {'agency' if who else 'competition'}", *bids, f"{found.revenue:.0f}"])
    return Table(["rule", *(f"bid of value {value:g}" for value in values[1:]), "revenue"], rows)


STUDY = Agency()
