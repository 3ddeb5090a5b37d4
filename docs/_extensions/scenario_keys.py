"""Make the page `scenario-keys.md` from the scenario's JSON schema: every key, its values, default and meaning."""

from __future__ import annotations

import json
from typing import Any

from auctionsim.scenario.schema import scenario_schema

_HEAD = """\
# Scenario keys

Every key of a scenario file, made by `make docs` from the schema that `auctionsim check --schema` prints and by which files are
checked. How they work together: [the scenario file](scenario.md).
"""
_BOUNDS = {
    "minimum": "at least {}", "exclusiveMinimum": "above {}", "maximum": "at most {}", "exclusiveMaximum": "below {}",
    "multipleOf": "a multiple of {}", "minItems": "at least {} entries", "maxItems": "at most {} entries",
}  # fmt: skip
_CLASS = "package.module:Class"
_KINDS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}


def page() -> str:
    """Return the page as Markdown."""
    schema = scenario_schema()
    return "\n".join([_HEAD, *_section("", schema, schema["$defs"])])


def _section(name: str, section: dict[str, Any], definitions: dict[str, Any]) -> list[str]:
    below = []
    rows = ["| key | values | default | meaning |", "|---|---|---|---|"]
    needed = section.get("required", [])
    for key, value in section["properties"].items():
        inner = _definition(value, definitions)
        path = f"{name}.{key}" if name else key
        if inner is not None:
            below += ["", f"## {f'[[{path}]]' if value.get('type') == 'array' else f'[{path}]'}", "", inner["description"], ""]
            below += _section(path, inner, definitions)
            continue
        default = "needed" if key in needed else f"`{json.dumps(value['default'])}`" if "default" in value else "none"
        rows.append(f"| `{key}` | {_values(value)} | {default} | {_cell(value['description'])} |")
    return [*rows, *below]


def _definition(value: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any] | None:
    """Return the section that a key stands for, if it stands for one, or for one or none."""
    value = next((choice for choice in value.get("anyOf", ()) if "$ref" in choice), value)
    reference = value.get("$ref") or value.get("items", {}).get("$ref", "")
    found: dict[str, Any] | None = definitions.get(reference.rpartition("/")[2])
    return found


def _values(value: dict[str, Any]) -> str:
    if "anyOf" in value:
        return " or ".join(_values(choice) for choice in value["anyOf"])
    if "enum" in value:
        return ", ".join(f"`{json.dumps(choice)}`" for choice in value["enum"])
    if value.get("description") == _CLASS:
        return f"`{_CLASS}`"
    if "const" in value:
        return f"`{json.dumps(value['const'])}`"
    bounds = ", ".join(words.format(f"{value[key]:g}") for key, words in _BOUNDS.items() if key in value)
    if value.get("type") == "array":
        kind = f"list of: {_values(value.get('items') or value['prefixItems'][0])}"
    elif value.get("type") == "object":
        names = value.get("propertyNames", {}).get("enum")
        kind = f"table of: {', '.join(f'`{name}`' for name in names)}" if names else "table"
    else:
        kind = _KINDS[value["type"]]
    return f"{kind}, {bounds}" if bounds else kind


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
