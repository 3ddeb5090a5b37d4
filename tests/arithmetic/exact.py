"""Elementary functions to 60 digits, by Python's decimal numbers: what the room's functions are judged by."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, getcontext, localcontext

import numpy as np

DIGITS = 60


def _exp(x: Decimal) -> Decimal:
    return x.exp()


def _tanh(x: Decimal) -> Decimal:
    e = (2 * x).exp()
    return (e - 1) / (e + 1)


def _arctan_inverse(n: int) -> Decimal:
    """The arc tangent of 1/n, by its series."""
    term, total, k = Decimal(1) / n, Decimal(0), 0
    while abs(term) > Decimal(10) ** -(getcontext().prec + 5):
        total += term / (2 * k + 1)
        term, k = -term / (n * n), k + 1
    return total


def _sine_series(x: Decimal, first: Decimal, start: int) -> Decimal:
    term, total, k = first, Decimal(0), start
    while abs(term) > Decimal(10) ** -(DIGITS + 30):
        total += term
        term, k = -term * x * x / ((k + 1) * (k + 2)), k + 2
    return total


def _turned(x: Decimal) -> Decimal:
    """An angle less whole turns (Machin's formula for pi)."""
    turn = 8 * (4 * _arctan_inverse(5) - _arctan_inverse(239))
    return x - (x / turn).to_integral_value() * turn


def _sin(x: Decimal) -> Decimal:
    x = _turned(x)
    return _sine_series(x, x, 1)


def _cos(x: Decimal) -> Decimal:
    return _sine_series(_turned(x), Decimal(1), 0)


EXACT: dict[str, Callable[[Decimal], Decimal]] = {
    "exp": _exp,
    "expm1": lambda x: x.exp() - 1,
    "log": lambda x: x.ln(),
    "log1p": lambda x: (1 + x).ln(),
    "tanh": _tanh,
    "sin": _sin,
    "cos": _cos,
}


def ulps(got: float, exact: Decimal) -> float:
    """How far a double is from the exact value, in units of the exact value's last place."""
    unit = Decimal(float(np.spacing(abs(float(exact)))))
    return float(abs(Decimal(float(got)) - exact) / unit)


def worst(name: str, got: np.ndarray, x: np.ndarray) -> float:
    """The largest error of a function, in ulps."""
    with localcontext() as context:
        # Digits that 1 + x and e^x - 1 lose come on top.
        context.prec = 2 * DIGITS + 320 if name in ("expm1", "log1p", "tanh") else 2 * DIGITS
        return max(ulps(g, EXACT[name](Decimal(float(v)))) for g, v in zip(got, x, strict=True))


def worst_power(got: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """The largest error of powers, in ulps."""
    with localcontext() as context:
        context.prec = DIGITS
        exact = [(Decimal(float(b)) * Decimal(float(a)).ln()).exp() for a, b in zip(x, y, strict=True)]
        return max(ulps(g, e) for g, e in zip(got, exact, strict=True))
