"""What all sections of a scenario share: the kinds of values, and levels relative to the reference."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
NotNegative = Annotated[FiniteFloat, Field(ge=0)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
Count = Annotated[int, Field(ge=1, le=10**12)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
Objective = Literal["clicks", "conversions", "gmv", "profit"]

_BASELINE_SHARE = re.compile(r"^baseline\s*\*\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)$")


class Section(BaseModel):
    """Frozen, strict, and no keys but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


def baseline_share(level: float | str | None) -> float | None:
    """The SHARE of `baseline*SHARE`, or None for a plain number."""
    match = _BASELINE_SHARE.match(level) if isinstance(level, str) else None
    return float(match.group(1)) if match else None


def resolved_level(level: float | str | None, reference: float) -> float | None:
    """A limit as a number: `baseline*SHARE` of the reference's figure, a plain number as it is, None where there is none."""
    share = baseline_share(level)
    if share is not None:
        return share * reference
    return None if level is None else float(level)


def check_level(key: str, level: float | str | None, words: str, *, may_be_zero: bool = False) -> None:
    """Refuse a level that is neither a number above 0 (or 0, where it may be) nor a share of the reference's.

    Raises:
        ValueError: With the key, what was expected in `words`, and what came.
    """
    if level is None:
        return
    number = baseline_share(level) if isinstance(level, str) else level
    if number is None or not (number > 0 or (may_be_zero and number == 0)):
        raise ValueError(f"{key}: expected {words}, got {level!r}")
