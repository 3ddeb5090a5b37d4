"""Refuse what needs to know more than `[information]` shows, with the nearest regime that shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from auctionsim.errors import shown
from auctionsim.scenario.information.section import InformationSection
from auctionsim.scenario.learner import LearnerSection
from auctionsim.scenario.market import PlatformSection

_FULL: Mapping[str, str] = {
    "openai-es": "which learns from the mean of everybody's fitness",
    "cma-es": "which learns from the mean of everybody's fitness",
    "mappo": "whose value network sees everybody's observations",
    "maab": "which shares what all groups earn",
    "dcmab": "whose value networks see everybody's actions",
    "value-scale": "which fits one scale to all advertisers' outcomes",
    "value-scale-paced": "which fits one scale to all advertisers' outcomes",
    "objective-scale": "which fits scales to all advertisers' outcomes",
}
"""Learners that need the regime `full`, and why."""
_NOT_BY_HOUR = ("rmdp-dqn", "m-rmdp-dqn", "amdp-dqn")
"""Learners whose steps may be other than hours, so that no report can be late by hours."""


class HasProfitFloor(Protocol):
    """What is checked of a group."""

    @property
    def profit_floor(self) -> float:
        """Return its floor on profit, for whose shortfall everybody is charged."""


def check_information(
    information: InformationSection | None,
    learner: LearnerSection,
    platform: PlatformSection,
    groups: Sequence[HasProfitFloor],
) -> None:
    """Check that learners and rewards need no more than bidders are shown.

    Args:
        information: The section; None for no limits.
        learner: The section `[learner]` of a scenario in which somebody learns.
        platform: The section `[platform]`.
        groups: All groups of the scenario.

    Raises:
        ValueError: They do; the message begins with the key.
    """
    if information is None:
        return
    if not information.shows("full"):
        for key, value, reason in _needs_full(learner, platform, groups):
            raise ValueError(
                f"information.regime: expected 'full' with {key} = {shown(value)}, {reason}, got '{information.regime}'"
            )
    if information.delay > 0:
        for key, value, reason in _needs_no_delay(learner):
            raise ValueError(f"information.delay: expected 0 with {key} = {shown(value)}, {reason}, got {information.delay}")


def _needs_full(
    learner: LearnerSection, platform: PlatformSection, groups: Sequence[HasProfitFloor]
) -> Iterator[tuple[str, object, str]]:
    """Yield the keys that need `full`, with their values and the reasons."""
    if learner.algorithm in _FULL:
        yield "learner.algorithm", learner.algorithm, _FULL[learner.algorithm]
    if learner.algorithm == "m-rmdp-dqn" and learner.cooperation > 0:
        yield "learner.cooperation", learner.cooperation, "the weight of what all learners earn"
    if learner.policy == "auction":
        yield "learner.policy", learner.policy, "whose bids depend on who else is in the auction"
    if learner.has_fitted_start:
        yield "learner.start", learner.start, "which is fitted to the platform's revenue"
    if learner.pace_to_floor:
        yield "learner.pace_to_floor", True, "which looks at the platform's revenue to date"
    if learner.global_weight > 0:
        yield "learner.global_weight", learner.global_weight, "the weight of all advertisers' profit in rewards"
    if platform.revenue_floor > 0:
        yield "platform.revenue_floor", platform.revenue_floor, "by which rewards count the platform's revenue"
    if platform.self_bidder_floor > 0:
        yield "platform.self_bidder_floor", platform.self_bidder_floor, "by which rewards count others' profit"
    for i, group in enumerate(groups):
        if group.profit_floor > 0:
            yield f"advertisers[{i}].profit_floor", group.profit_floor, "for which everybody's rewards are charged"


def _needs_no_delay(learner: LearnerSection) -> Iterator[tuple[str, object, str]]:
    """Yield the keys that allow no delay, with their values and the reasons."""
    if learner.algorithm in _NOT_BY_HOUR:
        yield "learner.algorithm", learner.algorithm, "whose steps need not be hours"
    if learner.policy == "auction":
        yield "learner.policy", learner.policy, "which sees the auction that it bids in"
    if learner.pace_to_floor:
        yield "learner.pace_to_floor", True, "which looks at the platform's revenue to date"
    if learner.plays_on_device:
        yield "learner.device", learner.device, "where days run without reports"
