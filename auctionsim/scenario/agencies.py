"""The sections `[[agencies]]` and `[adoption]`: who bids for several advertisers, and how many have an optimizer at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from auctionsim.errors import shown, suggestion
from auctionsim.scenario.advertisers import AdvertiserGroup
from auctionsim.scenario.base import Name, NotNegative, Objective, Section, Share, check_level

Member = Annotated[str, Field(min_length=1, max_length=140)]
OWN_REWARD = ("rmdp-dqn", "m-rmdp-dqn", "amdp-dqn")
"""Learners whose reward is fixed by their paper, so that no agency's objective enters it."""
FIXED = ("manual", "truthful")
"""Controllers that use no optimizer."""

_PART = re.compile(r"^(?P<group>.*?)\[(?P<first>[0-9]{1,9})(?P<colon>:)?(?P<end>[0-9]{1,9})?\]$")


class AgencySection(Section):
    """An agency: one optimizer that bids for several advertisers, its members."""

    agency: Name
    """Name of the agency."""
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    """Its members: a group by name, one advertiser of it as `GROUP[3]`, or a range as `GROUP[0:4]`, numbered from 0, the end
    left out. Two or more advertisers in all, none of them in another agency."""
    objectives: dict[Objective, NotNegative] | None = None
    """Weights over clicks, conversions, gmv and profit of all members, in place of those of their groups."""
    budget: FiniteFloat | str | None = None
    """Joint hard daily budget of all members: currency, or `baseline*SHARE` of their spend under the baseline without budgets.
    It is divided every hour as an account's is (docs/controllers.md)."""
    coordination: Literal["none", "keyword-bid", "value"] = "none"
    """Bids within an auction: `none` lets all members bid; `keyword-bid` and `value` let one of them bid, the one with the
    highest pctr^squash x keyword bid or x value of a click. The baseline is that without coordination."""

    @model_validator(mode="after")
    def _values_are_right(self) -> AgencySection:
        check_level("budget", self.budget, "a number > 0 or 'baseline*SHARE'")
        if self.objectives is not None and sum(self.objectives.values()) <= 0:
            raise ValueError("objectives: expected a weight > 0, got none")
        return self


class AdoptionSection(Section):
    """Adoption: the share of advertisers who use the optimizer that their group names."""

    share: Share
    """Share of the advertisers that adopt it. They are drawn by the seed, and those of a smaller share are among those of a
    larger one."""
    groups: tuple[Name, ...] = ()
    """Groups that the share is of; all whose controller is neither `manual` nor `truthful` where none is named."""
    otherwise: Literal["manual", "truthful"] = "manual"
    """Controller of those that do not adopt."""


def member_indices(members: Sequence[str], groups: Sequence[AdvertiserGroup]) -> list[int]:
    """Return the indices of advertisers, in the order of every advertiser axis.

    Args:
        members: Members as an agency names them.
        groups: All groups of the scenario.

    Raises:
        ValueError: A group is unknown, or has no such advertiser; the message begins with `members`.
    """
    names, first = [group.group for group in groups], dict[str, int]()
    found: list[int] = []
    for group in groups:
        first[group.group] = sum(other.count for other in groups[: len(first)])
    for member in members:
        part = None if member in names else _PART.match(member)
        name = member if part is None else part["group"]
        if name not in names:
            raise ValueError(
                f"members: expected groups, GROUP[3] or GROUP[0:4] ({', '.join(names)}), got {shown(member)}"
                f"{suggestion(name, names)}"
            )
        count = groups[names.index(name)].count
        begin, end = (0, count) if part is None else _range(part)
        if not begin < end <= count or (part is not None and part["end"] and not part["colon"]):
            raise ValueError(f"members: expected numbers within {name}[0:{count}], got {shown(member)}")
        found.extend(range(first[name] + begin, first[name] + end))
    return found


def _range(part: re.Match[str]) -> tuple[int, int]:
    """Return the first number of a part of a group and the end, which is left out."""
    begin = int(part["first"])
    if part["colon"] is None:
        return begin, begin + 1
    return begin, -1 if part["end"] is None else int(part["end"])


def check_agencies(agencies: Sequence[AgencySection], groups: Sequence[AdvertiserGroup], algorithm: str, device: str) -> None:
    """Check that agencies, their members and the learner fit together.

    Raises:
        ValueError: They do not; the message begins with the key.
    """
    owner: dict[int, str] = {}
    by_index = [group for group in groups for _ in range(group.count)] if agencies else []
    for k, one in enumerate(agencies):
        if one.agency in [other.agency for other in agencies[:k]]:
            raise ValueError(f"agencies: expected a different name for each agency, got '{one.agency}' twice")
        try:
            members = member_indices(one.members, groups)
        except ValueError as error:
            raise ValueError(f"agencies[{k}].{error}") from None
        if len(set(members)) < 2:
            raise ValueError(f"agencies[{k}].members: expected two advertisers or more, got {len(set(members))}")
        for i in members:
            group = by_index[i]
            if i in owner:
                raise ValueError(
                    f"agencies[{k}].members: expected each advertiser once, got one of the group '{group.group}' again, "
                    f"of the agency '{owner[i]}'"
                )
            owner[i] = one.agency
            if one.budget is not None and group.has_budget:
                raise ValueError(
                    f"agencies[{k}].budget: expected members without a budget or an account, got the group '{group.group}'"
                )
        _check_learner(k, {by_index[i].controller for i in members}, algorithm, device)


def _check_learner(k: int, controllers: set[str], algorithm: str, device: str) -> None:
    """Check that the learner of an agency's members can follow a joint objective."""
    if "learner" not in controllers:
        return
    if algorithm in OWN_REWARD:
        raise ValueError(
            f"agencies[{k}].members: expected a learner of the agency's objective, got '{algorithm}', which earns GMV"
        )
    if device != "cpu":
        raise ValueError(f"learner.device: expected 'cpu' with agencies, got '{device}'")


def check_adoption(adoption: AdoptionSection, groups: Sequence[AdvertiserGroup]) -> None:
    """Check that an adoption's groups exist and have an optimizer.

    Raises:
        ValueError: They do not; the message begins with the key.
    """
    names = [group.group for group in groups]
    for k, name in enumerate(adoption.groups):
        if name not in names:
            raise ValueError(
                f"adoption.groups[{k}]: unknown {shown(name)}; choose from {', '.join(names)}{suggestion(name, names)}"
            )
        controller = groups[names.index(name)].controller
        if controller in FIXED:
            raise ValueError(f"adoption.groups[{k}]: expected a group with an optimizer, got '{name}' under '{controller}'")
    if not adopting_groups(adoption, groups):
        raise ValueError("adoption: expected a group whose controller is neither manual nor truthful, got none")


def adopting_groups(adoption: AdoptionSection, groups: Sequence[AdvertiserGroup]) -> list[str]:
    """Return the names of the groups that the share is of."""
    return list(adoption.groups) or [group.group for group in groups if group.controller not in FIXED]
