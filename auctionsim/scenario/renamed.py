"""Old names of scenario keys: each works for one minor version, with a one-line warning."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from auctionsim.errors import InputError, RenamedWarning

RENAMED: dict[str, str] = {
    "platform.reference": "baseline",
    "advertisers[].ppc_cap": "cpc_cap",
    "learner.sigma_last": "sigma_end",
    "learner.ppo.hidden": "hidden_sizes",
    "learner.ppo.gae": "gae_lambda",
    "learner.ppo.first_std": "init_std",
    "learner.maab.bars": "bid_floors",
    "learner.maab.levels": "n_actions",
    "learner.maab.hidden": "hidden_sizes",
    "learner.maab.batch": "batch_size",
    "learner.maab.replay_days": "buffer_size",
    "learner.maab.target_every": "target_update_interval",
    "learner.maab.updates": "gradient_steps",
    "learner.maab.exploration": "exploration_fraction",
    "learner.maab.last_epsilon": "epsilon_end",
    "learner.dcmab.hidden": "hidden_sizes",
    "learner.dcmab.batch": "batch_size",
    "learner.dcmab.soft": "tau",
    "learner.dcmab.replay_days": "buffer_size",
    "learner.dcmab.updates": "gradient_steps",
    "learner.dcmab.last_noise": "noise_end",
    "learner.dqn.hidden": "hidden_sizes",
    "learner.dqn.batch": "batch_size",
    "learner.dqn.replay": "buffer_size",
    "learner.dqn.target_every": "target_update_interval",
    "learner.dqn.copies": "num_envs",
    "learner.dqn.updates": "gradient_steps",
    "learner.dqn.exploration": "exploration_fraction",
}
"""Path of each old key, `[]` for every entry of a list, and the key's new name in the same section."""

RENAMED_VALUES: dict[str, dict[str, str]] = {"learner.dqn.overspend": {"charge": "lagrangian"}}
"""Path of a key and the new name of each of its old values."""

BASELINE_WORD, OLD_BASELINE_WORD = "baseline", "reference"
_LEVELS = ("budget", "cpc_cap", "roi_floor")
_UNTIL = "until version 0.3"


def with_current_names(tree: dict[str, Any], source: str) -> dict[str, Any]:
    """Rename the old keys, values and levels of a scenario's tree, and return the same tree.

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
            _warn(f"{source}: {where}{old} is called {new} now; the old name works {_UNTIL}")
    for path, values in RENAMED_VALUES.items():
        *parents, key = path.split(".")
        for where, section in _sections(tree, parents):
            value = section.get(key)
            if isinstance(value, str) and value in values:
                section[key] = values[value]
                _warn(f"{source}: {where}{key}: '{value}' is called '{values[value]}' now; the old name works {_UNTIL}")
    for where, section in _sections(tree, ["advertisers[]"]):
        for key in _LEVELS:
            level = section.get(key)
            if isinstance(level, str) and level.lstrip().startswith(OLD_BASELINE_WORD):
                section[key] = level.replace(OLD_BASELINE_WORD, BASELINE_WORD, 1)
                _warn(f"{source}: {where}{key}: '{OLD_BASELINE_WORD}*SHARE' is written '{BASELINE_WORD}*SHARE' now; "
                      f"the old word works {_UNTIL}")  # fmt: skip
    return tree


def current_key(key: str, source: str) -> str:
    """Return the dotted path of a key as it is called now: `advertisers.0.ppc_cap` is `advertisers.0.cpc_cap`."""
    *parents, last = key.split(".")
    path = ""
    for part in (*parents, last):
        path += "[]" if part.isdigit() else f".{part}" if path else part
    if path not in RENAMED:
        return key
    _warn(f"{source}: {key} is called {RENAMED[path]} now; the old name works {_UNTIL}")
    return ".".join([*parents, RENAMED[path]])


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
