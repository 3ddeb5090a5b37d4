"""The section `[information]`: what a bidder is shown besides its own wins and payments, how late, and how exactly."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, FiniteFloat, model_validator

from auctionsim.scenario.base import NotNegative, Section

Regime = Literal["own-wins", "winning-price", "least-winning-cost", "full"]
REGIMES: tuple[Regime, ...] = get_args(Regime)
"""The regimes; each shows what those before it show, and more."""


class InformationSection(Section):
    """What bidders know of the market (docs/information.md). Rivals' budgets are shown to nobody."""

    regime: Regime = "full"
    """Channels that a bidder is shown. `own-wins`: its own auctions, wins and payments. `winning-price`: also the price per
    click of each auction that it wins. `least-winning-cost`: also the least bid that would have won, in every auction, won or
    lost. `full`: also rivals' bids and the platform's revenue."""
    delay: Annotated[int, Field(ge=0, le=23)] = 0
    """Hours by which every report is late, that of the own account too; budgets are kept at once. A day begins without
    reports, and those that are still to come when it ends are lost."""
    aggregate: Literal["auction", "hour"] = "auction"
    """Unit in which prices and least winning costs are shown: of every `auction`, or only their mean over each `hour`."""
    noise: Annotated[FiniteFloat, Field(ge=0, le=3)] = 0.0
    """Standard deviation of the error of the logarithm of each winning price and least winning cost that is shown."""
    rounding: NotNegative = 0.0
    """Step to whose multiples the same figures are rounded, currency per click; 0 leaves them as they are."""

    @model_validator(mode="after")
    def _blurs_something(self) -> InformationSection:
        for key in ("noise", "rounding"):
            if getattr(self, key) > 0 and self.regime not in REGIMES[1:-1]:
                raise ValueError(
                    f"{key}: expected 0 with regime '{self.regime}', got {getattr(self, key)} "
                    f"(it blurs what '{REGIMES[1]}' and '{REGIMES[2]}' show)"
                )
        return self

    def shows(self, regime: Regime) -> bool:
        """Return whether bidders are shown all that a regime shows."""
        return REGIMES.index(self.regime) >= REGIMES.index(regime)
