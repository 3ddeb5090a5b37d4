"""Write a scenario as TOML, for a run folder of a scenario that was made in Python."""

from __future__ import annotations

import json
from typing import Any

from auctionsim.scenario import Scenario


def scenario_text(scenario: Scenario) -> str:
    """Return a scenario as the text of a scenario file: every key that differs from its default.

    `parse_scenario` of the text gives an equal scenario.
    """
    tree = json.loads(scenario.model_dump_json(exclude_defaults=True))
    plain = {key: value for key, value in tree.items() if not _is_section(value)}
    lines = _keys(plain)
    for key, value in tree.items():
        if isinstance(value, dict):
            lines += ["", f"[{key}]", *_keys(value)]
        elif _is_section(value):
            for entry in value:
                lines += ["", f"[[{key}]]", *_keys(entry)]
    return "\n".join(lines) + "\n"


def toml_string(text: str) -> str:
    """Return a text as a TOML string. Its escapes are JSON's, but TOML has no surrogate pairs and takes no raw DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _is_section(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value))


def _keys(section: dict[str, Any]) -> list[str]:
    """Return a line per key; TOML has no word for nothing, and what is nothing by default need not be said."""
    return [f"{json.dumps(key)} = {_value(value)}" for key, value in section.items() if value is not None]


def _value(value: Any) -> str:
    """Return a value in TOML, whose numbers are JSON's."""
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value if item is not None)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(_keys(value))} }}" if value else "{}"
    return toml_string(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
