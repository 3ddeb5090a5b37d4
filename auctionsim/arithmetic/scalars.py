"""Compute elementary functions of one double by additions, multiplications, divisions and bits alone.

Each function splits its argument into a power of two (or a quarter turn) and a small remainder, and adds up the Taylor series
of the remainder in a fixed order. What would be lost to rounding in the split is carried on in a second double. The compiled
loops of `arrays` call these functions, and so may any other compiled code.
"""

from __future__ import annotations

from math import factorial

import numpy as np

from auctionsim.arithmetic.compiled import inlined

# ln 2 in three doubles. The first has 40 bits, so that its product with an exponent of up to 12 bits is exact.
_LN2_1 = float.fromhex("0x1.62e42fefa2000p-1")
_LN2_2 = float.fromhex("0x1.9ef35793c7673p-41")
_LN2_3 = float.fromhex("0x1.f97b57a079a19p-103")
_PER_LN2 = float.fromhex("0x1.71547652b82fep+0")
# A quarter turn in three doubles. The first two have 32 bits: products with up to 2^20 turns are exact.
_QUARTER_1 = float.fromhex("0x1.921fb54400000p+0")
_QUARTER_2 = float.fromhex("0x1.0b4611a600000p-34")
_QUARTER_3 = float.fromhex("0x1.3198a2e037073p-69")
_PER_QUARTER = float.fromhex("0x1.45f306dc9c883p-1")
_THIRD = 1.0 / 3.0
_THIRD_REST = float.fromhex("0x1.5555555555555p-56")

# Added and taken off again, it leaves the nearest whole number: doubles from 2^52 on have no digits after the point.
_ROUNDER = 1.5 * 2.0**52
_SPLITTER = 2.0**27 + 1.0
_MANTISSA, _BIAS = 52, 1023
_ROOT_HALF_BITS = np.int64(0x3FE6A09E667F3BCD)
_LEAST_NORMAL = 2.0**-1022

_E = tuple(1.0 / factorial(n) for n in range(2, 14))
_ATANH = tuple(2.0 / n for n in range(3, 25, 2))
_SINE = tuple((-1.0) ** k / factorial(2 * k + 1) for k in range(1, 9))
_COSINE = tuple((-1.0) ** k / factorial(2 * k) for k in range(2, 10))

LARGEST_ANGLE = 2.0**20
"""Angle in radians up to which sines are computed; beyond it a double says little about where on the circle it is."""


@inlined
def exp(x: float) -> float:
    """Return e^x, within 1 ulp."""
    # Without branches, so that loops compile to vector instructions; NaN is put back at the end.
    k, hi, lo = _reduced(_clamped(x, -746.0, 710.0))
    value = _scaled(_one_plus(hi, _exp_tail(hi) + lo), k)
    return value if x == x else x


@inlined
def expm1(x: float) -> float:
    """Return e^x - 1 without loss near 0, within 2 ulps."""
    k, hi, lo = _reduced(_clamped(x, -60.0, 710.0))
    # e^x - 1 = 2^k ((1 - 2^-k) + (e^r - 1)). Near 0, k is 0, and so is the first difference: x + x^2/2 + ... remains.
    offset = 1.0 - _power_of_two(-_clamped(k, -90.0, 60.0))
    total = offset + hi
    # What the sum lost, whichever of the two is larger (Knuth 1997, section 4.2.2).
    back = total - offset
    lost = (offset - (total - back)) + (hi - back)
    value = _scaled(total + (_exp_tail(hi) + (lo + lost)), k)
    return value if x == x and x != 0.0 else x


@inlined
def log(x: float) -> float:
    """Return the natural logarithm, within 1 ulp: -inf of 0, NaN of a negative number."""
    if not 0.0 < x < np.inf:
        return _log_at_the_edge(x)
    k, m = _split(x)
    return _log_sum(k, m - 1.0, 0.0)


@inlined
def log1p(x: float) -> float:
    """Return log(1 + x) without loss near 0, within 2 ulps."""
    if not -1.0 < x < np.inf:
        return _log_at_the_edge(1.0 + x)
    u = 1.0 + x
    # What 1 + x lost to rounding, relative to it.
    lost = (1.0 - (u - x) if x >= 1.0 else x - (u - 1.0)) / u
    k, m = _split(u)
    is_near = -0.29 < x < 0.41
    value = _log_sum(0.0 if is_near else k, x if is_near else m - 1.0, 0.0 if is_near else lost)
    return value if x != 0.0 else x


@inlined
def tanh(x: float) -> float:
    """Return the hyperbolic tangent, within 2 ulps."""
    # From 22 on it rounds to 1.
    size = _clamped(abs(x), 0.0, 22.0)
    e = expm1(2.0 * size)
    # Either is e / (e + 2), written so that the largest term is exact.
    near = (size * e - (e - 2.0 * size)) / (e + 2.0)
    value = size - near if size < 1.0 else 1.0 - 2.0 / (e + 2.0)
    value = value if x > 0.0 else -value
    return value if x == x and x != 0.0 else x


@inlined
def sin(x: float) -> float:
    """Return the sine of an angle in radians, within 1 ulp; NaN beyond `LARGEST_ANGLE`."""
    if x == 0.0:
        return x
    if not abs(x) <= LARGEST_ANGLE:
        return np.nan
    quarter, hi, lo = _turned(x)
    value = _sine(hi, lo) if quarter % 2 == 0 else _cosine(hi, lo)
    return value if quarter % 4 < 2 else -value


@inlined
def cos(x: float) -> float:
    """Return the cosine of an angle in radians, within 1 ulp; NaN beyond `LARGEST_ANGLE`."""
    if not abs(x) <= LARGEST_ANGLE:
        return np.nan
    quarter, hi, lo = _turned(x)
    value = _cosine(hi, lo) if quarter % 2 == 0 else _sine(hi, lo)
    return value if quarter % 4 in (0, 3) else -value


@inlined
def power(x: float, y: float) -> float:
    """Return x^y, within 1 ulp, with IEEE 754's values at 0, 1 and infinity; NaN of x < 0 unless y is whole."""
    if y == 0.0 or x == 1.0:
        return 1.0
    if x != x or y != y:
        return np.nan
    is_whole = np.floor(y) == y
    is_odd = is_whole and abs(y) < 2.0**53 and np.floor(y * 0.5) != y * 0.5
    if x < 0.0 and not is_whole and x > -np.inf:
        return np.nan
    value = _power_of_size(abs(x), y)
    # -0.0 keeps its sign under odd powers, like every negative number.
    is_negative = x < 0.0 or (x == 0.0 and 1.0 / x < 0.0)
    return -value if is_negative and is_odd else value


@inlined
def _power_of_size(x: float, y: float) -> float:
    """Return x^y of x >= 0."""
    if x == 1.0:
        return 1.0
    if x == 0.0 or x == np.inf or abs(y) == np.inf:
        return np.inf if (x > 1.0) == (y > 0.0) else 0.0
    hi, lo = _long_log(x)
    # Beyond it every power overflows or vanishes; the product below stays finite.
    y = _clamped(y, -(2.0**80), 2.0**80)
    product, rest = _long_product(hi, y)
    rest += lo * y
    # The clamp is on the whole exponent: 710 overflows and -746 vanishes.
    if not -746.0 < product < 710.0:
        return np.inf if product > 0.0 else 0.0
    k, r, lost = _reduced(product)
    tail = _exp_tail(r)
    # e^(r + rest) = e^r + rest e^r, as rest is below 1e-13.
    return _scaled(_one_plus(r, tail + (lost + rest) * (1.0 + (r + tail))), k)


@inlined
def _clamped(x: float, low: float, high: float) -> float:
    """Return x within bounds, and a bound for NaN."""
    x = x if x > low else low
    return x if x < high else high


@inlined
def _reduced(x: float) -> tuple[float, float, float]:
    """Return k, r and what r lost to rounding: x = k ln 2 + r, |r| <= 0.35."""
    k = (x * _PER_LN2 + _ROUNDER) - _ROUNDER
    hi = x - k * _LN2_1
    lo = k * _LN2_2
    r = hi - lo
    return k, r, (hi - r) - lo


@inlined
def _exp_tail(r: float) -> float:
    """Return e^r - 1 - r for |r| <= 0.35."""
    total = _E[11]
    for n in range(10, -1, -1):
        total = total * r + _E[n]
    return r * r * total


@inlined
def _one_plus(r: float, small: float) -> float:
    """Return 1 + r + small, of which 1 + r is not rounded, |r| < 1."""
    one = 1.0 + r
    return one + ((r - (one - 1.0)) + small)


@inlined
def _scaled(value: float, k: float) -> float:
    """Return value 2^k, in two steps, as 2^k itself may be out of range; the second step alone may round."""
    half = np.floor(0.5 * k)
    return value * _power_of_two(half) * _power_of_two(k - half)


@inlined
def _power_of_two(k: float) -> float:
    """Return 2^k, -1022 <= k <= 1023."""
    return np.int64((np.int64(k) + _BIAS) << _MANTISSA).view(np.float64)


@inlined
def _split(x: float) -> tuple[float, float]:
    """Return k and m with x = 2^k m, m from the root of 1/2 to that of 2, of a finite x > 0."""
    shift = 0.0
    if x < _LEAST_NORMAL:
        x, shift = x * 2.0**54, 54.0
    bits = np.float64(x).view(np.int64)
    k = (bits - _ROOT_HALF_BITS) >> _MANTISSA
    return np.float64(k) - shift, np.int64(bits - (k << _MANTISSA)).view(np.float64)


@inlined
def _log_at_the_edge(x: float) -> float:
    if x == 0.0:
        return -np.inf
    return x if x > 0.0 or x != x else np.nan


@inlined
def _log_sum(k: float, f: float, rest: float) -> float:
    """Return k ln 2 + log(1 + f) + rest, f from -0.3 to 0.42.

    log(1 + f) = 2 atanh(s) with s = f / (2 + f), that is 2s + 2s^3/3 + 2s^5/5 ... And 2s = f - s f, so that the largest term
    is f itself, which is exact.
    """
    s = f / (2.0 + f)
    z = s * s
    total = _ATANH[10]
    for n in range(9, -1, -1):
        total = total * z + _ATANH[n]
    hi, lost = _ordered_sum(k * _LN2_1, f)
    # For f = 0.4: s f = 0.067 is subtracted, and s z total = 0.002 added.
    return hi + (lost - (s * (f - z * total) - (k * _LN2_2 + rest)))


@inlined
def _long_log(x: float) -> tuple[float, float]:
    """Return log(x) as the sum of two doubles, to about 64 bits, of a finite x > 0."""
    k, m = _split(x)
    f = m - 1.0
    d = 2.0 + f
    # d + d_rest = 1 + m exactly; d is the larger part.
    d_rest = f - (d - 2.0)
    s = f / d
    p, p_rest = _long_product(s, d)
    s_rest = (((f - p) - p_rest) - s * d_rest) / d
    z, z_rest = _long_product(s, s)
    z_rest += 2.0 * s * s_rest
    total = _ATANH[10]
    for n in range(9, 0, -1):
        total = total * z + _ATANH[n]
    # log(m) = 2s (1 + z/3 + z^2 total/2): the bracket without 1 as two doubles.
    third, third_rest = _long_product(z, _THIRD)
    third_rest += z * _THIRD_REST + z_rest * _THIRD
    tail = 0.5 * total * z * z
    bracket = third + tail
    bracket_rest = (tail - (bracket - third)) + third_rest
    q, q_rest = _long_product(s, bracket)
    q_rest += s * bracket_rest + s_rest * bracket
    one, one_rest = _ordered_sum(2.0 * s, 2.0 * q)
    rest = one_rest + 2.0 * (s_rest + q_rest)
    if k == 0.0:
        return _ordered_sum(one, rest)
    hi, hi_rest = _ordered_sum(k * _LN2_1, one)
    # k times the second part of ln 2 needs its own lost bits.
    second, second_rest = _long_product(k, _LN2_2)
    hi, add_rest = _ordered_sum(hi, second)
    return _ordered_sum(hi, hi_rest + (add_rest + (rest + (second_rest + k * _LN2_3))))


@inlined
def _ordered_sum(a: float, b: float) -> tuple[float, float]:
    """Return a + b and what the sum lost, |a| >= |b| or a = 0."""
    total = a + b
    return total, b - (total - a)


@inlined
def _long_product(a: float, b: float) -> tuple[float, float]:
    """Return a b and what the product lost, by halves of 26 bits (Dekker 1971); no fused multiplication is needed."""
    c = _SPLITTER * a
    a_1 = c - (c - a)
    a_2 = a - a_1
    c = _SPLITTER * b
    b_1 = c - (c - b)
    b_2 = b - b_1
    product = a * b
    return product, ((a_1 * b_1 - product) + a_1 * b_2 + a_2 * b_1) + a_2 * b_2


@inlined
def _turned(x: float) -> tuple[int, float, float]:
    """Return the quarter turns in an angle, and the rest of it as two doubles, at most an eighth of a turn."""
    k = (x * _PER_QUARTER + _ROUNDER) - _ROUNDER
    first = x - k * _QUARTER_1
    second = k * _QUARTER_2
    hi = first - second
    third = k * _QUARTER_3 - ((first - hi) - second)
    r = hi - third
    return int(k) & 3, r, (hi - r) - third


@inlined
def _sine(r: float, lo: float) -> float:
    z = r * r
    total = _SINE[7]
    for n in range(6, -1, -1):
        total = total * z + _SINE[n]
    return r + (r * z * total + lo * (1.0 - 0.5 * z))


@inlined
def _cosine(r: float, lo: float) -> float:
    z = r * r
    total = _COSINE[7]
    for n in range(6, -1, -1):
        total = total * z + _COSINE[n]
    half = 0.5 * z
    one = 1.0 - half
    return one + (((1.0 - one) - half) + (z * z * total - r * lo))
