"""The section `[predictions]`: how far the platform's predicted rates are off the true ones, and how it calibrates them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from auctionsim.scenario.base import Section

Error = Annotated[FiniteFloat, Field(ge=-3, le=3)]
Deviation = Annotated[FiniteFloat, Field(ge=0, le=3)]


class RateErrorSection(Section):
    """Errors of the logarithm of one predicted rate; they add up."""

    bias: Error = 0.0
    """Error that all predictions have: 0.1 predicts about a tenth too much."""
    advertiser: Deviation = 0.0
    """Standard deviation of an error by advertiser, the same on all days."""
    noise: Deviation = 0.0
    """Standard deviation of an error by query and advertiser, the same on all days."""
    drift: Deviation = 0.0
    """Standard deviation of the daily steps of a random walk by advertiser, which begins at 0 on the table's first day."""

    @property
    def is_off(self) -> bool:
        """Whether there is any error."""
        return (self.bias, self.advertiser, self.noise, self.drift) != (0.0, 0.0, 0.0, 0.0)


class PredictionsSection(Section):
    """Errors of the platform's predictions, and their calibration on training days."""

    pctr: RateErrorSection = RateErrorSection()
    """Errors of the predicted click-through rate."""
    pcvr: RateErrorSection = RateErrorSection()
    """Errors of the predicted conversion rate."""
    calibration: Literal["none", "isotonic", "platt", "histogram", "field"] = "none"
    """Map from predictions to calibrated ones before the auction, fitted to clicks and conversions of the ads shown on training
    days: `none` ranks by raw predictions; `field` corrects each advertiser by itself. `isotonic` and `platt` need
    scikit-learn, extra `ingest`."""

    @model_validator(mode="after")
    def _has_an_effect(self) -> PredictionsSection:
        if not (self.pctr.is_off or self.pcvr.is_off) and self.calibration == "none":
            raise ValueError("predictions: expected an error of pctr or pcvr, or a calibration, got none of them")
        return self
