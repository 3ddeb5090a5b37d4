"""Minari reads an exported dataset by its own loader, and the environment replays its episodes."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import numpy as np
import pytest

import auctionsim.envs  # noqa: F401  (registers the environment)
from auctionsim.analysis.offline.exploration import Exploration
from auctionsim.errors import InputError
from auctionsim.jobs.offline.export import log_days
from auctionsim.jobs.offline.minari_export import write_minari
from auctionsim.jobs.offline.plan import make_plan

from .matrix import default_market, library, run_section

minari = library("minari", "minari")
NAME = "auctionsim/three-arms-v0"


def export(folder: Path) -> None:
    plan = make_plan(default_market(), "manual", bidder="seller_0")
    write_minari(log_days(plan, Exploration(0.2, 0.05), per_day=2), folder, "command")


def test_minari_loads_a_dataset_whose_episodes_the_environment_replays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    export(tmp_path / "logs")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "logs"))
    assert list(minari.list_local_datasets()) == [NAME]
    dataset = minari.load_dataset(NAME)
    assert (dataset.total_episodes, dataset.total_steps) == (4, 96)
    env = gymnasium.make("auctionsim/SingleBidder-v0", scenario=default_market(), bid_model="scale")
    assert dataset.observation_space == env.observation_space
    assert dataset.action_space == env.action_space
    for episode, made in zip(dataset, dataset.storage.get_episode_metadata(range(4)), strict=True):
        seen, _ = env.reset(seed=made["seed"], options={"day": int(made["options"]["day"])})
        assert (seen == episode.observations[0]).all()
        for t, action in enumerate(episode.actions):
            seen, reward, terminated, truncated, info = env.step(action)
            assert (seen == episode.observations[t + 1]).all()
            assert reward == episode.rewards[t]
            assert (terminated, truncated) == (episode.terminations[t], episode.truncations[t])
            assert info["objectives"][3] == episode.infos["profit"][t + 1]
        density = Exploration(0.2, 0.05).log_density(episode.actions.astype(np.float64), np.zeros((24, 1)))
        assert episode.infos["log_propensity"][1:] == pytest.approx(density, abs=1e-12)


def test_the_same_days_give_the_same_bytes(tmp_path: Path):
    for name in ("one", "two"):
        export(tmp_path / name)
    files = {path.relative_to(tmp_path / "one"): path.read_bytes() for path in (tmp_path / "one").rglob("*") if path.is_file()}
    assert len(files) == 4
    assert files == {path: (tmp_path / "two" / path).read_bytes() for path in files}


def test_many_agents_are_refused(tmp_path: Path):
    logged = log_days(make_plan(default_market(), "manual"), Exploration(0.2), per_day=1)
    with pytest.raises(InputError, match="expected one agent for 'minari', got 12"):
        write_minari(logged, tmp_path / "logs", "command")
    assert list(tmp_path.iterdir()) == []


def test_the_page_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "logs"))
    assert run_section("Minari")["dataset"].total_steps == 96
