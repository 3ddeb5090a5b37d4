"""The section `[delays]`: how long after its click a conversion is reported, and by which estimate learners are paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, FiniteFloat, model_validator

from auctionsim.scenario.base import NotNegative, Section

Distribution = Literal["exponential", "log-normal"]
Estimate = Literal["naive", "waiting-window", "delay-corrected", "survival", "oracle"]
ESTIMATES: tuple[Estimate, ...] = ("naive", "waiting-window", "delay-corrected", "survival", "oracle")
"""Estimates of the conversions of clicks, part of which are not reported yet (docs/delays.md)."""
_CORRECTING = ("delay-corrected", "survival")
_PAID_BY_REPORTS = ("macg-es", "openai-es", "cma-es", "ippo", "mappo", "maab", "dcmab")
_PAID_BY_TRUTH = ("rmdp-dqn", "m-rmdp-dqn", "amdp-dqn", "value-scale", "value-scale-paced", "objective-scale")
SIGMA, WINDOW = 1.0, 6
"""Defaults; a scenario that is recorded states them, so that they are refused nowhere."""
Window = Annotated[int, Field(ge=0, le=24)]


class DelaySection(Section):
    """Distribution of the hours between a click and the report of its conversion."""

    distribution: Distribution = "exponential"
    """Shape of the distribution."""
    mean: Annotated[FiniteFloat, Field(ge=0, le=10_000)] = 12.0
    """Mean delay, hours; 0 reports at once."""
    sigma: Annotated[FiniteFloat, Field(gt=0, le=5)] = SIGMA
    """Standard deviation of the delay's logarithm, of `log-normal` alone."""

    @model_validator(mode="after")
    def _sigma_has_a_use(self) -> DelaySection:
        if self.sigma != SIGMA and self.distribution != "log-normal":
            raise ValueError(f"sigma: expected none with distribution = '{self.distribution}', got {self.sigma}")
        return self


class DelaysSection(DelaySection):
    """Conversions that are reported late: bidders and learners see what has arrived, evaluations count all."""

    advertiser: Annotated[FiniteFloat, Field(ge=0, le=3)] = 0.0
    """Standard deviation of the logarithm of an advertiser's mean delay around `mean`."""
    hours: Annotated[tuple[NotNegative, ...], Field(min_length=24, max_length=24)] = (1.0,) * 24
    """Speed at which delays pass in each hour of a day, relative to the others: 0 reports nothing in that hour."""
    weekdays: Annotated[tuple[NotNegative, ...], Field(min_length=7, max_length=7)] = (1.0,) * 7
    """The same for each day of a week, which begins with the traffic's first day."""
    assumed: DelaySection | None = None
    """Distribution that `delay-corrected` and `survival` take for everybody's; without it they know the true ones."""
    rewards: Estimate = "naive"
    """Estimate of conversions and GMV by which learners are paid; `oracle` pays by all that will arrive."""
    window: Window = WINDOW
    """Hours after which a click counts in rewards, of `waiting-window` alone."""

    @model_validator(mode="after")
    def _time_passes(self) -> DelaysSection:
        for key in ("hours", "weekdays"):
            if sum(getattr(self, key)) <= 0:
                raise ValueError(f"{key}: expected a number > 0 among them, got none")
        if self.window != WINDOW and self.rewards != "waiting-window":
            raise ValueError(f"window: expected none with rewards = '{self.rewards}', got {self.window}")
        return self


class HasDelay(Protocol):
    """What is checked of a group."""

    @property
    def delay(self) -> DelaySection | None:
        """Return its own distribution."""

    @property
    def controller(self) -> str:
        """Return its bidder."""

    @property
    def autobid(self) -> Any:
        """Return the settings of its autobidder."""


def check_delays(delays: DelaysSection | None, groups: Sequence[HasDelay], learner: Any) -> None:
    """Check that what groups and learner say of delays fits the section.

    Raises:
        ValueError: It does not; the message begins with the key.
    """
    if delays is None:
        for i, group in enumerate(groups):
            if group.delay is not None:
                raise ValueError(f"advertisers[{i}].delay: expected none without the section [delays], got one")
            if group.autobid.estimate != "naive":
                raise ValueError(
                    f"advertisers[{i}].autobid.estimate: expected 'naive' without the section [delays], got "
                    f"'{group.autobid.estimate}'"
                )
        return
    estimates = {delays.rewards, *(group.autobid.estimate for group in groups)}
    if delays.assumed is not None and not estimates & set(_CORRECTING):
        raise ValueError(
            f"delays.assumed: expected rewards or an autobid.estimate of {' or '.join(map(repr, _CORRECTING))}, got none"
        )
    learns = any(group.controller == "learner" for group in groups)
    if learns and learner.algorithm in _PAID_BY_TRUTH:
        raise ValueError(f"delays: expected learner.algorithm = {', '.join(_PAID_BY_REPORTS)}, got '{learner.algorithm}'")
    if learns and learner.has_fitted_start:
        raise ValueError(
            f"delays: expected learner.start = 'keyword-bid', got '{learner.start}', which is fitted to what comes in the end"
        )
    if learns and learner.plays_on_device:
        raise ValueError(f"delays: expected learner.device = 'cpu', got '{learner.device}', where days run without reports")
