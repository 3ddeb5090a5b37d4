"""Set every published equilibrium beside ours: what the solvers and small games come to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from auctionsim.analysis.documents.sections import Heading, Text
from auctionsim.jobs.published_parts import PublishedParts
from auctionsim.jobs.studies.equilibria import markets, pacing
from auctionsim.jobs.studies.equilibria.figures import AUTOBIDDING, FIGURES, FPPE, LEARNING, OBJECT, ONLINE

_FIXED: dict[tuple[str, str], Callable[[], dict[str, float]]] = {
    (FPPE, "examples"): pacing.examples,
    (AUTOBIDDING, "tight instance"): markets.tight_instance,
    (OBJECT, "uniform values"): markets.one_object,
    (ONLINE, "two opportunities"): markets.slot_toy,
}
_DRAWN: dict[tuple[str, str], Callable[[int], dict[str, float]]] = {
    (FPPE, "random markets"): pacing.random_markets,
    (FPPE, "monotone revenue"): pacing.monotone,
    (FPPE, "throttling"): pacing.throttling,
    **{(AUTOBIDDING, option): partial(markets.autobidding, option=option) for option in markets.OPTIONS},
    (LEARNING, "multiplicative weights"): markets.multiplicative_weights,
    (LEARNING, "gradient pacing"): markets.gradient_pacing,
    (ONLINE, "AdWords"): markets.adwords,
}
_MORE = (
    "Autobidders, learning and throttling have more figures in the study autobidding, first and second prices in "
    "auction-formats, a public instance of the AdWords problem in adwords, experiments in experiment-bias, pacing in pacing. "
    "Where a bound is published, ours is the worst of the markets drawn, which need not come near it."
)


_SOURCES = {
    FPPE: "Conitzer et al., arXiv 1811.07166 (2 to 8 bidders and 4 to 14 goods, budgets of 1/n of each bidder's value of "
    "everything); Li and Tang, IJCAI 2024; Chen, Kroer and Kumar, arXiv 2107.10923 (0.5 is a bound)",
    AUTOBIDDING: "Liaw, Mehta and Perlroth 2022; survey of Aggarwal et al., arXiv 2408.07685. Two bidders, 2 to 6 queries, "
    "lognormal values, 200 markets a seed with nine starts each",
    OBJECT: "Vickrey 1961; Krishna, Auction Theory",
    LEARNING: "Deng et al., arXiv 2110.03906 (statement; figures by a plain simulation); Gaitonde et al., arXiv "
    "2205.08674 (a bound)",
    ONLINE: "Mehta et al., JACM 2007 (bounds); Chiappa et al., arXiv 2412.11434",
}

STUDY = PublishedParts(
    title="Equilibria and their bounds",
    n_seeds=5,
    fixed=_FIXED,
    drawn=_DRAWN,
    quick={(FPPE, "throttling"), (LEARNING, "multiplicative weights")},
    figures=FIGURES,
    sources=_SOURCES,
    rest=lambda _: [Heading("More figures"), Text(_MORE)],
)
