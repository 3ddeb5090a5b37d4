"""Parse the distributions that a sweep takes settings from: `loguniform(0.01, 0.3)` and the like, as on the command line."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auctionsim import arithmetic
from auctionsim.errors import InputError, shown, unknown

Sampler = Callable[[np.random.Generator], Any]

_FORM = re.compile(r"^\s*([A-Za-z_]\w*)\s*\((.*)\)\s*$", re.DOTALL)
# A list, a quoted text, or a run of other characters: what stands between two commas of bare words.
_PIECE = re.compile(r"""(?:\[[^\]]*\]|"(?:\\.|[^"\\])*"|'[^']*'|[^,\["'])+""")
_SIGNATURES = {
    "loguniform": "loguniform(LOW, HIGH), 0 < LOW < HIGH",
    "uniform": "uniform(LOW, HIGH), LOW < HIGH",
    "randint": "randint(LOW, HIGH) or randint(LOW, HIGH, STEP), whole numbers, HIGH included",
    "choice": "choice(ONE, OTHER, ...)",
    "grid": "grid(ONE, OTHER, ...)",
}
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Parameter:
    """One swept key of a scenario and the distribution of its values: a finite list, or a sampler."""

    key: str
    """The key's dotted path, as in `--set`."""
    distribution: str
    """The distribution as the user wrote it."""
    values: Sequence[Any] | None = None
    """All values where there is a finite number of them, each once; None for a continuous distribution."""
    draw: Sampler | None = None
    """Draw one value of a continuous distribution with the given generator; None for a finite one."""
    is_grid: bool = False
    """True if every value is combined with every value of the other grid keys; else values are sampled."""
    is_log: bool = False
    """True if values differ by factors, so that an axis of them is logarithmic."""

    @property
    def source(self) -> str:
        """Return the parameter as messages name it."""
        return f"--param {self.key}={self.distribution}"

    def override(self, value: Any) -> str:
        """Return a value of this key as a `--set` item."""
        return f"{self.key}={json.dumps(value, ensure_ascii=False)}"


def parse_parameter(item: str) -> Parameter:
    """Parse `KEY.PATH=DISTRIBUTION(...)`.

    Raises:
        InputError: The item has another form, the distribution is unknown, or its arguments do not fit.
    """
    source = f"--param {item}"
    key, equals, text = item.partition("=")
    if not key.strip() or not equals:
        raise InputError(f"{source}: expected KEY.PATH=DISTRIBUTION(...), got no '='")
    form = _FORM.match(text)
    if not form:
        raise InputError(f"{source}: expected one of {'; '.join(_SIGNATURES.values())}, got {shown(text)}")
    name, inside = form.groups()
    if name not in _SIGNATURES:
        raise unknown(source, name, _SIGNATURES, what="unknown distribution")
    arguments = _arguments(inside)
    values, draw = _values(name, arguments, source), _sampler(name, arguments)
    if values is None and draw is None:
        raise InputError(f"{source}: expected {_SIGNATURES[name]}, got {shown(inside)}")
    return Parameter(key.strip(), text.strip(), values, draw, is_grid=name == "grid", is_log=name == "loguniform")


def _arguments(inside: str) -> list[Any]:
    """Parse a distribution's arguments as TOML values; what is not TOML is a bare word."""
    try:
        values: list[Any] = tomllib.loads(f"values = [{inside}]")["values"]
    except (ValueError, RecursionError):
        values = [_word(piece) for piece in _PIECE.findall(inside)]
    return values


def _word(piece: str) -> Any:
    try:
        return tomllib.loads(f"value = {piece.strip()}")["value"]
    except (ValueError, RecursionError):
        return piece.strip()


def _values(name: str, arguments: list[Any], source: str) -> Sequence[Any] | None:
    """Return all values of a finite distribution, or None if there are none or the arguments do not fit.

    Raises:
        InputError: A value is given twice, or is none that a scenario can hold.
    """
    if name in ("choice", "grid"):
        if not arguments or "" in arguments:
            return None
        for value in arguments:
            if not _is_plain(value):
                raise InputError(f"{source}: expected words, finite numbers, true, false or lists of them, got {shown(value)}")
            if sum(_is_same(value, other) for other in arguments) > 1:
                raise InputError(f"{source}: expected each value once, got {shown(value)} twice (values are not weighted)")
        return arguments
    if name != "randint" or len(arguments) not in (2, 3) or not all(_is_number(value, int) for value in arguments):
        return None
    low, high, step = (*arguments, 1)[:3]
    is_in_range = low <= high and step > 0 and all(abs(value) <= _LARGEST for value in (low, high, step))
    return range(low, high + 1, step) if is_in_range and (high - low) // step < _LARGEST else None


def _sampler(name: str, arguments: list[Any]) -> Sampler | None:
    """Return the sampler of a continuous distribution, or None if it is none or the arguments do not fit."""
    if name not in ("uniform", "loguniform") or len(arguments) != 2:
        return None
    if not all(_is_number(value, int | float) for value in arguments) or not arguments[0] < arguments[1]:
        return None
    low, high = (float(value) for value in arguments)
    if name == "uniform":
        return lambda rng: float(arithmetic.uniform(rng, low, high))
    return (
        (lambda rng: float(arithmetic.exp(arithmetic.uniform(rng, arithmetic.log(low), arithmetic.log(high)))))
        if low > 0
        else None
    )


def _is_number(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and abs(value) < np.inf


def _is_plain(value: Any) -> bool:
    """Return whether TOML can say the value in one line, as an override has to."""
    if isinstance(value, list):
        return all(_is_plain(one) for one in value)
    if isinstance(value, float):
        return bool(np.isfinite(value))
    return isinstance(value, int | str) and "\x7f" not in str(value)


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two values are the same setting: 1 and 1.0 are, 1 and true are not (Python thinks they are)."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
