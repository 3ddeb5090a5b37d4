"""Hold a scenario as plain data, for JSON: what Gymnasium's `spec.to_json()` writes and `gymnasium.make` reads again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auctionsim.errors import InputError, shown
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_section

_KEYS = ("scenario", "source", "folder")


def to_record(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as plain data.

    Returns:
        `scenario`: every key with its value, overrides applied; `source`: the scenario's name in messages; `folder`: the folder
        that relative paths start from, absolute, or None.
    """
    folder = None if scenario.folder is None else str(scenario.folder.resolve())
    return {"scenario": json.loads(scenario.model_dump_json()), "source": scenario.source, "folder": folder}


def from_record(record: Mapping[str, Any], name: str) -> Scenario:
    """Return the scenario that `to_record` made plain data of.

    Args:
        record: The plain data; `source` and `folder` may be left out.
        name: Name of the argument that gave it, for messages.

    Raises:
        InputError: It is no such data, or a key of the scenario is invalid.
    """
    unknown = [key for key in record if key not in _KEYS]
    if unknown or not isinstance(record.get("scenario"), Mapping):
        got = f"the key {shown(unknown[0])}" if unknown else f"scenario = {shown(record.get('scenario'))}"
        raise InputError(f"{name}: expected the keys {', '.join(_KEYS)}, the first with the scenario's own keys, got {got}")
    for key in _KEYS[1:]:
        if not isinstance(record.get(key), str | None):
            raise InputError(f"{name}[{key!r}]: expected text or None, got {shown(record[key])}")
    source, folder = record.get("source") or name, record.get("folder")
    scenario = parse_section(Scenario, dict(record["scenario"]), source, "")
    return scenario.with_source(source, None if folder is None else Path(folder))
