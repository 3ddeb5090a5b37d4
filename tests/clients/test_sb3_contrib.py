"""Stable-Baselines3's contributed algorithms: masks, memory, and a value learner of quantiles."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

import auctionsim.envs  # noqa: F401  (registers the environment)

from .matrix import all_finite, copies, default_market, library, moved, run_section

contrib = library("sb3_contrib", "sb3_contrib")
from sb3_contrib.common.wrappers import ActionMasker  # noqa: E402

from auctionsim.envs.adapters.sb3 import AuctionVecEnv, single_bidder  # noqa: E402

ENVS, LEVELS = 4, 21
DISCRETE = {"bid_model": "value", "action_mode": "discrete", "levels": LEVELS}
ROLLOUT = {"n_steps": 24, "batch_size": 48, "n_epochs": 2, "device": "cpu", "seed": 0}


def learned(model: Any, steps: int) -> Any:
    """The model after it learned, if it moved and lost no parameter to NaN."""
    start = copies(model.policy.parameters())
    model.learn(steps)
    assert moved(start, model.policy.parameters())
    assert all_finite(model.policy.parameters())
    return model


def low_bids() -> np.ndarray:
    """A mask that leaves the lower half of the levels."""
    return np.arange(LEVELS) <= LEVELS // 2


class Masked(gymnasium.vector.VectorWrapper):
    """A vector environment with one mask for each row."""

    def action_masks(self) -> np.ndarray:
        return np.tile(low_bids(), (self.num_envs, 1))


def test_masked_ppo_bids_where_the_mask_lets_it():
    env = ActionMasker(
        gymnasium.make("auctionsim/SingleBidder-v0", scenario=default_market(), **DISCRETE), lambda _: low_bids()
    )
    model = learned(contrib.MaskablePPO("MlpPolicy", env, **ROLLOUT), 2 * 48)
    assert model.rollout_buffer.actions.max() <= LEVELS // 2


def test_masked_ppo_takes_a_mask_of_each_row_of_shared_calls():
    vector = gymnasium.make_vec(
        "auctionsim/SingleBidder-v0", ENVS, scenario=default_market(), autoreset_mode="SAME_STEP", **DISCRETE
    )
    model = learned(contrib.MaskablePPO("MlpPolicy", AuctionVecEnv(Masked(vector)), **ROLLOUT), 2 * 24 * ENVS)
    assert model.rollout_buffer.actions.max() <= LEVELS // 2


def test_recurrent_ppo_makes_two_updates():
    learned(contrib.RecurrentPPO("MlpLstmPolicy", single_bidder(default_market(), ENVS), **ROLLOUT), 2 * 24 * ENVS)


def test_tqc_survives_the_last_hour():
    env = single_bidder(default_market(), ENVS)
    learned(contrib.TQC("MlpPolicy", env, learning_starts=48 * ENVS, batch_size=64, device="cpu", seed=0), 52 * ENVS)


def test_the_page_runs():
    assert all_finite(run_section("sb3-contrib")["model"].policy.parameters())
