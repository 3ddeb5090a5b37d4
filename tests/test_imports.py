"""The house's order: imports run one way, heavy libraries stay in their rooms, and importing does nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import auctionsim

CHECKOUT = Path(auctionsim.__file__).parents[1]

# What a layer may import, itself included.
ALLOWED = {
    "base": {"base"},
    "market": {"market", "base"},
    "games": {"games", "market", "base"},
    "runs": {"runs", "base"},
    "analysis": {"analysis", "runs", "market", "base"},
    "envs": {"envs", "market", "base"},
    "agents": {"agents", "envs", "market", "base"},
    "jobs": {"jobs", "agents", "games", "envs", "market", "runs", "analysis", "base"},
    "cli": {"cli", "jobs", "agents", "envs", "market", "runs", "analysis", "base"},
}
# Profiles are figures of the market; commands are the command line.
LAYER_OF = {
    "market": "market",
    "games": "games",
    "profiles": "market",
    "scenarios": "base",
    "templates": "base",
    "jobs": "jobs",
    "commands": "cli",
    "agents": "agents",
    "envs": "envs",
    "analysis": "analysis",
    "cli": "cli",
    "console": "cli",
    "__main__": "cli",
    "runs": "runs",
    "run_checks": "runs",
    "checkpoints": "runs",
    "errors": "base",
    "files": "base",
    "streams": "base",
    "scenario": "base",
    "scenario_file": "base",
    "registration": "base",
    "__init__": "base",
}
# `render_mode="rgb_array"` is a picture, and envs may not look up to analysis: one file of theirs draws, when it is asked to.
ROOMS = {
    "torch": {"agents"},
    "scipy": {"agents", "market/ingest/logistic.py"},
    "cmaes": {"agents"},
    "matplotlib": {"analysis/plots", "envs/frame.py"},
    "ray": {"jobs/cluster.py", "jobs/sharing.py", "jobs/tuner.py"},
    "numba": {"market", "games"},
    "duckdb": {"market/ingest"},
    "sklearn": {"market/ingest/logistic.py"},
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module as (path inside the package, its tree)."""
    for folder, prefix in (("auctionsim", ""), ("agents", "agents/"), ("envs", "envs/"), ("analysis", "analysis/")):
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            yield prefix + str(path.relative_to(CHECKOUT / folder)), ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(inner: str) -> str | None:
    return LAYER_OF.get(inner.split("/", maxsplit=1)[0].removesuffix(".py"))


def test_every_module_has_a_layer():
    assert [path for path, _ in modules() if layer(path) is None] == []


def test_imports_run_one_way():
    wrong = []
    for path, tree in modules():
        if path == "__init__.py":  # re-exports on first use
            continue
        for name in imports(tree):
            parts = name.split(".")
            if parts[0] == "auctionsim" and len(parts) > 1 and parts[1] in LAYER_OF:
                target = LAYER_OF[parts[1]]
                if target not in ALLOWED[str(layer(path))]:
                    wrong.append(f"{path} imports {name}")
    assert wrong == []


def test_heavy_libraries_stay_in_their_rooms():
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules()
        for name in imports(tree)
        for library, rooms in ROOMS.items()
        if name.split(".")[0] == library and not any(path == room or path.startswith(f"{room}/") for room in rooms)
    ]
    assert wrong == []


def test_no_module_reads_a_pickle_or_evaluates_text():
    for path, tree in modules():
        assert not {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve"} & {n.split(".")[0] for n in imports(tree)}, path
        names = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        assert not {"eval", "exec"} & names, path


def test_help_does_not_import_the_heavy_libraries():
    code = (
        "import sys; from auctionsim.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = ('torch', 'ray', 'numba', 'matplotlib', 'polars', 'duckdb', 'sklearn', 'pydantic', 'gymnasium')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
