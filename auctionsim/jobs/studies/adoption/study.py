"""Measure revenue, prices, adopters and outsiders as 0 to 100 % of the advertisers use an optimizer.

All others bid their keyword bids, about half of the value of a click, or their values. The optimizer is a learner, each
adopter's for its own profit; or a pacing controller, where everybody has a budget of half of what keyword bids spend. Adopters
are drawn by the seed, those of a smaller share among those of a larger one, so that differences are paired. A study of 2026
found a revenue lower by 15 to 23 % at a share of 50 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from auctionsim.jobs.studies.agency.markets import TEST_DAY, made_market, profit_of, ratios, settled_outcome
from auctionsim.jobs.studies.base import Findings, Options, Unit

if TYPE_CHECKING:
    import polars as pl

    from auctionsim.analysis.documents.sections import Section
    from auctionsim.analysis.statistics import Interval
    from auctionsim.market.market import Market

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
TRUTHFUL = "learned among truthful"
KINDS = {"learned": "learner", TRUTHFUL: "learner", "dual-pacing": "dual-pacing", "pid": "pid"}
"""Controllers of adopters by the name of the arm."""
PRICINGS = ("gsp", "first")
PUBLISHED = (-0.23, -0.15)
"""Change of revenue at a share of 50 %, by a study of 2026 as this project's list of work quotes it."""
COUNT = 12
METRICS = {
    "revenue": "revenue", "price": "price per click", "welfare": "welfare", "adopters": "adopters' profit",
    "outsiders": "outsiders' profit",
}  # fmt: skip


def arm_of(share: float) -> str:
    """Return the name of an arm."""
    return f"{share * 100:g} %"


SCENARIOS = [f"{kind}, {pricing}" for kind in KINDS for pricing in PRICINGS if (kind, pricing) != (TRUTHFUL, "first")]
"""With first prices whoever bids its value earns nothing, of which no share can be taken."""
ARMS = [arm_of(share) for share in SHARES]


class Adoption:
    """The study; see the module's text."""

    title = "Adoption: the share of advertisers who use an optimizer"
    n_seeds = 10

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every share of every optimizer and pricing, seed after seed."""
        return [Unit(name, arm, seed) for seed in options.seeds for name in SCENARIOS for arm in ARMS]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Measure one share on the test day of one seed."""
        kind, _, pricing = unit.scenario.partition(", ")
        share = float(unit.arm.removesuffix(" %")) / 100
        market = _market(unit.seed, kind, pricing, share, quick=options.quick)
        found, plain = settled_outcome(market), market.baseline[TEST_DAY]
        is_adopter = np.array([group.controller == KINDS[kind] for group in market.groups])
        measured = ratios(found, plain)
        for name, who in (("adopters", np.flatnonzero(is_adopter)), ("outsiders", np.flatnonzero(~is_adopter))):
            if len(who):
                measured[name] = profit_of(found, who) / profit_of(plain, who)
        return Findings([("test", metric, value) for metric, value in measured.items()])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (there are none)
        """Return the document: the findings, then a table for each optimizer and pricing."""
        from auctionsim.analysis.documents.results import arms_table
        from auctionsim.analysis.documents.sections import Text

        return [
            *(Text(one) for one in verdict(results)),
            Text(
                f"{COUNT} advertisers, of whom 8 meet in each auction, three slots. All figures are over those of the same "
                "advertisers where nobody adopts, on the same seed; so the row of 0 % is 1 by definition. `learned`: no "
                "budgets, the others bid their keyword bids, about half of the value; `learned among truthful`: their values. "
                "`dual-pacing`, `pid`: everybody has a budget of half of what keyword bids spend without one, and the "
                "others bid their keyword bids."
            ),
            *(arms_table(results, name, METRICS, arms=ARMS) for name in SCENARIOS),
        ]


def verdict(results: pl.DataFrame) -> list[str]:
    """Return the findings in words: what half of the advertisers change, against what was published."""
    from auctionsim.analysis.documents.results import by_seed, interval
    from auctionsim.analysis.statistics import mean_interval

    found = []
    for name in SCENARIOS:
        changes = [value - 1.0 for value in by_seed(results, name, arm_of(0.5), "revenue").values()]
        change = mean_interval(changes)
        outsiders, adopters = (interval(results, name, arm_of(0.5), who) for who in ("outsiders", "adopters"))
        found.append(
            f"{name}: at 50 % revenue changes by {change}, {compared(change)}. Outsiders' profit is {outsiders} and adopters' "
            f"{adopters} of what it was."
        )
    return found


def compared(change: Interval) -> str:
    """Return how a change of revenue compares with the published one, in words."""
    least, most = PUBLISHED
    if change.low <= most and change.high >= least:
        return f"whose interval meets the published {least} to {most}"
    if change.low <= 0 <= change.high:
        return f"no change told from chance, against the published {least} to {most}"
    if change.mean < 0:
        return f"the sign of the published {least} to {most}, and another size"
    return f"the other sign than the published {least} to {most}"


def _market(seed: int, kind: str, pricing: str, share: float, *, quick: bool) -> Market:
    """Return the market of one arm."""
    budget = "" if KINDS[kind] == "learner" else 'budget = "baseline*0.5"\n'
    adoption, otherwise = f"[adoption]\nshare = {share}\n", "truthful" if kind == TRUTHFUL else "manual"
    more = f'{budget}{adoption}otherwise = "{otherwise}"\n[platform]\nbaseline = "{otherwise}"\n'
    return made_market("adoption", seed, pricing=pricing, count=COUNT, controller=KINDS[kind], more=more, quick=quick)


STUDY = Adoption()
