"""Types that all sections of a scenario share, and levels relative to the baseline."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from auctionsim.errors import shown
from auctionsim.names.display import parts_repr

Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
NotNegative = Annotated[FiniteFloat, Field(ge=0)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
Count = Annotated[int, Field(ge=1, le=10**12)]
"""A number of things of which none is held in memory by itself, or whose memory is estimated first (`market.size`)."""
Repeats = Annotated[int, Field(ge=1, le=10**6)]
"""A number of repetitions within an iteration."""
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
Objective = Literal["clicks", "conversions", "gmv", "profit"]

# A share has 100 characters at most, and each part of it can match in one way only: an expression that can match in many ways
# tries them all, which took half a minute for 32,000 digits.
_BASELINE_SHARE = re.compile(r"baseline[ \t]*\*[ \t]*((?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_LONGEST = 100
NONE = "none"
"""The word that a scenario file has for nothing, TOML's own lack of it: with it an override removes what a file says."""
_BASELINE, _PROFILE = "baseline", "profile"


class Section(BaseModel):
    """A section of a scenario: frozen, strictly typed, unknown keys refused. Attribute docstrings describe its keys."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    def __repr__(self) -> str:
        """Return the keys that differ from their defaults, each in a few words."""
        fields = type(self).model_fields
        changed = {key: value for key, value in self if fields[key].is_required() or value != fields[key].default}
        return parts_repr(type(self).__name__, changed)

    def __str__(self) -> str:
        return repr(self)


def is_none_by_default(model: type[BaseModel], key: str) -> bool:
    """Return whether a section has a key that is nothing by default."""
    field = model.model_fields.get(key)
    return field is not None and not field.is_required() and field.default is None


def baseline_share(level: float | str | None) -> float | None:
    """Return the SHARE of `baseline*SHARE`, or None for anything else."""
    match = _BASELINE_SHARE.fullmatch(level) if isinstance(level, str) and len(level) <= _LONGEST else None
    return float(match.group(1)) if match else None


def profile_share(level: float | str | None) -> float | None:
    """Return the SHARE of `profile*SHARE`, or None for anything else."""
    is_one = isinstance(level, str) and level.startswith(_PROFILE)
    return baseline_share(_BASELINE + str(level).removeprefix(_PROFILE)) if is_one else None


def resolved_level(level: float | str | None, baseline: float) -> float | None:
    """Return a level as a number.

    Args:
        level: A number, `baseline*SHARE`, or None for no level.
        baseline: The figure under the baseline policy, in the level's unit.

    Returns:
        A number as it is, `baseline*SHARE` as SHARE times `baseline`, and None if there is no level.
    """
    share = baseline_share(level)
    if share is not None:
        return share * baseline
    return None if level is None else float(level)


def check_level(key: str, level: float | str | None, words: str, *, may_be_zero: bool = False) -> None:
    """Check a level of a scenario: None, a number > 0 (or >= 0 if it may be zero), or `baseline*SHARE`.

    Args:
        key: The level's key, for the message.
        level: The level as given.
        words: The expected values, for the message.
        may_be_zero: Whether 0 is a valid level.

    Raises:
        ValueError: The level is something else; the message holds key, expected values and level.
    """
    if level is None:
        return
    number = baseline_share(level) if isinstance(level, str) else level
    if number is None or not (0 < number < math.inf or (may_be_zero and number == 0)):
        raise ValueError(f"{key}: expected {words}, got {shown(level)}")
