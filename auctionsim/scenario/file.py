"""Scenario files: TOML in, a frozen `Scenario` out, every mistake reported in one line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from auctionsim import arguments
from auctionsim.errors import InputError, shown, suggestion
from auctionsim.names.kinds import JSON, MISSING, PACKED, TABLES, kind_of_path
from auctionsim.scenario import Scenario
from auctionsim.scenario.base import NONE, Section, is_none_by_default
from auctionsim.scenario.renamed import current_key, with_current_names
from auctionsim.scenario.toml_text import TEXT_WORDS, check_levels, check_text, parse_toml, parse_value

AnySection = TypeVar("AnySection", bound=Section)

_BUILTIN, _TEMPLATES = "auctionsim.scenario.builtin", "auctionsim.scenario.templates"
BUILTIN = "the name of a built-in scenario"


def builtin_scenarios() -> dict[str, str]:
    """Return the TOML text of every built-in scenario by name."""
    return _texts(_BUILTIN)


def templates() -> dict[str, str]:
    """Return the TOML text of every template of `auctionsim init` by name."""
    return _texts(_TEMPLATES)


def _texts(package: str) -> dict[str, str]:
    files = [entry for entry in resources.files(package).iterdir() if entry.name.endswith(".toml")]
    return {entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8") for entry in sorted(files, key=str)}


def load_scenario(path_or_name: str | Path, *, overrides: Sequence[str] = (), flag: str = "--set") -> Scenario:
    """Load a scenario file or a built-in scenario.

    Args:
        path_or_name: A path to a TOML file, or the name of a built-in scenario.
        overrides: Items `key.path=value` that replace values of the file, as with `--set`; the value in TOML, or a bare word.
        flag: Flag that the items come from, for messages.

    Returns:
        The validated scenario.

    Raises:
        InputError: No such file or scenario, or an invalid key or value; the message names file, key, expectation and value.
    """
    overrides = arguments.texts("overrides", overrides)
    text, source = read_scenario(path_or_name)
    path = Path(path_or_name)
    return parse_scenario(text, source, overrides=overrides, folder=path.parent if path.is_file() else None, flag=flag)


def read_scenario(path_or_name: str | Path) -> tuple[str, str]:
    """Read the text of a scenario file or a built-in scenario.

    Returns:
        The TOML text, and the scenario's name in messages.

    Raises:
        InputError: No such file or scenario, or the file cannot be read as UTF-8.
    """
    path = arguments.path("path_or_name", path_or_name)
    if path.is_file() and kind_of_path(path) not in (*TABLES, *PACKED, JSON):
        try:
            return path.read_text(encoding="utf-8"), str(path)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}: expected UTF-8 text, got byte {error.object[error.start]:#04x} at {error.start}"
            ) from error
        except OSError as error:
            raise InputError(f"{path}: expected a readable file, got {error.strerror}") from error
    builtin = builtin_scenarios()
    name = str(path_or_name)
    if name in builtin:
        return builtin[name], name
    raise InputError(f"{name}: expected a scenario file or a built-in scenario ({', '.join(builtin)}), got {no_scenario(name)}")


def kind_with_names(path: Path) -> str:
    """Return what is at a path in a few words, or that it is the name of a built-in scenario."""
    kind = kind_of_path(path)
    return BUILTIN if kind == MISSING and str(path) in builtin_scenarios() else kind


def no_scenario(name: str) -> str:
    """Return what is where the file or the name of a scenario was expected, and what to do with it, the end of a message."""
    path, kind = Path(name), kind_of_path(Path(name))
    if kind == MISSING and path.stem in templates() and path.suffix in ("", ".toml"):
        file = shlex.quote(str(path.with_suffix(".toml")))
        if path.with_suffix(".toml").is_file():
            return f"no such file (did you mean {shown(file)}?)"
        words = "the name of a template" if name in templates() else "no such file"
        return f"{words} (make the file: auctionsim init {file} --template {path.stem})"
    if kind == "a run folder":
        return f"{kind} (its scenario is {path / 'scenario.toml'})"
    if kind in TABLES:
        return f"{kind} (a scenario names it as traffic.source)"
    return f"{kind}{suggestion(name, builtin_scenarios())}"


def parse_scenario(
    text: str, source: str, *, overrides: Sequence[str] = (), folder: Path | None = None, flag: str = "--set"
) -> Scenario:
    """Parse a scenario from TOML text.

    Args:
        text: The TOML text.
        source: The scenario's name in messages, for example its file.
        overrides: Items `key.path=value` that replace values of the text.
        folder: The folder that relative paths start from, or None for the current folder.
        flag: Flag that the overrides come from, for messages.

    Returns:
        The validated scenario.

    Raises:
        InputError: The text is not TOML, or a key or value is invalid.
    """
    tree = parse_toml(text, source)
    # Before an override is laid over the file and once more for what it says: either may use old names.
    with_current_names(tree, source)
    for item in overrides:
        _override(tree, item, source, f"{flag} {_cut(item)}")
    with_current_names(tree, source)
    check_levels(tree, source)
    check_text(tree, source)
    tree = _without_none(tree, Scenario)
    try:
        # Through JSON, so that types stay strict but a TOML array may fill a tuple.
        scenario = Scenario.model_validate_json(json.dumps(tree, default=str))
    except ValidationError as error:
        raise InputError(_sentence(error, source)) from error
    return scenario.with_source(source, folder)


def _override(tree: dict[str, Any], item: str, source: str, where: str) -> None:
    """Set the value of an item `key.path=value` in the tree, in place; `where` names the item in messages."""
    key, equals, text = item.partition("=")
    if not equals or not key:
        raise InputError(f"{where}: expected KEY.PATH=VALUE, got no '='")
    value = parse_value(text, where)
    *parents, last = current_key(key.strip(), source).split(".")
    node: Any = tree
    for part in parents:
        node = _child(node, part, where)
    if isinstance(node, dict):
        node[last] = value
    else:
        _child(node, last, where)
        node[int(last)] = value


def _cut(item: str) -> str:
    """Return an item for a message: on one line, and no longer than one."""
    return shown(item, 100)[1:-1]


def _child(node: Any, part: str, where: str) -> Any:
    """Return the entry `part` of a list or section; a missing section is made."""
    if isinstance(node, list):
        # "²" is a digit, too, but none that `int` takes; and it takes no more than 4300 of them.
        if not (part.isascii() and part.isdigit() and len(part) < 10 and int(part) < len(node)):
            raise InputError(f"{where}: expected an index from 0 to {len(node) - 1}, got {shown(part)}")
        return node[int(part)]
    if isinstance(node, dict):
        return node.setdefault(part, {})
    raise InputError(f"{where}: expected a section before {shown(part)}, got {shown(node)}")


def parse_section(model: type[AnySection], table: dict[str, Any], source: str, key: str) -> AnySection:
    """Validate a table as a section, as strictly as a scenario's own.

    Args:
        model: The section's class.
        table: Its keys, as TOML gives them.
        source: The scenario's name in messages.
        key: Path of the section, for messages.

    Raises:
        InputError: A key is unknown, or a value is wrong.
    """
    check_levels(table, source)
    check_text(table, source, key)
    table = _without_none(table, model)
    try:
        return model.model_validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        raise InputError(_sentence(error, source, model, tuple(key.split(".")))) from error


def _sentence(
    error: ValidationError, source: str, model: type[BaseModel] = Scenario, prefix: tuple[int | str, ...] = ()
) -> str:
    """Describe the first mistake in one line, and count the others; `prefix` is the path of `model` in the scenario."""
    mistakes = error.errors(include_url=False)
    # An unknown key often explains the missing one, so it is reported first.
    first = min(mistakes, key=lambda mistake: mistake["type"] != "extra_forbidden")
    where = _key((*prefix, *first["loc"]))
    context = first.get("ctx", {})
    kind, came = first["type"], shown(first["input"])
    if kind == "extra_forbidden":
        keys = list(_model_at(model, first["loc"][:-1]).model_fields)
        listed = f"choose from {', '.join(keys)}{suggestion(first['loc'][-1], keys)}" if keys else "there are none here"
        text = f"{where}: unknown key; {listed}"
    elif kind == "missing":
        text = f"{where}: expected a value, got nothing"
    elif kind == "literal_error":
        choices = [word.strip("' ") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
        choices += [NONE] if _may_be_none(model, first["loc"]) else []
        text = f"{where}: unknown {came}; choose from {', '.join(choices)}{suggestion(first['input'], choices)}"
    elif kind == "value_error":
        detail = str(context["error"])
        text = f"{where}.{detail}" if where and not detail.startswith(where) else detail
    else:
        words = _EXPECTED.get(kind, first["msg"][0].lower() + first["msg"][1:]).format(**context)
        words += f" or '{NONE}'" if _may_be_none(model, first["loc"]) else ""
        text = f"{where}: expected {words}, got {came}" if where else f"expected {words}, got {came}"
    # All branches of a union fail, and a list without its invalid entry may be too short: each of these is one mistake.
    more = sum(not where.startswith(key) for key in {_key((*prefix, *mistake["loc"])) for mistake in mistakes})
    text += f" (and {more} more)" if more else ""
    return " ".join(f"{source}: {text}".split())


_EXPECTED = {
    "greater_than": "a number > {gt:g}",
    "greater_than_equal": "a number >= {ge:g}",
    "less_than": "a number < {lt:g}",
    "less_than_equal": "a number <= {le:g}",
    "multiple_of": "a multiple of {multiple_of:g}",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text",
    "string_too_short": "text of >= {min_length} characters",
    "string_too_long": "text of <= {max_length} characters",
    "string_pattern_mismatch": TEXT_WORDS,
    "too_short": ">= {min_length} entries",
    "too_long": "<= {max_length} entries",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a section",
    "model_attributes_type": "a section",
}


def _key(location: tuple[int | str, ...]) -> str:
    """Return a key such as `advertisers[0].budget` from pydantic's path, without the names of union branches."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not _is_branch(part):
            text += f".{part}" if text else part
    return text


def _is_branch(part: str) -> bool:
    """Return whether a part of pydantic's path names a branch of a union, and no key."""
    return any(mark in part for mark in ("[", "constrained", "literal")) or part in ("float", "str", "int")


def _may_be_none(model: type[BaseModel], location: tuple[int | str, ...]) -> bool:
    """Return whether the key at a pydantic location may be `none`."""
    found = False
    for part in location:
        if isinstance(part, str) and not _is_branch(part):
            found, model = is_none_by_default(model, part), _model_at(model, (part,))
    return found


def _without_none(tree: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Return a section's tree without the keys that are nothing by default and have the word for it, which TOML lacks."""
    kept = {key: value for key, value in tree.items() if not (value == NONE and is_none_by_default(model, key))}
    for key, value in kept.items():
        inner = _model_at(model, (key,))
        if inner is not model and isinstance(value, dict):
            kept[key] = _without_none(value, inner)
        elif inner is not model and isinstance(value, list):
            kept[key] = [_without_none(one, inner) if isinstance(one, dict) else one for one in value]
    return kept


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the section of a model that holds the key at a pydantic location."""
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            candidates = [annotation, *getattr(annotation, "__args__", ())]
            found = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
            model = found[0] if found else model
    return model
