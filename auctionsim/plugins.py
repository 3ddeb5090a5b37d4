"""Load a user's own class by `package.module:Class`, also from the current folder and from the scenario's.

To import a module is to run its code. Where that is refused (`code_allowed`), nothing is imported (docs/security.md).

What was loaded from such a folder is remembered (`loaded_modules`): Ray workers run in another folder, so a pool sends these
modules' functions and classes by value instead of by name.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from auctionsim.errors import InputError, RunError, shown, suggestion

CLASS_PATH = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")
"""The form `package.module:Class`."""

_loaded: set[str] = set()
_is_refused = False


@contextmanager
def code_allowed(is_allowed: bool) -> Iterator[None]:
    """Allow or refuse, in a `with` block, the import of classes that a scenario names; in Python it is allowed otherwise.

    Args:
        is_allowed: Whether `package.module:Class` may be imported. It holds for the whole process.
    """
    global _is_refused
    before, _is_refused = _is_refused, not is_allowed
    try:
        yield
    finally:
        _is_refused = before


def expect_code_allowed(name: str, source: str) -> None:
    """Refuse the name of a class while the import of classes is refused. Nothing is imported.

    Args:
        name: The class as `package.module:Class`.
        source: Text that says where the name stands, for messages.

    Raises:
        InputError: Imports are refused.
    """
    if _is_refused:
        raise InputError(
            f"{source}: expected a built-in name where no code may run, got {shown(name)} (--allow-code imports and runs it)"
        )


def load_class(name: str, source: str, *folders: Path | None) -> type:
    """Import the class that `package.module:Class` names.

    The current folder and `folders` come last on the import path while the module is imported, and not afterwards: what it
    needs beside it, it imports at its top. So no file in one of them stands in for a module of Python's own.

    Args:
        name: The class as `package.module:Class`.
        source: Text that says where the name stands, for messages.
        folders: Further folders to look in, in this order; None is skipped.

    Raises:
        InputError: The name has another form; code is refused; there is no such module or class; the module cannot be
            imported, or lies in a folder and is installed too.
    """
    if not CLASS_PATH.match(name):
        raise InputError(f"{source}: expected package.module:Class, got {shown(name)}")
    expect_code_allowed(name, source)
    module_name, _, attribute = name.partition(":")
    search_path = list(dict.fromkeys(str(folder.resolve()) for folder in (Path.cwd(), *folders) if folder is not None))
    module = _imported(module_name, source, search_path)
    found = getattr(module, attribute, None)
    if isinstance(found, type):
        return found
    if found is not None:
        raise InputError(f"{source}: expected a class, got {name} of type {type(found).__name__}")
    classes = [key for key, value in vars(module).items() if isinstance(value, type) and value.__module__ == module_name]
    listed = f"; choose from {', '.join(classes)}{suggestion(attribute, classes)}" if classes else ""
    raise InputError(f"{source}: module {module_name} has no class {attribute!r}{listed}")


def expect_methods(found: type, names: Iterable[str], name: str, source: str) -> None:
    """Refuse a class that lacks a method.

    Args:
        found: The class.
        names: The methods it needs.
        name: Name of the class in messages.
        source: Text that says where the class is named.

    Raises:
        InputError: One is missing, or is no method.
    """
    names = list(names)
    lacking = [method for method in names if not callable(getattr(found, method, None))]
    if lacking:
        near = suggestion(lacking[0], [key for key in vars(found) if key not in names])
        raise InputError(f"{source}: {name}: expected the methods {', '.join(names)}, got no {lacking[0]!r}{near}")


@contextmanager
def constructing(name: str, source: str, arguments: str) -> Iterator[None]:
    """Tell in one line that a user's class cannot be made, where it raises what is no error of ours.

    Args:
        name: The class as `package.module:Class`.
        source: Text that says where the class is named, for messages.
        arguments: The arguments that it is given, for example `(market, advertisers)`.

    Raises:
        InputError: Making it raised another error.
    """
    try:
        yield
    except (InputError, RunError):
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        frame = extract_tb(error.__traceback__)[-1]
        raise InputError(
            f"{source}: expected a class that can be made with {arguments}, got an error of {name}: {reason} "
            f"({frame.filename}:{frame.lineno})"
        ) from error


def loaded_modules() -> list[ModuleType]:
    """Return the top modules that were loaded from a user's folder: those that another process may not find by name."""
    return [sys.modules[name] for name in _loaded if name in sys.modules]


def _imported(name: str, source: str, folders: list[str]) -> ModuleType:
    """Import a module with `folders` first on the import path."""
    importlib.invalidate_caches()
    _expect_one_meaning(name.partition(".")[0], source, folders)
    _forget_namesake(name.partition(".")[0], folders)
    before = set(sys.modules)
    with _last_on_path(folders):
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and f"{name}.".startswith(f"{error.name}."):
                where = ", ".join(folders)
                raise InputError(
                    f"{source}: expected a module that can be imported, got no {error.name!r} in {where} or installed"
                ) from error
            raise _broken(name, source, error) from error
        # A module runs any code: whatever it raises, even SystemExit, is a mistake in it and not in this program.
        except (Exception, SystemExit) as error:
            raise _broken(name, source, error) from error
    for top in {new.partition(".")[0] for new in set(sys.modules) - before} - before:
        spec = PathFinder.find_spec(top, folders)
        # What lies deeper than the folder itself, such as the libraries of an environment in it, is found by name everywhere.
        if spec is not None and _origin(spec) == _origin(sys.modules[top].__spec__):
            _loaded.add(top)
    return module


def _broken(name: str, source: str, error: BaseException) -> InputError:
    """Return the error for a module that raised one, with the line that did."""
    frames = extract_tb(error.__traceback__)
    file, line = (error.filename, error.lineno) if isinstance(error, SyntaxError) else (frames[-1].filename, frames[-1].lineno)
    reason = " ".join(f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}".split()).rstrip(": ")
    return InputError(f"{source}: expected a module that can be imported, got an error in {name}: {reason} ({file}:{line})")


def _forget_namesake(top: str, folders: list[str]) -> None:
    """Forget a module loaded here before from another folder, where `folders` hold one of the same name."""
    if top not in _loaded or top not in sys.modules:
        return
    spec = PathFinder.find_spec(top, folders)
    if spec is not None and _origin(spec) != _origin(sys.modules[top].__spec__):
        for name in [name for name in sys.modules if name.partition(".")[0] == top]:
            del sys.modules[name]
        _loaded.remove(top)


def _origin(spec: ModuleSpec | None) -> list[str]:
    """Return where a module or package lies; a package without `__init__.py` has no file, only folders."""
    return [] if spec is None else [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())


def _expect_one_meaning(top: str, source: str, folders: list[str]) -> None:
    """Refuse a module of a user's folder that has the name of an installed one, or of one of Python's own."""
    beside = PathFinder.find_spec(top, folders)
    if beside is None or beside.origin is None:
        return
    elsewhere = [entry for entry in sys.path if str(Path(entry).resolve()) not in folders]
    installed = PathFinder.find_spec(top, elsewhere)
    is_installed = installed is not None and installed.origin not in (None, beside.origin)
    if top in sys.stdlib_module_names or is_installed:
        owner = "Python" if top in sys.stdlib_module_names else "an installed package"
        raise InputError(
            f"{source}: expected a module with a name of its own, got {beside.origin}, a name of {owner} (rename it)"
        )


@contextmanager
def _last_on_path(folders: list[str]) -> Iterator[None]:
    added = [folder for folder in folders if folder not in sys.path]
    sys.path.extend(added)
    try:
        yield
    finally:
        for folder in added:
            if folder in sys.path:
                sys.path.remove(folder)
