"""Compiled code is cached under one digest of everything that is compiled into it."""

from __future__ import annotations

import ast
import contextlib
import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

from auctionsim.arithmetic import scalars
from auctionsim.auction import budgets, kernel, outcome, realized_rates, units
from auctionsim.auction.kernel.compiled import KERNEL_DIGEST, SOURCES
from auctionsim.compiled_code.code_folder import code_folder
from auctionsim.compiled_code.jit import digest

from ..conftest import SMALL

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


TRAINING = """
import sys
from numba.core import event

with event.install_recorder("numba:compile") as compiled:
    from auctionsim.cli import main
    code = main(["train", "small.toml", "--out", sys.argv[1], "--workers", sys.argv[2], "--set", "train.iterations=2"])
print("compiled", len(compiled.buffer))
sys.exit(code)
"""


def test_what_a_process_has_compiled_no_other_one_compiles(tmp_path: Path):
    (tmp_path / "small.toml").write_text(SMALL)

    def trained(out: str, workers: str, **variables: str) -> str:
        words = [sys.executable, "-c", TRAINING, out, workers]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True, env=os.environ | variables)
        return done.stdout.splitlines()[-1]

    trained("first", "0")
    folder = code_folder()
    assert folder is not None
    # A copy, since other tests may compile at the same time, under names that last for a moment.
    copy = tmp_path / "code" / "auctionsim"
    copy.mkdir(mode=0o700, parents=True)
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            shutil.copy2(path, copy)
    before = {path.name: path.stat().st_mtime_ns for path in copy.iterdir()}
    assert before
    assert trained("second", "0", NUMBA_CACHE_DIR=str(copy.parent)) == "compiled 0"
    # A worker of Ray keeps what it compiles, as every process does.
    pytest.importorskip("ray")
    assert trained("by-workers", "1", NUMBA_CACHE_DIR=str(copy.parent)) == "compiled 0"
    assert {path.name: path.stat().st_mtime_ns for path in copy.iterdir()} == before
