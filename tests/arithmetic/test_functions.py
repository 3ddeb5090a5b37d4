"""Elementary functions are accurate to two ulps, right at the edges, and the same bits on every kind of processor."""

from __future__ import annotations

import hashlib
import math
import os
import re
import subprocess
import sys

import numba
import numpy as np
import pytest

from auctionsim import arithmetic
from auctionsim.arithmetic.scalars import LARGEST_ANGLE

from .exact import worst, worst_power

N = 300


def _spread(low: float, high: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, N)


def _magnitudes(low: int, high: int) -> np.ndarray:
    """Positive numbers from 2^low to 2^high, alike in every power of two."""
    return np.ldexp(_spread(1.0, 2.0), np.random.default_rng(1).integers(low, high, N))


CASES = [
    ("exp", np.concatenate([_spread(-745, 709), _spread(-1, 1), [5e-324, -745.1, 709.78, -708.5, 1.0]]), 0.8),
    ("expm1", np.concatenate([_spread(-40, 700), _spread(-1, 1), _magnitudes(-300, 2), -_magnitudes(-300, 2)]), 1.2),
    ("log", np.concatenate([_magnitudes(-1070, 1023), _spread(0.5, 2), [5e-324, 1.7e308, 1 + 2**-52, 1 - 2**-53]]), 0.85),
    ("log1p", np.concatenate([_magnitudes(-300, 1000), _spread(-0.99, 2), -_magnitudes(-300, -1)]), 1.1),
    ("tanh", np.concatenate([_spread(-25, 25), _spread(-1, 1), _magnitudes(-300, 4)]), 1.8),
    ("sin", np.concatenate([_spread(-10, 10), _spread(-LARGEST_ANGLE, LARGEST_ANGLE), np.pi * np.arange(1, 50)]), 0.8),
    ("cos", np.concatenate([_spread(-10, 10), _spread(-LARGEST_ANGLE, LARGEST_ANGLE), np.pi * (np.arange(50) + 0.5)]), 0.8),
]


@pytest.mark.parametrize(("name", "x", "most"), CASES, ids=[case[0] for case in CASES])
def test_functions_are_within_two_ulps_of_sixty_digits(name: str, x: np.ndarray, most: float):
    assert worst(name, getattr(arithmetic, name)(x), x) <= most


def test_powers_are_within_an_ulp_of_sixty_digits():
    x = np.concatenate([_magnitudes(-1000, 1000), _spread(0.01, 2), 1 + _spread(-1e-3, 1e-3)])
    y = np.concatenate([_spread(-1, 1), _spread(-20, 20), _spread(-2e5, 2e5)])
    assert worst_power(arithmetic.power(x, y), x, y) <= 0.8


EDGES = np.array(
    [0.0, -0.0, 1, -1, 2, -2, 0.5, 3, -3, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e308, -1e308, 2.0**53, 1e-300]
)


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "tanh", "sin", "cos"])
def test_edges_are_those_of_numpy(name: str):
    x = EDGES if name not in ("sin", "cos") else EDGES[~(np.abs(EDGES) > LARGEST_ANGLE) | ~np.isfinite(EDGES)]
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
    got = getattr(arithmetic, name)(x)
    np.testing.assert_allclose(got, expected, rtol=3e-16, atol=0)
    is_number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[is_number]), np.signbit(expected[is_number]))


def test_powers_at_the_edges_are_those_of_numpy():
    x, y = (grid.ravel() for grid in np.meshgrid(EDGES, EDGES))
    with np.errstate(all="ignore"):
        expected = np.power(x, y)
    got = arithmetic.power(x, y)
    np.testing.assert_allclose(got, expected, rtol=3e-16, atol=0)
    np.testing.assert_array_equal(np.signbit(got)[~np.isnan(expected)], np.signbit(expected)[~np.isnan(expected)])


@pytest.mark.parametrize("y", [0.0, 0.5, 1.0, 2.0, -1.0])
def test_shortcuts_of_powers_give_what_the_loop_gives_at_the_edges(y: float):
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(arithmetic.power(EDGES, y), np.power(EDGES, np.full(len(EDGES), y)), rtol=3e-16, atol=0)


def test_sines_of_angles_that_say_nothing_are_nan():
    assert np.isnan(arithmetic.sin(1e9))
    assert np.isnan(arithmetic.cos([-1e300, np.inf])).all()


def test_small_arguments_are_not_lost():
    for name in ("expm1", "log1p", "tanh", "sin"):
        assert getattr(arithmetic, name)(1e-20) == 1e-20


def test_shapes_and_types_follow_numpy():
    assert isinstance(arithmetic.exp(1), np.float64)
    assert arithmetic.exp(np.ones((2, 0, 3))).shape == (2, 0, 3)
    assert arithmetic.exp(np.float32([1.0])).dtype == np.float32
    assert arithmetic.exp(np.arange(3)).dtype == np.float64
    assert arithmetic.power(np.ones((4, 1)), np.ones(3)).shape == (4, 3)
    turned = np.arange(6.0).reshape(2, 3).T
    np.testing.assert_array_equal(arithmetic.exp(turned), arithmetic.exp(turned.copy()))


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sin"])
def test_an_element_does_not_depend_on_its_neighbors(name: str):
    # Compiled loops take several elements at once and the last few one by one.
    x = _spread(0.1, 3.0)[:37]
    alone = [getattr(arithmetic, name)(v) for v in x]
    np.testing.assert_array_equal(getattr(arithmetic, name)(x), alone)


def test_matrix_products_add_in_the_order_of_the_terms():
    assert arithmetic.matmul(np.array([[1e16, 1.0, -1e16]]), np.ones((3, 1))) == 0.0
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((3, 1, 4, 5)), rng.standard_normal((2, 5, 6))
    np.testing.assert_allclose(arithmetic.matmul(left, right), left @ right, rtol=1e-13)
    with pytest.raises(ValueError, match=r"right: expected \[\.\.\., 5, columns\], got \[4, 5\]"):
        arithmetic.matmul(left, np.ones((4, 5)))


def test_interpolation_is_numpys():
    known, values = np.array([0.0, 1.0, 1.0, 4.0]), np.array([1.0, 2.0, 5.0, -1.0])
    x = np.array([-1, 0, 0.3, 0.999, 1, 2, 3.7, 4, 9])
    np.testing.assert_allclose(arithmetic.interpolate(x, known, values), np.interp(x, known, values), rtol=1e-15)
    assert arithmetic.interpolate(2.0, [1.0], [7.0]) == 7.0


def test_a_geometric_grid_keeps_its_ends():
    grid = arithmetic.geometric_grid(0.1, 7.0, 33)
    assert (grid[0], grid[-1]) == (0.1, 7.0)
    np.testing.assert_allclose(grid, np.geomspace(0.1, 7.0, 33), rtol=1e-14)


def test_powers_of_two_are_rounded_correctly():
    np.testing.assert_array_equal(arithmetic.powers_of_two(-2, 1, 1), [0.25, 0.5, 1.0, 2.0])
    assert arithmetic.powers_of_two(-5, 5, 4)[22] == math.sqrt(2)
    # numpy's powers are of rounded exponents: an error of 1e-15 in one near 6 is one of 7e-16 in its power.
    np.testing.assert_allclose(arithmetic.powers_of_two(-6, 6, 3), 2.0 ** np.linspace(-6, 6, 37), rtol=2e-15)


def everything() -> str:
    """A digest of what all functions give."""
    rng, found = np.random.default_rng(0), hashlib.sha256()
    x, y = np.exp2(rng.integers(-40, 9, 4001)) * rng.random(4001), rng.uniform(-4, 4, 4001)
    for name in ("exp", "expm1", "log", "log1p", "tanh", "sin", "cos"):
        found.update(getattr(arithmetic, name)(x if name.startswith("log") else x * np.sign(y)).tobytes())
    found.update(arithmetic.power(x, y).tobytes())
    found.update(arithmetic.normal(rng, 20000).tobytes())
    found.update(arithmetic.matmul(x[:3000].reshape(30, 100), y[:3000].reshape(100, 30)).tobytes())
    found.update(arithmetic.dot(x[:4000].reshape(-1, 4), y[:4000].reshape(-1, 4)).tobytes())
    return found.hexdigest()


@pytest.mark.parametrize(
    "machine",
    [
        {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
        {
            "NUMBA_CPU_NAME": "host",
            "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F",
            "OPENBLAS_CORETYPE": "Nehalem",
        },
    ],
    ids=["compiled for any processor", "another C library and BLAS"],
)
def test_every_kind_of_processor_gives_the_same_bits(machine: dict[str, str]):
    code = "from tests.arithmetic.test_functions import everything; print(everything())"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **machine}, capture_output=True, text=True, check=True,
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
    )  # fmt: skip
    assert done.stdout.strip() == everything()


def test_compiled_code_holds_no_fused_multiplication():
    """Fused, a product is not rounded before the sum, and machines without the instruction give other bits."""
    from auctionsim.arithmetic import arrays

    # Compiled anew, as machine code from the cache cannot be read.
    fresh = numba.njit(error_model="numpy")(arrays.exp.py_func)
    fresh(np.ones(8), np.empty(8))
    (here,) = fresh.inspect_asm().values()
    assert "mul" in here
    assert not re.search("vfn?m(add|sub)", here)


_ARM = """
import re
import llvmlite.binding as llvm, numba, numpy as np
from auctionsim.arithmetic import arrays
fresh = numba.njit(error_model="numpy", nogil=True, _nrt=False)(arrays.power.py_func)
fresh(np.ones(8), np.ones(8), np.empty(8))
(code,) = fresh.inspect_llvm().values()
llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()
module = llvm.parse_assembly(re.sub('(?m)^target .*$|"target-(cpu|features)"="[^"]*"', "", code))
module.triple = "aarch64-unknown-linux-gnu"
machine = llvm.Target.from_triple(module.triple).create_target_machine(opt=3, cpu="generic")
module.data_layout = str(machine.target_data)
text = machine.emit_assembly(module)
print("fmul" in text, re.findall(r"\\bfn?m(?:la|ls|add|sub)\\b", text))
"""


def test_code_for_arm64_holds_no_fused_multiplication():
    """Every arm64 processor can fuse. In a process of its own, as LLVM ends it where it cannot translate."""
    generic = {**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    done = subprocess.run([sys.executable, "-c", _ARM], env=generic, capture_output=True, text=True)
    if "No available targets" in done.stderr:
        pytest.skip("this LLVM makes no code for arm64")
    assert done.stdout.strip() == "True []", done.stderr[-500:]
