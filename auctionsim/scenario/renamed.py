"""Old names of scenario keys: each works for one minor version, with a one-line warning."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from auctionsim.errors import InputError, RenamedWarning

RENAMED: dict[str, str] = {
    "platform.reference": "baseline",
    "advertisers[].ppc_cap": "cpc_cap",
}
"""Path of each old key, `[]` for every entry of a list, and the key's new name in the same section."""

BASELINE_WORD, OLD_BASELINE_WORD = "baseline", "reference"
_LEVELS = ("budget", "cpc_cap", "roi_floor")


def with_current_names(tree: dict[str, Any], source: str) -> dict[str, Any]:
    """Rename the old keys and levels of a scenario's tree in place, and return it.

    For example `{"platform": {"reference": "manual"}}` becomes `{"platform": {"baseline": "manual"}}`, and the budget
    `"reference*0.8"` becomes `"baseline*0.8"`.

    Args:
        tree: The scenario as TOML gives it.
        source: The scenario's name in messages.

    Raises:
        InputError: A key is given by its old and by its new name.
    """
    for path, new in RENAMED.items():
        *parents, old = path.split(".")
        for where, section in _sections(tree, parents):
            if old not in section:
                continue
            if new in section:
                raise InputError(f"{source}: {where}{new}: expected one of '{new}' and its old name '{old}', got both")
            section[new] = section.pop(old)
            _warn(f"{source}: {where}{old} is called {new} now; the old name works until version 0.3")
    for where, section in _sections(tree, ["advertisers[]"]):
        for key in _LEVELS:
            level = section.get(key)
            if isinstance(level, str) and level.lstrip().startswith(OLD_BASELINE_WORD):
                section[key] = level.replace(OLD_BASELINE_WORD, BASELINE_WORD, 1)
                _warn(f"{source}: {where}{key}: '{OLD_BASELINE_WORD}*SHARE' is written '{BASELINE_WORD}*SHARE' now; "
                      "the old word works until version 0.3")  # fmt: skip
    return tree


def _sections(node: Any, parents: list[str], where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every section at a path, with the path as messages write it. Other shapes are left to the validation."""
    if not parents:
        if isinstance(node, dict):
            yield where, node
        return
    name, is_list = parents[0].removesuffix("[]"), parents[0].endswith("[]")
    inner = node.get(name) if isinstance(node, dict) else None
    if is_list:
        for i, entry in enumerate(inner if isinstance(inner, list) else []):
            yield from _sections(entry, parents[1:], f"{where}{name}[{i}].")
    elif inner is not None:
        yield from _sections(inner, parents[1:], f"{where}{name}.")


def _warn(text: str) -> None:
    warnings.warn(text, RenamedWarning, stacklevel=4)
