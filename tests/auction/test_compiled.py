"""Compiled code is cached under one digest of everything that is compiled into it."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import shutil
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

from auctionsim.arithmetic import scalars
from auctionsim.auction import budgets, kernel, outcome, realized_rates, units
from auctionsim.auction.kernel.compiled import KERNEL_DIGEST, SOURCES
from auctionsim.compiled_code.jit import digest

FOLDER = Path(kernel.__file__).parent
MODULES = [importlib.import_module(f"{kernel.__name__}.{info.name}") for info in pkgutil.iter_modules([str(FOLDER)])]


def compiled_functions() -> dict[str, Dispatcher]:
    """Every function of the kernel and of its one user outside that numba compiles, by module and name."""
    found = {}
    for module in (*MODULES, realized_rates):
        for name, value in vars(module).items():
            if isinstance(value, Dispatcher) and value.py_func.__module__ == module.__name__:
                found[f"{module.__name__}.{name}"] = value
    return found


def test_every_compiled_function_carries_the_digest_in_its_name():
    functions = compiled_functions()
    assert len(functions) > 20
    for name, function in functions.items():
        assert function.py_func.__qualname__ == f"{name.rsplit('.', 1)[1]}_{KERNEL_DIGEST}"


def test_the_digest_covers_every_file_that_the_kernel_imports():
    arithmetic = Path(scalars.__file__).parent
    assert {path.resolve().parent for path in SOURCES} == {FOLDER, FOLDER.parent, arithmetic}
    assert set(FOLDER.glob("*.py")) < set(SOURCES)
    own = {f"{kernel.__name__}.{path.stem}" for path in FOLDER.glob("*.py")} | {
        module.__name__ for module in (outcome, budgets, units, scalars)
    }
    # It compiles, and none of it is compiled in.
    own.add("auctionsim.compiled_code.jit")
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.startswith("auctionsim"):
                    assert name in own, f"{path.name} imports {name}, a change of which leaves stale machine code"


@pytest.mark.parametrize("changed", ["prices.py", "noise.py", "outcome.py"])
def test_a_change_of_any_source_changes_the_digest(changed: str, tmp_path: Path):
    copies = [Path(shutil.copy(path, tmp_path / f"{i}-{path.name}")) for i, path in enumerate(SOURCES)]
    assert digest(copies) == KERNEL_DIGEST
    (copy,) = (path for path in copies if path.name.endswith(f"-{changed}"))
    copy.write_text(copy.read_text() + "\n")
    assert digest(copies) != KERNEL_DIGEST
