"""The JSON schema of scenario files: keys, meanings, ranges, defaults. Editors complete and check TOML by it."""

from __future__ import annotations

from typing import Any

from auctionsim.scenario import Scenario
from auctionsim.scenario.base import NONE


def scenario_schema() -> dict[str, Any]:
    """Make the schema of scenario files (JSON Schema 2020-12). It describes every key and refuses unknown ones."""
    schema = _plain(Scenario.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "auctionsim scenario"}


def _plain(node: Any) -> Any:
    """Put the word `none` in the place of null, which TOML does not have, and each description on one line."""
    if node == {"type": "null"}:
        return {"const": NONE}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: NONE if key == "default" and value is None else value for key, value in node.items()}
    plain = {key: " ".join(value.split()) if _is_words(key, value) else _plain(value) for key, value in node.items()}
    alternatives = plain.get("anyOf")
    if isinstance(alternatives, list) and len(alternatives) == 1:
        del plain["anyOf"]
        plain = {**alternatives[0], **plain}
    return plain


def _is_words(key: str, value: Any) -> bool:
    return key == "description" and isinstance(value, str)
