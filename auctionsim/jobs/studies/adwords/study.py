"""Set the revenue of greedy, MSVV and balance beside published figures, on their instance and on drawn ones of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auctionsim.analysis.documents.published import Published
from auctionsim.analysis.documents.sections import Text
from auctionsim.games.adwords import Rule, allocate
from auctionsim.jobs.published_parts import PublishedParts
from auctionsim.jobs.studies.adwords.instances import drawn_instance, public_instance
from auctionsim.jobs.studies.base import Findings, Options, Unit

PUBLIC, DRAWN = "the public instance", "drawn instances of its kind"
_ARM = "in order of arrival"
_THEIRS: dict[Rule, tuple[str, float, float]] = {
    "greedy": ("greedy", 16731.40, 0.94),
    "msvv": ("MSVV", 17671.00, 0.99),
    "unspent": ("balance by unspent budget", 12320.20, 0.69),
}
"""Published revenue, and share of all budgets over orders of arrival, by rule."""
_NEAR, _POINTS = 0.01, 0.04
"""Accepted distance of a revenue, as a share of it, and of a share of budgets on other instances."""
FIGURES = (
    *(
        (
            PUBLIC,
            f"public_{rule}",
            Published(f"{name}: revenue", f"{revenue:.2f}", (1 - _NEAR) * revenue, (1 + _NEAR) * revenue),
        )
        for rule, (name, revenue, _) in _THEIRS.items()
    ),
    *(
        (DRAWN, f"drawn_{rule}", Published(f"{name}: share of all budgets", f"{share:.2f}", share - _POINTS, share + _POINTS))
        for rule, (name, _, share) in _THEIRS.items()
    ),
)
_SOURCE = (
    "text of an exercise in GitHub parikhs97/AdWords-Placement-Problem. There a bid above what is left of a budget takes no "
    "part; here it pays what is left"
)
_DATA = (
    "The public instance has no licence and is no part of this repository. With `--data FOLDER` it is read from "
    "FOLDER/adwords, which holds its bidder_dataset.csv and queries.txt; without it only drawn instances are measured. They "
    "have its numbers of advertisers, keywords and arrivals, bids of 0.1 to 0.9, and its budgets over the sum of bids."
)


class _Study(PublishedParts):
    takes_data = True

    def units(self, options: Options) -> Sequence[Unit]:
        public = [] if options.data is None else [Unit(PUBLIC, _ARM, options.seeds[0])]
        return [*public, *super().units(options)]

    def run(self, unit: Unit, options: Options) -> Findings:
        if unit.scenario != PUBLIC:
            return super().run(unit, options)
        bids, budgets = public_instance(Path(str(options.data)))
        return Findings([("test", f"public_{rule}", allocate(bids, budgets, rule)) for rule in _THEIRS])


def _shares(seed: int) -> dict[str, float]:
    """Return the share of all budgets that each rule earns on a drawn instance."""
    bids, budgets = drawn_instance(seed)
    return {f"drawn_{rule}": allocate(bids, budgets, rule) / float(budgets.sum()) for rule in _THEIRS}


STUDY = _Study(
    title="Online allocation of queries: greedy, MSVV and balance",
    n_seeds=10,
    fixed={},
    drawn={(DRAWN, _ARM): _shares},
    quick={(DRAWN, _ARM)},
    figures=FIGURES,
    sources={PUBLIC: _SOURCE, DRAWN: _SOURCE},
    rest=lambda _: [Text(_DATA)],
)
