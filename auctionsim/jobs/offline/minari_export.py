"""Write logged days of one bidder as a Minari dataset, by Minari itself, which is an extra."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from auctionsim.errors import InputError
from auctionsim.extras import expect_library
from auctionsim.files import folder_then_rename, write_json, write_text
from auctionsim.jobs.offline.columns import COST_COLUMNS, columns
from auctionsim.jobs.offline.datasheet import datasheet
from auctionsim.jobs.offline.export import SETTINGS, SHEET, Logged, settings_of
from auctionsim.jobs.offline.rollout import named_amounts
from auctionsim.market.observations import bounds

STEPS = "main_data.hdf5"


def expect_minari() -> None:
    """Check that Minari and its HDF5 storage are installed.

    Raises:
        MissingExtra: They are not.
    """
    for library in ("minari", "h5py"):
        expect_library(library, "--format minari", "--format parquet needs nothing more")


def dataset_id(name: str) -> str:
    """Return a scenario's name as the name of a Minari dataset: other characters than letters, digits, `-`, `_` become `-`."""
    return f"auctionsim/{re.sub(r'[^A-Za-z0-9_]+', '-', name).strip('-') or 'scenario'}-v0"


def write_minari(logged: Logged, out: Path, command: str) -> dict[str, Any]:
    """Write a folder with one dataset, which MINARI_DATASETS_PATH may name; it appears whole or not at all.

    Args:
        logged: The logged days of one bidder.
        out: The folder, new or empty.
        command: The command line, for the datasheet.

    Returns:
        The contents of `dataset.json`, with `minari_id` for Minari's loader.
    """
    expect_minari()
    if len(logged.plan.agents) != 1:
        raise InputError(f"--format: expected one agent for 'minari', got {len(logged.plan.agents)} (choose one with --bidder)")
    name = dataset_id(logged.plan.whole.scenario.name)
    with folder_then_rename(out) as part:
        data = part / name / "data"
        data.mkdir(parents=True)
        _write_episodes(logged, data)
        settings = settings_of(logged, command, hashlib.sha256((data / STEPS).read_bytes()).hexdigest()) | {"minari_id": name}
        own = columns(logged.plan.coefficients, is_late=logged.plan.market.delays is not None)
        sheet = datasheet(settings, None, own, f"{name}/data/{STEPS}")
        _add_metadata(data / "metadata.json", name, settings, sheet)
        # Minari takes every folder with `metadata.json` in it for a dataset, and nothing else.
        write_json(part / SETTINGS, settings)
        write_text(part / SHEET, sheet)
    return settings


def _write_episodes(logged: Logged, data: Path) -> None:
    """Write all episodes by Minari's own storage."""
    from gymnasium.spaces import Box
    from minari.data_collector.episode_buffer import EpisodeBuffer
    from minari.dataset.minari_storage import MinariStorage

    action_space = Box(-1.0, 1.0, (len(logged.plan.coefficients),), np.float32)
    storage = MinariStorage.new(data, Box(*bounds()), action_space, data_format="hdf5")
    buffers, first = [], 0
    for rollout in logged.rollouts:
        amounts = named_amounts(rollout.outcomes)
        densities = logged.exploration.log_density(rollout.actions.astype(np.float64), rollout.means[0])
        for e in range(rollout.rewards.shape[1]):
            hours = len(rollout.rewards)
            # An information of a step comes with the observation after it, so that the first observation has none: a 0.
            infos = {key: np.concatenate([[0.0], values[:, e, 0]]) for key, values in amounts.items()}
            infos["log_propensity"] = np.concatenate([[0.0], densities[:, e, 0]])
            for c, name_of_cost in enumerate(COST_COLUMNS):
                infos[name_of_cost] = np.concatenate([[0.0], rollout.costs[:, e, 0, c]])
            infos["day"] = np.full(hours + 1, logged.days[first])
            buffers.append(
                EpisodeBuffer(
                    id=first,
                    seed=int(logged.reset_seeds[first]),
                    options={"day": int(logged.days[first])},
                    observations=rollout.observations[:, e, 0],
                    actions=rollout.actions[:, e, 0],
                    rewards=rollout.rewards[:, e, 0],
                    terminations=np.arange(hours) == hours - 1,
                    truncations=np.zeros(hours, dtype=bool),
                    infos=infos,
                )
            )
            first += 1
    storage.update_episodes(buffers)
    del storage


def _add_metadata(path: Path, name: str, settings: dict[str, Any], sheet: str) -> None:
    """Add what Minari asks of a dataset, sorted, so that the same days give the same bytes."""
    from minari import __version__

    metadata = json.loads(path.read_text(encoding="utf-8"))
    metadata |= {
        "dataset_id": name,
        "minari_version": __version__,
        "algorithm_name": f"{settings['policy']} with exploration {settings['noise']:g}",
        "author": ["auctionsim"],
        "description": sheet,
        "requirements": ["auctionsim"],
        "auctionsim": json.dumps(settings, sort_keys=True),
    }
    write_json(path, metadata)
