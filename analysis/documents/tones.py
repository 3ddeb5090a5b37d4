"""Name the tones of what was judged, and the signs that say the same without colour."""

from __future__ import annotations

from typing import Literal

Tone = Literal["good", "bad", "unclear", "neutral"]
"""Meaning of a statement for the reader, which decides its colour."""
TONE_SIGNS: dict[Tone, str] = {"good": "\u2714", "bad": "\u2718", "unclear": "?", "neutral": "\u2013"}
"""Signs that say the same as the colours: a check mark, a cross, a question mark, a dash."""
