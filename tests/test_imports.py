"""The house's order: imports run one way, heavy libraries stay in their rooms, and importing does nothing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import auctionsim

PACKAGE = Path(auctionsim.__file__).parent

# What a room may import beside itself and `base`. A room is a folder of the package, or one of the modules at its top.
MAY_IMPORT = {
    "base": set(),
    "scenario": set(),
    "traffic": {"scenario"},
    "auction": {"traffic"},
    "objectives": {"auction", "scenario"},
    "market": {"objectives", "auction", "traffic", "scenario"},
    "bounds": {"market", "objectives", "auction", "traffic", "scenario"},
    "equilibria": {"auction"},
    "games": {"equilibria", "auction"},
    "runs": {"scenario"},
    "agents": {"bounds", "market", "objectives", "auction", "traffic", "scenario"},
    "envs": {"agents", "market", "objectives", "auction", "traffic", "scenario"},
    "analysis": {"runs", "equilibria", "bounds", "market", "objectives", "auction", "traffic", "scenario"},
    "jobs": {
        "agents",
        "envs",
        "analysis",
        "games",
        "equilibria",
        "runs",
        "bounds",
        "market",
        "objectives",
        "auction",
        "traffic",
        "scenario",
    },
    "commands": {
        "jobs",
        "agents",
        "envs",
        "analysis",
        "runs",
        "bounds",
        "market",
        "objectives",
        "auction",
        "traffic",
        "scenario",
    },
}
ROOM_OF_MODULE = {
    "errors": "base", "files": "base", "streams": "base", "slots": "base", "ratios": "base",
    "plugins": "base", "extras": "base", "numbers": "base", "locks": "base", "names": "base", "machine": "base",
    "outputs": "base", "arguments": "base", "arithmetic": "base", "compiled_code": "base",
    "runs": "runs", "run_checks": "runs", "checkpoints": "runs",
    "cli": "commands", "console": "commands", "__main__": "commands",
}  # fmt: skip
# `render_mode="rgb_array"` is a picture, and envs may not look up to analysis: one file of theirs draws, when it is asked to.
# Both draw names, by the one module `names.lettering`.
LIBRARY_IN = {
    "torch": {"agents", "envs/torch", "envs/adapters/torchrl.py", "envs/adapters/benchmarl.py"},
    "scipy": {"bounds", "equilibria", "analysis/statistics.py", "traffic/ingest/rates/logistic.py"},
    "cmaes": {"agents"},
    "matplotlib": {"analysis/documents/plots", "envs/frame.py", "names/lettering.py"},
    "ray": {"jobs/distributed"},
    "stable_baselines3": {"envs/adapters/sb3.py"},
    "torchrl": {"envs/adapters/torchrl.py", "envs/adapters/benchmarl.py"},
    "tensordict": {"envs/adapters/torchrl.py"},
    "benchmarl": {"envs/adapters/benchmarl.py"},
    "numba": {"compiled_code", "arithmetic", "auction", "games"},
    "duckdb": {"traffic/ingest"},
    "sklearn": {"traffic/ingest/rates/logistic.py", "market/predictions/calibrators.py"},
}
MODULE_NAME = re.compile(r"^auctionsim(\.\w+)+(:\w+)?$")


def room(module: str) -> str | None:
    """The room of `auctionsim.x.y`; None for the package itself."""
    parts = module.split(".")
    if len(parts) < 2:
        return None
    return ROOM_OF_MODULE.get(parts[1], parts[1])


@cache
def modules() -> dict[str, ast.Module]:
    """Every module's tree by its full name."""
    paths = [path for path in walk(PACKAGE) if path.suffix == ".py"]
    names = {path: ".".join(("auctionsim", *path.relative_to(PACKAGE).with_suffix("").parts)) for path in paths}
    return {name.removesuffix(".__init__"): ast.parse(path.read_text()) for path, name in names.items()}


def walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder, through links."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name != "__pycache__":
            yield from walk(path)
        else:
            yield path


def imported(tree: ast.Module) -> Iterator[str]:
    """Names that a module imports: statements, and modules named in strings, which are imported while the program runs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and MODULE_NAME.match(node.value):
            yield node.value.partition(":")[0]


@cache
def edges() -> dict[str, set[str]]:
    """Which modules of the package each of its modules imports, but for the package's door."""
    known = modules()
    found = {name: {target for target in imported(tree) if target in known} - {name} for name, tree in known.items()}
    # `auctionsim/__init__.py` offers names of every room, each on first use; to import `auctionsim.x` is no import of the door.
    return {name: targets - {"auctionsim"} for name, targets in found.items() if name != "auctionsim"}


def test_every_module_has_a_room_on_the_map():
    assert {name for name in modules() if room(name) not in {None, *MAY_IMPORT}} == set()


def test_imports_run_one_way_by_name_too():
    wrong = [
        f"{name} imports {target}"
        for name, targets in edges().items()
        for target in targets
        if room(target) not in {room(name), "base", *MAY_IMPORT[str(room(name))]}
    ]
    assert wrong == []


def test_the_map_has_no_circle():
    assert list(TopologicalSorter(MAY_IMPORT).static_order())


def test_modules_import_each_other_in_no_circle():
    TopologicalSorter(edges()).prepare()


def test_tools_see_the_imports_inside_agents():
    inside = [
        (name, target) for name, targets in edges().items() for target in targets if {room(name), room(target)} == {"agents"}
    ]
    print(*(f"{name} -> {target}" for name, target in inside), sep="\n")
    assert len(inside) >= 60


def test_the_public_names_are_where_the_door_says():
    for name in auctionsim.__all__:
        assert getattr(auctionsim, name) is not None
    assert set(dir(auctionsim)) == set(auctionsim.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = auctionsim.nothing


def test_no_folder_holds_more_than_sixteen_files():
    crowded = {}
    for folder in {path.parent for path in walk(PACKAGE)}:
        files = [path for path in folder.iterdir() if path.is_file()]
        if len(files) > 16 and folder.name != "commands":
            crowded[str(folder.relative_to(PACKAGE))] = len(files)
    assert crowded == {}


def test_heavy_libraries_stay_in_their_rooms():
    wrong = []
    for name, tree in modules().items():
        path = name.removeprefix("auctionsim.").replace(".", "/")
        for target in imported(tree):
            rooms = LIBRARY_IN.get(target.split(".")[0])
            if rooms is not None and not any(f"{path}.py" == place or f"{path}/".startswith(f"{place}/") for place in rooms):
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def test_one_module_reads_pickles_of_compiled_code_and_none_evaluates_text():
    for name, tree in modules().items():
        picklers = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve"} & {n.split(".")[0] for n in imported(tree)}
        assert picklers == ({"pickle"} if name == "auctionsim.compiled_code.code_store" else set()), name
        called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        assert not {"eval", "exec"} & called, name


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        (
            "from auctionsim.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
            ("torch", "ray", "numba", "matplotlib", "polars", "duckdb", "sklearn", "pydantic", "gymnasium"),
        ),
        ("import auctionsim; dir(auctionsim); auctionsim.__doc__", ("torch", "ray", "numba", "gymnasium", "numpy")),
    ],
)
def test_a_first_look_imports_no_heavy_library(code: str, heavy: tuple[str, ...]):
    code = f"import sys\n{code}\nprint([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        (
            "import auctionsim.envs",
            ("torch", "ray", "numba", "llvmlite", "polars", "pyarrow", "pandas", "scipy", "matplotlib", "duckdb", "sklearn",
             "rich", "cmaes", "tensorboardX", "safetensors"),
        ),
        ("import auctionsim.traffic.files", ("numba", "scipy", "pandas", "pyarrow", "matplotlib", "gymnasium")),
    ],
)  # fmt: skip
def test_a_room_is_imported_without_the_libraries_that_only_its_use_needs(code: str, absent: tuple[str, ...]):
    code = f"import sys\n{code}\nprint([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
