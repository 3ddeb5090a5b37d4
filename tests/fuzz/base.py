"""What a target of the fuzzers is, and what counts as a finding."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from traceback import extract_tb
from typing import Any

from hypothesis.strategies import SearchStrategy

from . import targets

Case = dict[str, Any]
"""An input as JSON holds it, so that it can be kept in the corpus and read by people."""

REPOSITORY = Path(__file__).parents[2]
_ROOMS = tuple(f"{REPOSITORY / room}/" for room in ("auctionsim", "agents", "envs", "analysis"))


@dataclass(frozen=True)
class Target:
    """One door of the program."""

    cases: Callable[[], SearchStrategy[Case]]
    """Makes the strategy that cases are drawn from."""
    run: Callable[[Case], None]
    """Runs one case in an empty current folder. What it raises is a finding."""
    prepare: Callable[[], None] = lambda: None
    """Builds what all cases share, without limits of time and memory."""
    seconds: float = 20.0
    """Time that a case may take; longer is a finding."""
    quick: int = 40
    """Cases that `make fuzz-minute` runs, all targets together in about a minute of two cores."""
    megabytes: int = 1500
    """Address space that cases may take beyond what `prepare` took; more is a finding."""


class Violation(AssertionError):
    """A promise that a case broke.

    Args:
        rule: The promise in a few words, the same for all cases that break it alike.
        seen: What happened instead.
    """

    def __init__(self, rule: str, seen: str) -> None:
        super().__init__(f"{rule}: {seen}")
        self.rule, self.seen = rule, seen


def all_targets() -> dict[str, Target]:
    """Return the targets by name."""
    names = sorted(module.name for module in iter_modules(targets.__path__))
    return {name: import_module(f"{targets.__name__}.{name}").TARGET for name in names}


def find_target(name: str) -> Target:
    """Return a target by its name, or by `package.module:ATTRIBUTE`, which the tests of the frame use."""
    module, _, attribute = name.partition(":")
    target: Target = getattr(import_module(module), attribute) if attribute else all_targets()[name]
    return target


def signature(error: BaseException) -> str:
    """Return a text that is equal for findings of the same cause: of an error, its type and the innermost place in our code."""
    if isinstance(error, Violation):
        # Numbers, paths and what else a user wrote differ from case to case; plain words are ours.
        words = [word if re.fullmatch(r"[a-z]+[,;:.]?", word) else "N" for word in error.seen.split()]
        return f"{error.rule}: {re.sub(r'N( N)+', 'N', ' '.join(words))[:70]}"
    frames = [frame for frame in extract_tb(error.__traceback__) if str(Path(frame.filename).resolve()).startswith(_ROOMS)]
    place = f"{Path(frames[-1].filename).resolve().relative_to(REPOSITORY)}:{frames[-1].name}" if frames else "elsewhere"
    return f"{type(error).__name__} in {place}"
