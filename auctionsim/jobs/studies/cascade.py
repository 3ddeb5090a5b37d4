"""Measure what a cascade costs and whom: a pre-ranker keeps M of N candidates by a noisy score before the auction.

Two questions. What revenue, welfare and the advertisers' profits are when bids stay as they are, by M, by the error of the
pre-ranker's score, and by what it sorts by. And what advertisers do about it who choose the level of their keyword bids, which
the pre-ranker reads and the auction charges: best replies in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from auctionsim.jobs.studies.base import Findings, Options, Unit

if TYPE_CHECKING:
    import polars as pl

    from auctionsim.analysis.documents.sections import Section, Table
    from auctionsim.auction.outcome import Outcome
    from auctionsim.auction.rules import PreRanker
    from auctionsim.market.market import Market
    from auctionsim.traffic.table import Traffic

STATIC, REPLIES = "keyword bids", "best replies"
NONE = "no pre-ranker"
KEPT, NOISES = (20, 10, 5, 4, 2), (0.0, 0.5, 1.0)
"""Candidates that are kept of 40, with three slots; and errors of the score."""
SLOTS = (1.0, 0.6, 0.4)
FACTORS = (0.6, 0.8, 1.0, 1.25, 1.6)
"""Levels of a keyword bid, as a multiple of the given one."""
ROUNDS = 2
"""Times that each advertiser replies to the others."""
_TOML = """
name = "cascade"
[traffic]
days = 2
auctions_per_day = {auctions}
queries = 50
candidates = {advertisers}
train_days = [0]
test_days = [1]
[mechanism]
slot_effect = {slots}
reserve = 0.01
[[advertisers]]
group = "ad"
count = {advertisers}
controller = "manual"
"""


def arm_of(keep: int, noise: float, score: str = "ecpm") -> str:
    """Return the name of an arm with a pre-ranker."""
    return f"M = {keep}, noise {noise:g}{'' if score == 'ecpm' else ', by pctr alone'}"


def _prerankers(chosen: Sequence[tuple[int, float, str]]) -> dict[str, tuple[int, float, str] | None]:
    return {NONE: None, **{arm_of(*one): one for one in chosen}}


ARMS = {
    STATIC: _prerankers(
        [*((keep, noise, "ecpm") for keep in KEPT for noise in NOISES), *((keep, 0.0, "pctr") for keep in KEPT)]
    ),
    REPLIES: _prerankers([(6, 0.0, "ecpm"), (3, 0.0, "ecpm"), (3, 0.5, "ecpm"), (3, 1.0, "ecpm"), (3, 0.0, "pctr")]),
}
METRICS = {
    "revenue": "revenue", "welfare": "welfare", "profit": "advertisers' profit", "kept winners": "winners kept",
    "better off": "share of advertisers better off", "worst": "worst advertiser's profit",
}  # fmt: skip
REPLY_METRICS = {
    "factor": "mean bid level", "revenue": "revenue", "welfare": "welfare", "profit": "advertisers' profit",
    "unanswered revenue": "revenue before replies",
}  # fmt: skip


class Cascade:
    """The study; see the module's text."""

    title = "Cascade: a pre-ranker keeps M candidates before the auction"
    n_seeds = 10

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every arm of both questions, seed after seed."""
        return [Unit(name, arm, seed) for seed in options.seeds for name, arms in ARMS.items() for arm in arms]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Measure one arm on the test day of one seed."""
        chosen = ARMS[unit.scenario][unit.arm]
        if unit.scenario == STATIC:
            found = _static(_market(unit.seed, 200 if options.quick else 2000, 40), chosen)
        else:
            found = _replied(_market(unit.seed, 100 if options.quick else 400, 12), chosen)
        return Findings([("test", metric, value) for metric, value in found.items()])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (there are none)
        """Return the document: the findings, both tables, and differences to the auction without a pre-ranker."""
        from auctionsim.analysis.documents.results import paired_table
        from auctionsim.analysis.documents.sections import Text

        against = {name: [arm for arm in arms if arm != NONE] for name, arms in ARMS.items()}
        return [
            *(Text(one) for one in verdict(results)),
            Text(
                "Revenue, welfare (GMV) and profit: those without a pre-ranker, on the same seed under keyword bids, are 1. "
                "`winners kept`: share of the ads that would be shown without a pre-ranker that it lets through. The worst "
                "advertiser is the one with the smallest ratio of profit to its profit without a pre-ranker, of those that "
                "earn at least a tenth of the mean."
            ),
            _table(results, STATIC, METRICS),
            Text(
                f"Best replies: 12 advertisers in turn, {ROUNDS} times, choose the level of their keyword bids that earns them "
                f"most, of {', '.join(f'{level:g}' for level in FACTORS)} times the given ones."
            ),
            _table(results, REPLIES, REPLY_METRICS),
            paired_table(results, REPLIES, NONE, against[REPLIES], {"factor": "mean bid level", "revenue": "revenue"}),
        ]


def verdict(results: pl.DataFrame) -> list[str]:
    """Return the findings in words, with their figures."""
    from auctionsim.analysis.documents.results import interval

    def of(name: str, arm: str, metric: str) -> str:
        return str(interval(results, name, arm, metric))

    enough, few = arm_of(len(SLOTS) + 1, 0.0), arm_of(len(SLOTS) + 1, 1.0)
    free, third = NONE, arm_of(3, 1.0)
    return [
        f"With an exact score, slots + 1 = {len(SLOTS) + 1} candidates of 40 bring revenue {of(STATIC, enough, 'revenue')} "
        f"and welfare {of(STATIC, enough, 'welfare')} of the auction over all; with an error of 1 in the score's logarithm, "
        f"revenue {of(STATIC, few, 'revenue')} and welfare {of(STATIC, few, 'welfare')}.",
        f"Advertisers who reply with the level of their keyword bids settle at {of(REPLIES, free, 'factor')} of it without a "
        f"pre-ranker and at {of(REPLIES, third, 'factor')} where 3 of 12 are kept with an error of 1.",
    ]


def _market(seed: int, auctions: int, advertisers: int) -> Market:
    from auctionsim.agents.build import build_market
    from auctionsim.scenario.file import parse_scenario

    text = _TOML.format(auctions=auctions, advertisers=advertisers, slots=list(SLOTS))
    return build_market(parse_scenario(text, "cascade"), seed)


def _preranker(chosen: tuple[int, float, str] | None, seed: int) -> PreRanker | None:
    from auctionsim.auction.rules import PreRanker

    return None if chosen is None else PreRanker(*chosen, seed)


def _replay(market: Market, traffic: Traffic, preranker: PreRanker | None) -> Outcome:
    """Replay the test day under keyword bids."""
    from auctionsim.auction.replay import replay

    rules, day = market.rules, market.scenario.traffic.test_days[0]
    theta = np.ones((len(market.advertisers), 1, 1))
    return replay(
        traffic, day=day, coefficients=theta, slot_effect=rules.slot_effect, reserve=rules.reserve, preranker=preranker
    )


def _static(market: Market, chosen: tuple[int, float, str] | None) -> dict[str, float]:
    """Return the figures of one pre-ranker under keyword bids."""
    preranker = _preranker(chosen, market.seed)
    plain, found = (_replay(market, market.traffic, one) for one in (None, preranker))
    before, after = (one.profit.sum(axis=(0, 2)) for one in (plain, found))
    counted = before >= 0.1 * before.mean()
    return {
        **_ratios(found, plain),
        "kept winners": _kept_winners(market, preranker),
        "better off": float((after - before > 1e-9 * np.abs(before)).mean()),
        "worst": float((after[counted] / before[counted]).min()),
    }


def _ratios(found: Outcome, plain: Outcome) -> dict[str, float]:
    """Return revenue, welfare and profit relative to those of an outcome."""
    names = {"revenue": "cost", "welfare": "gmv", "profit": "profit"}
    return {key: float(getattr(found, name).sum() / getattr(plain, name).sum()) for key, name in names.items()}


def _kept_winners(market: Market, preranker: PreRanker | None) -> float:
    """Return the share of the ads shown without a pre-ranker that it keeps, on the test day."""
    from auctionsim.auction.rules import PreRanker, Rules
    from auctionsim.auction.sources import ranked_rows

    if preranker is None:
        return 1.0
    traffic = market.traffic
    # The ads that are shown are those that an exact pre-ranker with as many places as slots keeps.
    exact = PreRanker(len(market.rules.slot_effect))
    shown, kept = (ranked_rows(traffic, Rules(reserve=market.rules.reserve, preranker=one)) for one in (exact, preranker))
    shown &= traffic.row_day == market.scenario.traffic.test_days[0]
    return float(kept[shown].mean())


def _replied(market: Market, chosen: tuple[int, float, str] | None) -> dict[str, float]:
    """Return the figures after advertisers replied to each other with the levels of their keyword bids."""
    preranker = _preranker(chosen, market.seed)
    level = np.ones(len(market.advertisers))
    for _ in range(ROUNDS):
        for who in range(len(level)):
            profits = []
            for factor in FACTORS:
                level[who] = factor
                profits.append(float(_replay(market, _scaled(market.traffic, level), preranker).profit[:, who].sum()))
            level[who] = FACTORS[int(np.argmax(profits))]
    plain, first, found = (
        _replay(market, traffic, one)
        for traffic, one in (
            (market.traffic, None), (market.traffic, preranker), (_scaled(market.traffic, level), preranker),
        )
    )  # fmt: skip
    return {"factor": float(level.mean()), **_ratios(found, plain), "unanswered revenue": _ratios(first, plain)["revenue"]}


def _scaled(traffic: Traffic, level: Any) -> Traffic:
    """Return the table with keyword bids at other levels, `[advertisers]`."""
    return replace(traffic, keyword_bid=traffic.keyword_bid * level[traffic.advertiser])


def _table(results: pl.DataFrame, name: str, metrics: dict[str, str]) -> Table:
    from auctionsim.analysis.documents.results import arms_table

    return arms_table(results, name, metrics, arms=list(ARMS[name]))


STUDY = Cascade()
