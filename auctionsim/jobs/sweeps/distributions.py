"""Parse the distributions that a sweep draws settings from: `loguniform(0.01, 0.3)` and the like, as on the command line."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from auctionsim.errors import InputError, shown, unknown

Sampler = Callable[[np.random.Generator], Any]

_FORM = re.compile(r"^\s*([A-Za-z_]\w*)\s*\((.*)\)\s*$", re.DOTALL)
_SIGNATURES = {
    "loguniform": "loguniform(LOW, HIGH), 0 < LOW < HIGH",
    "uniform": "uniform(LOW, HIGH), LOW < HIGH",
    "randint": "randint(LOW, HIGH) or randint(LOW, HIGH, STEP), whole numbers, HIGH included",
    "choice": "choice(ONE, OTHER, ...)",
}


@dataclass(frozen=True)
class Parameter:
    """One swept key of a scenario and the distribution its values are drawn from."""

    key: str
    """The key's dotted path, as in `--set`."""
    distribution: str
    """The distribution as the user wrote it."""
    draw: Sampler
    """Draw one value with the given generator."""
    is_log: bool = False
    """True if values differ by factors, so that an axis of them is logarithmic."""

    def override(self, value: Any) -> str:
        """Return a value of this key as a `--set` item."""
        return f"{self.key}={json.dumps(value)}"


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
    sampler = _sampler(name, _arguments(inside))
    if sampler is None:
        raise InputError(f"{source}: expected {_SIGNATURES[name]}, got {shown(inside)}")
    return Parameter(key.strip(), text.strip(), sampler, is_log=name == "loguniform")


def _arguments(inside: str) -> list[Any]:
    """Parse a distribution's arguments as TOML values, or as bare words if they are not TOML."""
    try:
        values: list[Any] = tomllib.loads(f"values = [{inside}]")["values"]
    except tomllib.TOMLDecodeError:
        values = [word.strip() for word in inside.split(",")]
    return values


def _sampler(name: str, arguments: list[Any]) -> Sampler | None:
    """Return the distribution's sampler, or None if the arguments do not fit."""
    if name == "choice":
        return (lambda rng: arguments[int(rng.integers(len(arguments)))]) if arguments and "" not in arguments else None
    if not all(isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value) for value in arguments):
        return None
    if name == "randint":
        if len(arguments) not in (2, 3) or not all(isinstance(value, int) for value in arguments):
            return None
        low, high, step = (*arguments, 1)[:3]
        return (lambda rng: low + step * int(rng.integers((high - low) // step + 1))) if low <= high and step > 0 else None
    if len(arguments) != 2 or not arguments[0] < arguments[1]:
        return None
    low, high = (float(value) for value in arguments)
    if name == "uniform":
        return lambda rng: float(rng.uniform(low, high))
    return (lambda rng: float(np.exp(rng.uniform(np.log(low), np.log(high))))) if low > 0 else None
