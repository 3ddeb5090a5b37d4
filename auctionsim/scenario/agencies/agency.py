"""The sections `[[agencies]]`: one optimizer bids for several advertisers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, FiniteFloat, field_validator, model_validator

from auctionsim.errors import shown, suggestion
from auctionsim.scenario.advertisers import AdvertiserGroup
from auctionsim.scenario.base import Name, NotNegative, Objective, Section, check_level

Member = Annotated[str, Field(min_length=1, max_length=140)]
OWN_REWARD = ("rmdp-dqn", "m-rmdp-dqn", "amdp-dqn")
"""Learners whose reward is fixed by their paper, so that no agency's objective enters it."""

_PART = re.compile(r"^(?P<group>.*?)\[(?P<first>[0-9]{1,13})(?::(?P<end>[0-9]{1,13}))?\]$")


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
    It is divided every hour as an account's is (docs/controllers.md). `none` is no budget."""
    coordination: Literal["none", "keyword-bid", "value"] = "none"
    """Bids within an auction: `none` lets all members bid; `keyword-bid` and `value` let one of them bid, the one with the
    highest pctr^squash x keyword bid or x value of a click. The baseline is that without coordination."""

    @field_validator("budget")
    @classmethod
    def _none_is_none(cls, budget: float | str | None) -> float | str | None:
        """Read the word `none` as no budget, as of a group: an override may have to remove one."""
        return None if budget == "none" else budget

    @model_validator(mode="after")
    def _values_are_right(self) -> AgencySection:
        check_level("budget", self.budget, "a number > 0, 'baseline*SHARE' or 'none'")
        if self.objectives is not None and sum(self.objectives.values()) <= 0:
            raise ValueError("objectives: expected a weight > 0, got none")
        return self


class MemberRange(NamedTuple):
    """Members of an agency in one group."""

    group: int
    """Index of the group."""
    begin: int
    """Number in the group of the first of them."""
    end: int
    """Number after the last of them."""


def member_ranges(members: Sequence[str], groups: Sequence[AdvertiserGroup]) -> list[MemberRange]:
    """Return the members that an agency names.

    Args:
        members: Members as an agency names them.
        groups: All groups of the scenario.

    Raises:
        ValueError: A group is unknown, or has no such advertiser; the message begins with `members`.
    """
    names, found = [group.group for group in groups], []
    for member in members:
        part = None if member in names else _PART.match(member)
        name = member if part is None else part["group"]
        if name not in names:
            raise ValueError(
                f"members: expected groups, GROUP[3] or GROUP[0:4] ({', '.join(names)}), got {shown(member)}"
                f"{suggestion(name, names)}"
            )
        count = groups[names.index(name)].count
        begin = 0 if part is None else int(part["first"])
        end = count if part is None else int(part["end"] or begin + 1)
        if not begin < end <= count:
            raise ValueError(f"members: expected numbers within {name}[0:{count}], got {shown(member)}")
        found.append(MemberRange(names.index(name), begin, end))
    return found


def member_indices(members: Sequence[str], groups: Sequence[AdvertiserGroup]) -> tuple[int, ...]:
    """Return the indices of an agency's members, in the order of every advertiser axis.

    Args:
        members: Members as an agency names them, which were checked.
        groups: All groups of the scenario.
    """
    first = [0, *accumulate(group.count for group in groups)]
    return tuple(first[one.group] + i for one in member_ranges(members, groups) for i in range(one.begin, one.end))


def check_agencies(agencies: Sequence[AgencySection], groups: Sequence[AdvertiserGroup], algorithm: str, device: str) -> None:
    """Check that agencies, their members and the learner fit together.

    Raises:
        ValueError: They do not; the message begins with the key.
    """
    taken: list[tuple[MemberRange, str]] = []
    for k, one in enumerate(agencies):
        if one.agency in [other.agency for other in agencies[:k]]:
            raise ValueError(f"agencies: expected a different name for each agency, got '{one.agency}' twice")
        try:
            ranges = member_ranges(one.members, groups)
        except ValueError as error:
            raise ValueError(f"agencies[{k}].{error}") from None
        for member, own in zip(one.members, ranges, strict=True):
            again = [name for other, name in taken if _overlap(own, other)]
            if again:
                raise ValueError(
                    f"agencies[{k}].members: expected each advertiser once, got {shown(member)} again, in '{again[0]}'"
                )
            taken.append((own, one.agency))
        if sum(own.end - own.begin for own in ranges) < 2:
            raise ValueError(f"agencies[{k}].members: expected two advertisers or more, got one")
        theirs = [groups[own.group] for own in ranges]
        limited = [group.group for group in theirs if group.has_budget]
        if one.budget is not None and limited:
            raise ValueError(
                f"agencies[{k}].budget: expected members without a budget or an account, got the group '{limited[0]}'"
            )
        if any(group.controller == "learner" for group in theirs):
            _check_learner(k, algorithm, device)


def _overlap(one: MemberRange, other: MemberRange) -> bool:
    """Return whether two ranges have a member in common."""
    return one.group == other.group and one.begin < other.end and other.begin < one.end


def _check_learner(k: int, algorithm: str, device: str) -> None:
    """Check that a learner can follow a joint objective."""
    if algorithm in OWN_REWARD:
        raise ValueError(
            f"agencies[{k}].members: expected a learner of the agency's objective, got '{algorithm}', which earns GMV"
        )
    if device != "cpu":
        raise ValueError(f"learner.device: expected 'cpu' with agencies, got '{device}'")
