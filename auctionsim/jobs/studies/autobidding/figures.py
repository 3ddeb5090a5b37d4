"""List the published figures, each with the part and metric that reproduce it and the range that is accepted."""

from __future__ import annotations

from auctionsim.analysis.documents.published import Published
from auctionsim.games.pacing.return_pacing import Values

RETURN, ANARCHY, TARGETS, FORMATS, LEARNING = (
    "pacing a budget and a return",
    "price of anarchy",
    "changes of targets",
    "revenue of pricing rules",
    "learners in auctions",
)
CLOSE = 0.07
"""Distance of an exponent that is accepted."""
KINDS: tuple[Values, ...] = ("uniform", "normal", "correlated")
BUDGETS = (0.15, 0.25)
_EXPONENTS = {
    ("first", 0.15): (0.743, 0.768, 0.739),
    ("first", 0.25): (None, 0.340, None),
    ("second", 0.15): (0.799, 0.811, 0.800),
    ("second", 0.25): (0.621, 0.606, 0.668),
}
"""Published exponents of regret by pricing and budget of a round, in the order of `KINDS`; None where none is printed."""


def arm_name(pricing: str, rho: float, kind: str) -> str:
    """Return the name of an arm of regret."""
    return f"{pricing} price, {rho}, {kind}"


def _exponent_rows() -> list[tuple[str, str, Published]]:
    rows = []
    for (pricing, rho), theirs in _EXPONENTS.items():
        for kind, exponent in zip(KINDS, theirs, strict=True):
            if exponent is not None:
                arm = arm_name(pricing, rho, kind)
                figure = Published(f"exponent of regret: {arm}", f"{exponent:.3f}"[1:], exponent - CLOSE, exponent + CLOSE)
                rows.append((RETURN, f"exponent, {arm}", figure))
    return rows


FIGURES: tuple[tuple[str, str, Published], ...] = (
    *_exponent_rows(),
    (RETURN, "broken", Published("budgets and returns broken, runs", "0", 0, 0)),
    (RETURN, "welfare", Published("least liquid welfare / best", ">= 0.5", 0.5, 1)),
    (RETURN, "tighter", Published("exponent falls as budgets loosen, share of pairs", "all", 1, 1)),
    (RETURN, "second", Published("exponent is higher with second prices, share of pairs", "all", 1, 1)),
    (ANARCHY, "rtruth", Published("rTruth(1.4): the instance's price of anarchy", ">= 1.98", 1.98, 2, is_closed_form=True)),
    (ANARCHY, "rtruth_gain", Published("the same: exploitability", "0", 0, 1e-6, is_closed_form=True)),
    (ANARCHY, "rfpa", Published("rFPA(1.4): worst price of anarchy, two bidders", "<= 1.8", 1, 1.8)),
    (ANARCHY, "throttling", Published("throttling, 100 bidders (our instance): welfare / best", "0.5 in the limit", 0.5, 0.55)),
    (ANARCHY, "throttling_rest", Published("the same with 10 bidders", "above", 0.55, 1)),
    (TARGETS, "one_usual", Published("one target 4 % higher: share of bidders moved by > 15 %", "0.25", 0.15, 0.35)),
    (TARGETS, "all_usual", Published("every target 4 % higher or lower: the same", "0.25", 0.15, 0.35)),
    (TARGETS, "most_usual", Published("one target 4 % higher: most gained", "0.45", 0.35, 0.55)),
    (TARGETS, "least_usual", Published("the same: most lost", "-0.46", -0.56, -0.36)),
    (FORMATS, "first_gsp", Published("first price above GSP, share of markets", "all", 1, 1)),
    (FORMATS, "gsp_vcg", Published("GSP above VCG, share of markets", "all", 1, 1)),
    (LEARNING, "shortfall", Published("no swap regret: worst revenue below v2, in bid steps", "Theta(1)", 0, 2)),
    (LEARNING, "shortfall_epsilon", Published("the same per epsilon k^2", "Theta(1)", 0, 1)),
    (LEARNING, "gain_second", Published("gain of a false report, second price", "> 0", 1e-9, 20)),
    (LEARNING, "gain_first", Published("gain of a false report, first price", "0 (bid step 1)", -1, 1)),
    (LEARNING, "gain_difference", Published("second price less first price", "> 0", 1e-9, 20)),
)  # fmt: skip
