"""The JSON schema of scenario files: keys, what they mean, ranges, defaults. Editors complete and check TOML by it."""

from __future__ import annotations

from typing import Any

from auctionsim.scenario import Scenario


def scenario_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12), every key described; unknown keys are errors in it as they are when a file is read."""
    schema = _plain(Scenario.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "auctionsim scenario"}


def _plain(node: Any) -> Any:
    """The same without what TOML cannot say (null), and with descriptions on one line each."""
    if isinstance(node, list):
        return [_plain(item) for item in node if item != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    node = {key: value for key, value in node.items() if not (key == "default" and value is None)}
    plain = {key: " ".join(value.split()) if _is_words(key, value) else _plain(value) for key, value in node.items()}
    alternatives = plain.get("anyOf")
    if isinstance(alternatives, list) and len(alternatives) == 1:
        del plain["anyOf"]
        plain = {**alternatives[0], **plain}
    return plain


def _is_words(key: str, value: Any) -> bool:
    return key == "description" and isinstance(value, str)
