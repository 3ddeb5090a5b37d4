"""Know every name that the repository defines: modules and what is in them, classes and their members, files, scenario keys."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import auctionsim
from auctionsim.scenario.schema import scenario_schema

PACKAGE = Path(auctionsim.__file__).parent
CHECKOUT = PACKAGE.parent
FOLDERS = ("auctionsim", "tests", "docs", "examples", "benchmarks")
# Names of libraries that documentation writes as code reads them.
LIBRARIES = {"np": "numpy", "pl": "polars", "gymnasium": "gymnasium", "pathlib": "pathlib"}


class Names:
    """The repository's names, read from its syntax trees."""

    def __init__(self) -> None:
        # In a sorted walk that follows the links auctionsim/agents and so on, as an installed package does.
        self.files = sorted(path for folder in FOLDERS for path in _walk(CHECKOUT / folder))
        self.modules = {
            _module_name(path): ast.parse(path.read_text(encoding="utf-8"))
            for path in self.files
            if path.suffix == ".py" and path.is_relative_to(PACKAGE)
        }

    @cached_property
    def nodes(self) -> dict[str, list[ast.AST]]:
        """Every node of every module, found once: to walk through all trees takes seconds."""
        return {module: list(ast.walk(tree)) for module, tree in self.modules.items()}

    @cached_property
    def words(self) -> set[str]:
        """Every identifier of the code, and every word of its strings that are no docstrings."""
        found: set[str] = set()
        for nodes in self.nodes.values():
            docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
            for node in nodes:
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                    found.update(re.findall(r"\w+", node.value))
                found.update(value for _, value in ast.iter_fields(node) if isinstance(value, str) and value.isidentifier())
                if isinstance(node, ast.alias):
                    found.update(node.name.split("."))
        return found | self.keys | {path.stem for path in self.files}

    @cached_property
    def classes(self) -> dict[str, list[ast.ClassDef]]:
        """Every class by its name."""
        found: dict[str, list[ast.ClassDef]] = defaultdict(list)
        for nodes in self.nodes.values():
            for node in nodes:
                if isinstance(node, ast.ClassDef):
                    found[node.name].append(node)
        return found

    @cached_property
    def keys(self) -> set[str]:
        """Every key of a scenario file, alone and by its path (`learner.dqn.copies`, `dqn.copies`, `copies`)."""
        schema = scenario_schema()
        paths = _key_paths(schema, schema["$defs"])
        return {".".join(path[i:]) for path in paths for i in range(len(path))}

    @cached_property
    def profile_keys(self) -> set[str]:
        """Every key of a profile's file by its path."""
        text = "\n".join(path.read_text() for path in (PACKAGE / "traffic" / "profiles").glob("*.toml"))
        section, found = "", set()
        for line in text.split("\n"):
            if heading := re.match(r"\[+([\w.]+)\]+", line):
                section = heading[1]
            elif key := re.match(r"(\w+) *=", line):
                found.add(f"{section}.{key[1]}")
        return found

    def importers(self, library: str) -> list[str]:
        """Return the modules that import a library, or a part of it."""
        found = []
        for module, nodes in self.nodes.items():
            named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
            named |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
            if any(name.partition(".")[0] == library for name in named):
                found.append(module)
        return found

    def has_key(self, path: str) -> bool:
        """Whether a scenario or a profile has the key; entries of a list are counted: `advertisers.0.count`."""
        plain = re.sub(r"(\[\d+\]|\.\d+)(?=\.)", "", path)
        return plain in self.keys or plain in self.profile_keys

    def has_file(self, path: str, page: Path) -> bool:
        """Whether a path, `*` allowed, leads to a file or folder: from the root, the package, or the folder of the page."""
        return any(any(base.glob(path.rstrip("/"))) for base in (CHECKOUT, PACKAGE, page.parent))

    def has_name(self, dotted: str, page: Path) -> bool:
        """Whether `module.name`, `Class.member` or `package.module.Class.member` is defined, as the page would read it."""
        parts = dotted.split(".")
        if parts[0] in LIBRARIES:
            return _has_attribute(import_module(LIBRARIES[parts[0]]), parts[1:])
        if parts[0] == "auctionsim" and parts[1] in auctionsim.__all__ and _has_attribute(auctionsim, parts[1:]):
            return True
        return (
            any(self._in_module(name, rest) for name, rest in self._readings(parts, page))
            or self._in_class(parts[0], parts[1:])
            or self._in_class(parts[0].title().replace("_", ""), parts[1:])
        )

    def _readings(self, parts: list[str], page: Path) -> list[tuple[str, list[str]]]:
        """Every module that the first words may stand for, with the words after it."""
        found = []
        for i in range(1, len(parts) + 1):
            ending = ".".join(parts[:i])
            found += [(name, parts[i:]) for name in self.modules if f".{name}".endswith(f".{ending}")]
        here = self.nodes.get(_module_name(page), []) if page.suffix == ".py" and page.is_relative_to(PACKAGE) else []
        for node in here:
            if isinstance(node, ast.ImportFrom):
                found += [(f"{node.module}.{a.name}", parts[1:]) for a in node.names if (a.asname or a.name) == parts[0]]
        return found

    def _in_module(self, module: str, rest: list[str]) -> bool:
        if module not in self.modules:
            return False
        if not rest:
            return True
        if f"{module}.{rest[0]}" in self.modules:
            return self._in_module(f"{module}.{rest[0]}", rest[1:])
        if rest[0] not in _top_names(self.modules[module]):
            return False
        return len(rest) == 1 or self._in_class(rest[0], rest[1:])

    def _in_class(self, name: str, rest: list[str]) -> bool:
        """Whether a class of this name, or one that it derives from, has the member."""
        for node in self.classes.get(name, []):
            if not rest or rest[0] in _members(node):
                return True
            # A base of the same name is in the list already.
            bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases} - {name}
            if any(self._in_class(base, rest) for base in bases):
                return True
        return False


def _walk(folder: Path) -> list[Path]:
    found = []
    for path in folder.iterdir():
        if path.is_dir() and path.name not in ("__pycache__", "node_modules"):
            found += _walk(path)
        elif path.is_file():
            found.append(path)
    return found


def _module_name(path: Path) -> str:
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _top_names(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in tree.body:
        for inner in ast.walk(node) if isinstance(node, (ast.If, ast.Try)) else [node]:
            if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found.add(inner.name)
            elif isinstance(inner, (ast.Import, ast.ImportFrom)):
                found.update((alias.asname or alias.name).partition(".")[0] for alias in inner.names)
            elif isinstance(inner, (ast.Assign, ast.AnnAssign)):
                found.update(name.id for name in ast.walk(inner) if isinstance(name, ast.Name) and _is_set(name))
    return found


def _members(node: ast.ClassDef) -> set[str]:
    found = {name.id for inner in node.body for name in ast.walk(inner) if isinstance(name, ast.Name) and _is_set(name)}
    found |= {inner.name for inner in node.body if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
    return found | {name.attr for name in ast.walk(node) if isinstance(name, ast.Attribute) and _is_set(name)}


def _is_set(node: ast.Name | ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Store)


def _has_attribute(value: Any, parts: list[str]) -> bool:
    for part in parts:
        if not hasattr(value, part):
            return False
        value = getattr(value, part)
    return True


def _key_paths(section: dict[str, Any], definitions: dict[str, Any]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for key, value in section["properties"].items():
        found.append((key,))
        value = next((choice for choice in value.get("anyOf", ()) if "$ref" in choice), value)  # A section, or none.
        inner = (value.get("$ref") or value.get("items", {}).get("$ref", "")).rpartition("/")[2]
        if inner:
            found += [(key, *path) for path in _key_paths(definitions[inner], definitions)]
    return found
