"""The section `[adoption]`: how many of the advertisers use the optimizer that their group names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from auctionsim.errors import shown, suggestion
from auctionsim.scenario.advertisers import AdvertiserGroup
from auctionsim.scenario.base import Name, Section, Share

FIXED = ("manual", "truthful")
"""Controllers that use no optimizer."""


class AdoptionSection(Section):
    """Adoption: the share of advertisers who use the optimizer that their group names."""

    share: Share
    """Share of the advertisers that adopt it. They are drawn by the seed, and those of a smaller share are among those of a
    larger one."""
    groups: tuple[Name, ...] = ()
    """Groups that the share is of; all whose controller is neither `manual` nor `truthful` where none is named."""
    otherwise: Literal["manual", "truthful"] = "manual"
    """Controller of those that do not adopt."""


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
