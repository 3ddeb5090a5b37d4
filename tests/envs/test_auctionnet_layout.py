"""AuctionNet's 16 observations: by hand from what was replayed, inside their space, and for which environments."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import VectorWrapper

from auctionsim.agents.build import build_market
from auctionsim.auction.outcome import CONVERSIONS, COST, IMPRESSIONS
from auctionsim.envs import AuctionNetObservations, AuctionVectorEnv
from auctionsim.envs.layouts.auctionnet import LAYOUT
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL


@pytest.fixture(scope="module")
def market() -> Market:
    return build_market(parse_scenario(SMALL, "x.toml", overrides=['advertisers.0.budget="baseline*0.8"']))


def played(market: Market, hours: int) -> tuple[AuctionNetObservations, list[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """Play some hours at random; return the environment, what each hour brought, and the last observation by name."""
    env = AuctionNetObservations(AuctionVectorEnv(market, num_envs=3))
    seen, _ = env.reset(seed=0)
    env.action_space.seed(0)
    days, past = env.unwrapped.batched_days, []
    for _ in range(hours):
        seen = env.step(env.action_space.sample())[0]
        assert seen in env.observation_space
        past.append({"last": days.last_step.copy(), "theta": days.coefficients.copy()})
    return env, past, {name: seen[:, :, k] for k, name in enumerate(LAYOUT)}


def test_the_layout_has_sixteen_numbers_and_begins_empty(market: Market):
    env = AuctionNetObservations(AuctionVectorEnv(market, num_envs=3))
    seen, _ = env.reset(seed=0)
    assert seen.shape == env.observation_space.shape == (3, 5, 16)
    first = dict(zip(LAYOUT, seen[0].T, strict=True))
    assert (first["time_left"] == 1).all()
    assert (first["budget_left"] == 1).all()
    day = int(env.unwrapped.batched_days.day[0])
    np.testing.assert_allclose(first["next_auctions"], market.hourly_auctions(day)[0])
    past = [name for name in LAYOUT if name not in ("time_left", "budget_left", "next_auctions", "next_pcvr_mean")]
    assert all((first[name] == 0).all() for name in past)


def test_means_are_of_the_hours_replayed_and_of_the_last_three(market: Market):
    env, past, seen = played(market, 5)
    p, day = 1, int(env.unwrapped.batched_days.day[1])
    auctions, features = market.hourly_auctions(day)[:5], market.hourly_features(day)[:5]
    win = np.stack([hour["last"][:, IMPRESSIONS, p] for hour in past]) / auctions
    conversion = np.stack([hour["last"][:, CONVERSIONS, p] for hour in past]) / auctions
    bid = np.stack([(hour["theta"][:, :, p] * own).sum(axis=1) for hour, own in zip(past, features, strict=True)])
    price = np.stack([hour["last"][:, COST, p].sum() / hour["last"][:, IMPRESSIONS, p].sum() for hour in past])
    for name, values in {"win": win, "conversion": conversion, "bid": bid, "price": price[:, None] + np.zeros(5)}.items():
        np.testing.assert_allclose(seen[f"{name}_mean"][p], values.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(seen[f"last_{name}_mean"][p], values[-3:].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(seen["auctions"][p], auctions.sum(axis=0))
    np.testing.assert_allclose(seen["last_auctions"][p], auctions[-3:].sum(axis=0))
    np.testing.assert_allclose(seen["next_pcvr_mean"][p], market.hourly_features(day)[5, :, 1], rtol=1e-5)
    np.testing.assert_allclose(seen["time_left"][p], 1 - 5 / 24, rtol=1e-6)


def test_the_past_of_a_day_ends_with_it(market: Market):
    _, _, last = played(market, 24)
    assert (last["time_left"] == 0).all()
    assert (last["next_auctions"] == 0).all()
    _, _, new = played(market, 25)
    assert (new["time_left"] == 1).all()
    assert (new["auctions"] == 0).all()
    _, _, after = played(market, 26)
    assert (after["auctions"] == after["last_auctions"]).all(), "one hour of the new day"


def test_other_environments_and_same_step_resets_are_refused(market: Market):
    with pytest.raises(InputError, match="env: expected an AuctionVectorEnv, got"):
        AuctionNetObservations(VectorWrapper(AuctionVectorEnv(market)))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="env: expected autoreset_mode = 'NEXT_STEP' or 'DISABLED', got 'SAME_STEP'"):
        AuctionNetObservations(AuctionVectorEnv(market, autoreset_mode="SAME_STEP"))
