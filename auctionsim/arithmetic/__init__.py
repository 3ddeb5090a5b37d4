"""Elementary functions, products and random draws that give the same bytes on every processor.

IEEE 754 fixes addition, multiplication, division and square root to the last bit, and numpy adds up in one order. The functions
below are not fixed: numpy and the C library choose their code by the processor, and its last bit with it, so that the same seed
drew other traffic on another machine. BLAS chooses the order of sums. So everything outside torch's networks calls this room
in place of `np.exp`, `np.log`, `**`, `@` and the like, and a test finds what does not (`tests/arithmetic/test_one_place.py`).
"""

from __future__ import annotations

from auctionsim.arithmetic.draws import legacy_normal, normal, uniform
from auctionsim.arithmetic.functions import (
    cos,
    dot,
    exp,
    expm1,
    geometric_grid,
    interpolate,
    log,
    log1p,
    matmul,
    power,
    powers_of_two,
    sin,
    tanh,
)

__all__ = [
    "cos",
    "dot",
    "exp",
    "expm1",
    "geometric_grid",
    "interpolate",
    "legacy_normal",
    "log",
    "log1p",
    "matmul",
    "normal",
    "power",
    "powers_of_two",
    "sin",
    "tanh",
    "uniform",
]
