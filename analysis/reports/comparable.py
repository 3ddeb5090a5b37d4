"""Find how the scenarios of two runs differ, and refuse to compare runs whose test traffic is not the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from auctionsim.analysis.reports.metrics import AMOUNTS, amounts_of
from auctionsim.errors import InputError, shown
from auctionsim.runs import Run
from auctionsim.scenario import Scenario

_TELL_NOTHING = ("name", "seed", "cluster")
_ALLOWED_TRAFFIC = ("traffic.train_days", "traffic.validation_days", "traffic.budgets")
_SAMPLING = "mechanism.outcomes"
_DECIDES_THE_BASELINE = ("mechanism.", "platform.baseline", "traffic.budgets", "traffic.train_days", "advertisers.")


def scenario_differences(first: Scenario, other: Scenario) -> dict[str, tuple[Any, Any]]:
    """Return the keys whose values differ, with both values; a key that one scenario lacks has None there.

    Groups of advertisers are matched by their names, which stand in the key in place of an index. Left out is what changes no
    result: the scenario's name, the first seed (seeds are matched one by one) and the cluster.
    """
    one, two = _flat(first), _flat(other)
    differing = (key for key in {**one, **two} if one.get(key) != two.get(key))
    return {key: (one.get(key), two.get(key)) for key in differing}


def difference_texts(differences: Mapping[str, tuple[Any, Any]]) -> list[str]:
    """Return the differences as lines such as `mechanism.pricing: gsp -> first`."""
    return [f"{key}: {_text(one)} -> {_text(two)}" for key, (one, two) in differences.items()]


def shared_seeds(first: Run, other: Run) -> tuple[int, ...]:
    """Return the seeds that two runs have in common, ascending, if the runs can be compared on them.

    Runs can be compared if their test traffic is the same: source, generator, test days, advertisers, and whether outcomes are
    sampled. Mechanism, budgets, goals and learners may differ.

    Raises:
        InputError: They cannot be compared. The message names what differs.
    """
    differences = scenario_differences(first.scenario(), other.scenario())
    for key, (one, two) in differences.items():
        if _changes_traffic(key, first.scenario()) and not _is_one_file(key, first, other):
            why = "one has sampling noise and the other has none" if key == _SAMPLING else "their test traffic is not the same"
            raise _refusal(other, key, f"{_text(one)} as in {first.path}", _text(two), why)
    shared = tuple(sorted(set(first.seeds) & set(other.seeds)))
    if not shared:
        raise InputError(f"{other.path}: expected a seed in common with {first.path}, got none")
    _expect_same_advertisers(first, other)
    _expect_same_traffic(first, other, shared, differences)
    return shared


def _changes_traffic(key: str, scenario: Scenario) -> bool:
    """Return True if a key of the scenario decides which auctions the test days hold, or which outcomes are drawn in them."""
    if key == _SAMPLING:
        return True
    if key.startswith("advertisers."):
        return scenario.traffic.is_synthetic and key.endswith((".count", ".keywords"))
    return key.startswith("traffic.") and key not in _ALLOWED_TRAFFIC


def _is_one_file(key: str, first: Run, other: Run) -> bool:
    """Return True if a key names a file by two paths that lead to the same bytes."""
    if key not in ("traffic.source", "traffic.profile"):
        return False
    one, two = first.scenario(), other.scenario()
    if one.traffic.is_synthetic != two.traffic.is_synthetic:
        return False
    name = key.removeprefix("traffic.")
    pairs = [
        [_path(scenario, str(getattr(scenario.traffic, name)), seed) for scenario in (one, two)]
        for seed in set(first.seeds) & set(other.seeds)
    ]
    return bool(pairs) and all(
        a.is_file() and b.is_file() and (a.samefile(b) or a.read_bytes() == b.read_bytes()) for a, b in pairs
    )


def _path(scenario: Scenario, text: str, seed: int) -> Path:
    return scenario.resolve(text.replace("{seed}", str(seed)))


def _expect_same_advertisers(first: Run, other: Run) -> None:
    one, two = (set(run.table("outcomes")["advertiser"].to_list()) for run in (first, other))
    if one != two:
        alone = sorted(one ^ two)
        raise InputError(
            f"{other.path}: expected the advertisers of {first.path}, got {shown(alone[0])} in only one of them"
            + (f" and {len(alone) - 1} others" if len(alone) > 1 else "")
            + ": their test traffic is not the same"
        )


def _expect_same_traffic(first: Run, other: Run, seeds: tuple[int, ...], differences: Mapping[str, tuple[Any, Any]]) -> None:
    """Refuse runs whose keys agree and whose traffic does not: a table that was written again between them, for example.

    The efficient allocation depends on traffic and slots alone; the baseline's outcome on traffic, rules and budgets.
    """
    if "mechanism.slot_effect" not in differences:
        one, two = (_welfare(run, seeds) for run in (first, other))
        if one.shape != two.shape or not np.allclose(one, two, rtol=1e-9, atol=0.0):
            raise _refusal(
                other, "traffic", f"the traffic of {first.path}", "another value of the efficient allocation", _TABLE
            )
    if not any(key.startswith(_DECIDES_THE_BASELINE) for key in differences):
        one, two = (
            amounts_of(run, "baseline").filter(pl.col("seed").is_in(seeds)).select(AMOUNTS).to_numpy() for run in (first, other)
        )
        if not np.allclose(one, two, rtol=1e-9, atol=1e-9):
            raise _refusal(other, "traffic", f"the traffic of {first.path}", "another outcome of the same baseline", _TABLE)


_TABLE = "their test traffic is not the same"


def _welfare(run: Run, seeds: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.float64]]:
    table = run.table("benchmarks").filter(pl.col("seed").is_in(seeds), benchmark="efficient")
    return table.sort("seed", "day")["welfare"].cast(pl.Float64).to_numpy()


def _refusal(other: Run, key: str, expected: str, got: str, why: str) -> InputError:
    return InputError(f"{other.path}: {key}: expected {expected}, got {got}: {why}, so the runs cannot be compared")


def _flat(scenario: Scenario) -> dict[str, Any]:
    tree = json.loads(scenario.model_dump_json())
    tree["advertisers"] = {group.pop("group"): group for group in tree["advertisers"]}
    return {key: value for key, value in _leaves(tree, "").items() if key.split(".")[0] not in _TELL_NOTHING}


def _leaves(tree: Mapping[str, Any], path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= _leaves(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": value}
    return found


def _text(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)
