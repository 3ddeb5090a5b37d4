"""Check manifest, metrics and notes of a run folder: JSON from anywhere."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NoReturn

from auctionsim import __version__
from auctionsim.errors import InputError, shown
from auctionsim.numbers import MOST_AMOUNT, SEED_LIMIT

STATUSES = ("running", "finished", "failed", "interrupted")
SOURCES = ("trained", "outside")
_LOGGED = ("iteration", "seed", "revenue_ratio", "profit_ratio")
_MAY_BE_NULL = ("revenue_ratio", "profit_ratio")
"""Null if the baseline earns nothing or loses money on a training day."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){0,3}")


def checked_json(path: Path, text: bytes) -> Any:
    """Return the JSON of a file, in which every key of an object is given once and every number is finite.

    Raises:
        InputError: It is none.
    """
    try:
        return strict_json(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected JSON, got {shown(str(error))}") from error


def strict_json(text: str) -> Any:
    """Return the value of a JSON text. Python's own reader also takes NaN, infinity and keys given twice.

    Raises:
        ValueError: It is no JSON.
        RecursionError: It is nested too deeply.
    """
    return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object_of)


def checked_manifest(path: Path, manifest: Any) -> dict[str, Any]:
    """Return the manifest after checking that it has its keys and that each holds what it should.

    Raises:
        InputError: It does not, or a newer version wrote it.
    """
    rules: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "command": ("text", lambda v: isinstance(v, str)),
        "overrides": ("a list of text", lambda v: isinstance(v, list) and all(isinstance(item, str) for item in v)),
        "scenario_folder": ("a path or null", lambda v: v is None or _is_path(v)),
        "seeds": ("a list of different whole numbers >= 0 and < 2^63", _are_seeds),
        "status": (f"one of {', '.join(STATUSES)}", lambda v: v in STATUSES),
        "version": ("a version such as 0.1.0", lambda v: isinstance(v, str) and bool(_VERSION.match(v))),
    }
    optional: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "started_in": ("a path", _is_path),
        "scenario_digest": ("text", lambda v: isinstance(v, str)),
        "source": (f"one of {', '.join(SOURCES)}", lambda v: v in SOURCES),
        "learner": ("text", lambda v: isinstance(v, str)),
        "stopped": ("text", lambda v: isinstance(v, str)),
        "arithmetic": ("a table of text", _are_digests),
        "warnings": ("a list of text", lambda v: isinstance(v, list) and all(isinstance(item, str) for item in v)),
        "date": ("a date such as 2026-01-31", lambda v: isinstance(v, str) and bool(_DATE.fullmatch(v))),
    }
    if not isinstance(manifest, dict) or not set(manifest) >= set(rules):
        raise InputError(f"{path}: expected the keys {', '.join(rules)}, got {shown(manifest)}")
    for key, (words, is_right) in {**rules, **optional}.items():
        if key in manifest and not is_right(manifest[key]):
            raise InputError(f"{path}: {key}: expected {words}, got {shown(manifest[key])}")
    if _minor(manifest["version"]) > _minor(__version__):
        raise InputError(
            f"{path}: version: expected a run of auctionsim {__version__} or older, got one of {shown(manifest['version'])} "
            "(install a newer auctionsim)"
        )
    return manifest


def checked_metrics(path: Path, lines: list[str], seeds: Collection[int]) -> list[dict[str, Any]]:
    """Return the lines of metrics.jsonl of a run with these seeds.

    Raises:
        InputError: One is no JSON object, lacks a number, or is of another seed.
    """
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            row = strict_json(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: row {number}: expected a JSON object, got {shown(line)}") from error
        for key in _LOGGED:
            if not isinstance(row, dict) or key not in row or not _is_logged(key, row[key]):
                raise InputError(f"{path}: row {number}: expected a number as {key}, got {shown(line)}")
        if row["seed"] not in seeds:
            raise InputError(f"{path}: row {number}: expected a seed of the manifest, got {shown(row['seed'])}")
        rows.append(row)
    return rows


def checked_notes(path: Path, notes: Any) -> dict[str, str]:
    """Return the notes of provenance.json.

    Raises:
        InputError: They are no object of texts.
    """
    if not isinstance(notes, dict):
        raise InputError(f"{path}: expected an object of notes, got {shown(notes)}")
    for key, text in notes.items():
        if not isinstance(text, str):
            raise InputError(f"{path}: {shown(key)}: expected text, got {shown(text)}")
    return notes


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is no number of JSON")


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {shown(twice)} twice")
    return found


def _is_path(value: Any) -> bool:
    # No path holds a zero byte, nor half of a surrogate pair but for a byte that is no UTF-8.
    return isinstance(value, str) and "\0" not in value and not re.search("[\ud800-\udc7f\udd00-\udfff]", value)


def _are_seeds(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(type(seed) is int and 0 <= seed < SEED_LIMIT for seed in value) and len(set(value)) == len(value)


def _are_digests(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(digest, str) for digest in value.values())


def _is_logged(key: str, value: Any) -> bool:
    if value is None:
        return key in _MAY_BE_NULL
    if type(value) not in (int, float):
        return False
    limit = SEED_LIMIT if key == "seed" else MOST_AMOUNT
    return -limit < value < limit and math.isfinite(value)


def _minor(version: str) -> tuple[int, ...]:
    """Return major and minor version: formats change with these."""
    found = _VERSION.match(version)
    return tuple(map(int, found[0].split(".")))[:2] if found else ()
