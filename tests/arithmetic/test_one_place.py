"""What differs between processors is called in one place: elementary functions, powers, products by BLAS, random transforms.

numpy's and the C library's functions have another last bit on another processor, so that a seed would draw other traffic.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import auctionsim

from ..test_imports import walk

PACKAGE = Path(auctionsim.__file__).parent

ELEMENTARY = {
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "logaddexp2", "power", "float_power", "pow", "cbrt",
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh",
    "arcsinh", "arccosh", "arctanh", "asinh", "acosh", "atanh", "sinc", "hypot", "erf", "erfc", "gamma", "lgamma",
}  # fmt: skip
ORDERED_ELSEWHERE = {
    "dot", "matmul", "einsum", "vdot", "inner", "tensordot", "kron", "corrcoef", "cov", "polyfit", "interp", "convolve",
    "correlate", "geomspace", "logspace", "linalg", "fft", "polynomial",
}  # fmt: skip
BY_THE_C_LIBRARY = {
    "standard_normal", "normal", "lognormal", "multivariate_normal", "exponential", "standard_exponential", "gamma",
    "standard_gamma", "beta", "chisquare", "poisson", "binomial", "negative_binomial", "multinomial", "geometric", "pareto",
    "weibull", "laplace", "logistic", "gumbel", "zipf", "vonmises", "dirichlet", "standard_t", "triangular", "randn", "uniform",
}  # fmt: skip

# Files that may, each with its reason. A folder stands for all files in it.
MAY = {
    "arithmetic/": "the one place",
    "agents/learners/grouped/dcmab.py": "torch: equal on one kind of machine (docs/reliability.md)",
    "agents/learners/rl/": "torch: equal on one kind of machine (docs/reliability.md)",
    "analysis/documents/plots/": "what is drawn is read by eyes",
    "bounds/": "products of scipy's sparse matrices add in the order in which entries are stored, without BLAS",
    "jobs/studies/macg/cost.py": "a line through measured seconds",
}


def forbidden(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and name of everything whose last bit depends on the processor."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy", "math"):
            if node.attr in ELEMENTARY | ORDERED_ELSEWHERE:
                found.append((node.lineno, f"{node.value.id}.{node.attr}"))
        elif isinstance(node, ast.ImportFrom) and node.module == "math":
            found += [(node.lineno, f"math.{alias.name}") for alias in node.names if alias.name in ELEMENTARY]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in BY_THE_C_LIBRARY:
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "arithmetic"):
                found.append((node.lineno, f".{node.func.attr}()"))
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult):
            found.append((node.lineno, "@"))
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Pow):
            # Whole numbers of Python are exact, and so are powers of two.
            parts = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
            if not all(_is_number(part) for part in parts):
                found.append((node.lineno, "**"))
    return found


def _is_number(node: ast.AST) -> bool:
    node = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(node, ast.Constant)


def test_what_differs_between_processors_is_called_in_one_place():
    wrong = []
    for path in walk(PACKAGE):
        name = str(path.relative_to(PACKAGE))
        if path.suffix != ".py" or any(name == place or (place.endswith("/") and name.startswith(place)) for place in MAY):
            continue
        wrong += [f"{name}:{line}: {what}" for line, what in forbidden(ast.parse(path.read_text()))]
    assert wrong == []


@pytest.mark.parametrize("place", MAY)
def test_every_exception_is_one(place: str):
    files = [PACKAGE / place] if place.endswith(".py") else list(walk(PACKAGE / place))
    assert any(forbidden(ast.parse(path.read_text())) for path in files if path.suffix == ".py")


@pytest.mark.parametrize(
    "code",
    [
        "np.exp(x)", "math.log(x)", "from math import tanh", "x @ y", "x @= y", "x ** y", "x ** 2", "2.0 ** x", "x **= 2",
        "np.einsum('ij->i', x)", "np.linalg.eigh(x)", "rng.standard_normal(3)", "stream(0).uniform(0, 1)", "np.interp(x, y, z)",
    ],
)  # fmt: skip
def test_the_search_finds(code: str):
    assert len(forbidden(ast.parse(code))) == 1


@pytest.mark.parametrize("code", ["arithmetic.exp(x)", "2**53", "2.0**-53", "10**6", "np.sqrt(x)", "rng.random(3)", "f(**x)"])
def test_the_search_leaves_alone(code: str):
    assert forbidden(ast.parse(code)) == []
