"""The torch environment equals `AuctionVectorEnv`: days, goals, constraints, seeds, autoreset, masks, messages.

On the processor it does to the bit, on a GPU, where there is one, within 1e-6.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auctionsim.auction.kernel import engine
from auctionsim.envs import AuctionVectorEnv, torch_env
from auctionsim.envs.episode_sampler import EpisodeSampler
from auctionsim.envs.markets import market_of
from auctionsim.envs.torch.env import AuctionTorchEnv
from auctionsim.envs.torch.episode_blocks import EpisodeBlocks
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

CUDA = torch.cuda.is_available()
ON_DEVICES = pytest.mark.parametrize(
    "device", ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not CUDA, reason="no GPU"))]
)
SELLERS = "advertisers.0"
SCENARIOS: dict[str, tuple[str, ...]] = {
    "floors": (),
    "sampled": ("mechanism.outcomes=sampled", "mechanism.slot_effect=[1.0, 0.5]"),
    "budgets": (f'{SELLERS}.budget="baseline*0.3"', "mechanism.pricing=first"),
    "caps": (f'{SELLERS}.cpc_cap="baseline*0.9"', f'{SELLERS}.cpa_cap="baseline*1.1"', "learner.penalty=300.0"),
    "more_floors": (f"{SELLERS}.roi_floor=0.2", f'{SELLERS}.spend_floor="baseline*0.8"', "learner.floor_margin=0.05"),
    "goals": (f"{SELLERS}.objectives={{clicks=0.3, gmv=0.2, profit=0.5}}", "platform.revenue_floor=0.0"),
    "one_day": ("traffic.train_days=[1]", "learner.own_weight=1.0", "learner.global_weight=0.0"),
    "rules": (),
    "no_floors": (f"{SELLERS}.profit_floor=0.0", "platform.revenue_floor=0.0"),
}
OTHERS = '[[advertisers]]\ngroup = "{}"\ncount = 2\ncontroller = "{}"\nbudget = "baseline*0.5"\n'
RULES = OTHERS.format("paced", "pid") + OTHERS.format("plain", "manual")


def market(name: str) -> Market:
    """A market of a scenario; the one of rules has self-bidders with a floor, under a rule of hours and under a fixed one."""
    text = SMALL.replace("[learner]", RULES + "[learner]") if name == "rules" else SMALL
    extra = ("platform.self_bidder_floor=0.9",) if name == "rules" else ()
    return market_of(parse_scenario(text, "x.toml", overrides=(*SCENARIOS[name], *extra)))


MARKETS = {name: market(name) for name in SCENARIOS}


def assert_close(expected: Any, found: torch.Tensor, what: str) -> None:
    """Numbers, shapes and types are the same; on a GPU numbers are within 1e-6."""
    assert isinstance(found, torch.Tensor), what
    here = found.cpu().numpy()
    assert here.dtype == expected.dtype, what
    tolerance = 0.0 if found.device.type == "cpu" else 1e-6
    np.testing.assert_allclose(here, expected, rtol=tolerance, atol=tolerance, err_msg=what)


def assert_same_infos(expected: dict[str, Any], found: dict[str, Any]) -> None:
    """Every info of the numpy environment is there; the end of days counts where `_final_obs` says so."""
    assert set(found) == set(expected)
    for name, value in expected.items():
        if name == "final_info":
            assert_same_infos(value, found[name])
        elif name == "final_obs":
            for i in np.flatnonzero(expected["_final_obs"]).tolist():
                assert_close(value[i], found[name][i], name)
        else:
            assert_close(value, found[name], name)


def assert_same_step(expected: Any, found: Any) -> None:
    """All five parts of a step are the same."""
    for left, right, what in zip(expected, found, ("observations", "rewards", "terminations", "truncations"), strict=False):
        assert_close(left, right, what)
    assert_same_infos(expected[4], found[4])


def both(name: str, num_envs: int, device: str, **arguments: Any) -> tuple[AuctionVectorEnv, AuctionTorchEnv]:
    """The same environments in numpy and in torch."""
    return AuctionVectorEnv(MARKETS[name], num_envs, **arguments), torch_env(MARKETS[name], num_envs, device, **arguments)


@ON_DEVICES
@pytest.mark.parametrize("name", SCENARIOS)
@settings(max_examples=6)
@given(data=st.data())
def test_two_days_and_a_little_equal_those_of_the_vector_environment(name: str, device: str, data: st.DataObject):
    arguments = {
        "autoreset_mode": data.draw(st.sampled_from(["NEXT_STEP", "SAME_STEP"])),
        "bid_model": data.draw(st.sampled_from(["macg", "value", "scale"])),
        "action_mode": data.draw(st.sampled_from(["box", "discrete"])),
        "penalty": data.draw(st.sampled_from(["capped", "linear", "none"])),
        "reward": data.draw(st.sampled_from(["scalar", "vector"])),
        "split": data.draw(st.sampled_from(["train", "test"])),
        "same_day": data.draw(st.booleans()),
        "max_cycles": data.draw(st.sampled_from([None, 5])),
        "max_multiplier": data.draw(st.sampled_from([2.0, 50.0])),
    }
    vector, env = both(name, data.draw(st.integers(1, 5)), device, **arguments)
    seed = data.draw(st.integers(0, 2**40))
    (expected, infos), (found, tensors) = vector.reset(seed=seed), env.reset(seed=seed)
    assert_close(expected, found, "observations")
    assert_same_infos(infos, tensors)
    vector.action_space.seed(seed % 2**31)
    for _ in range(51):
        actions = vector.action_space.sample()
        assert_same_step(vector.step(actions), env.step(torch.from_numpy(actions)))
    assert_close(vector.state(), env.state(), "state")


def test_the_scenarios_charge_every_kind_of_constraint():
    """The property above would say little of constraints that never bind, or that nobody violates."""
    worst = np.full(7, -np.inf)
    for name in SCENARIOS:
        env = torch_env(MARKETS[name], 8, bid_model="scale", split="test")
        env.reset(seed=0)
        for hour in range(24):
            actions = torch.linspace(-1, 1, 8, dtype=torch.float64)[:, None, None].expand(8, len(env.agents), 1)
            infos = env.step(actions)[4]
            assert infos["objectives"].abs().sum() > 0 or hour
        worst = np.maximum(worst, infos["violations"].amax(dim=(0, 1)).numpy())
    assert (worst > 0).all()


@ON_DEVICES
@pytest.mark.parametrize("name", ["floors", "sampled", "rules"])
def test_masks_seeds_and_fixed_days_reset_what_they_reset_in_numpy(name: str, device: str):
    vector, env = both(name, 5, device, autoreset_mode="DISABLED")
    options = {"day": [0, 1, 1, 0, 1]}
    assert_close(vector.reset(seed=3, options=options)[0], env.reset(seed=3, options=options)[0], "observations")
    draw = np.random.default_rng(0)
    mask = np.array([True, False, False, True, False])
    for hour in range(40):
        if hour in (7, 11, 16):
            seed = [9, None, None, None, 4] if hour == 7 else None
            expected, found = (one.reset(seed=seed, options={"reset_mask": mask}) for one in (vector, env))
            assert_close(expected[0], found[0], "observations")
            assert_same_infos(expected[1], found[1])
        if hour == 24:
            # Those that were never reset are over, the others go on.
            with pytest.raises(InputError, match="call reset first"):
                env.step(np.zeros((5, len(env.agents), 3)))
            mask = ~mask
            vector.reset(options={"reset_mask": mask})
            env.reset(options={"reset_mask": torch.from_numpy(mask)})
        actions = draw.uniform(-1, 1, (5, len(env.agents), 3))
        assert_same_step(vector.step(actions), env.step(actions))


def test_an_hour_is_one_call_of_the_engine_for_all_copies(monkeypatch: pytest.MonkeyPatch):
    calls = []
    kernel = engine.replay_buckets
    monkeypatch.setattr(engine, "replay_buckets", lambda *arguments: calls.append(kernel(*arguments)))
    env = torch_env(MARKETS["one_day"], 64, threads=1)
    env.reset(seed=0)
    calls.clear()
    env.step(torch.zeros(64, 5, 3))
    assert len(calls) == 1


def test_what_is_returned_is_not_written_to_later():
    env = torch_env(MARKETS["budgets"], 3)
    kept: list[tuple[torch.Tensor, torch.Tensor]] = []
    seen, infos = env.reset(seed=0)
    for step in range(27):
        kept += [(one, one.clone()) for one in (seen, *infos.values())]
        seen, rewards, ends, cuts, infos = env.step(torch.full((3, 5, 3), 0.1 * (step % 5)))
        kept += [(one, one.clone()) for one in (rewards, ends, cuts)]
    assert all(torch.equal(one, copy) for one, copy in kept)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 1000])
def test_blocks_draw_the_days_and_noise_of_single_samplers(count: int):
    seeds, days = [0, 5, 2**53 - 1], tuple(range(10, 10 + count))
    blocks, samplers = EpisodeBlocks(days, seeds), [EpisodeSampler(days, seed) for seed in seeds]
    for episode in range(80):
        # Some environments, in turn, and a fixed day now and then.
        envs = np.array([i for i in range(3) if (episode + i) % 3])
        fixed = [days[0] if (episode + i) % 5 == 0 else None for i in envs.tolist()]
        is_noisy = episode % 4 > 0
        found, noise = blocks.next(envs, fixed, is_noisy=is_noisy)
        for place_of, i in enumerate(envs.tolist()):
            expected = samplers[i].next(fixed[place_of])
            assert found[place_of] == expected.day
            assert noise[place_of] == (expected.noise_seed if is_noisy else 0)


def test_seeds_that_were_drawn_are_known_and_draw_the_same_days_again():
    env = torch_env(MARKETS["floors"], 4)
    first = [env.reset()[1]["day"] for _ in range(5)]
    again = [env.reset(seed=env.np_random_seed)[1]["day"], *(env.reset()[1]["day"] for _ in range(4))]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_in_the_middle_of_a_day_goes_on_as_the_environment_does(copied: Any):
    env = torch_env(MARKETS["rules"], 3, autoreset_mode="SAME_STEP")
    env.reset(seed=0)
    draw = torch.Generator().manual_seed(0)
    for _ in range(5):
        env.step(torch.rand(3, len(env.agents), 3, generator=draw))
    other = copied(env)
    for _ in range(30):
        actions = torch.rand(3, len(env.agents), 3, generator=draw) * 2 - 1
        one, two = env.step(actions), other.step(actions)
        assert all(torch.equal(left, right) for left, right in zip(one[:4], two[:4], strict=True))
        assert torch.equal(one[4]["day"], two[4]["day"])


def test_devices_that_do_not_exist_are_named_with_what_there_is():
    there = ", ".join(["cpu"] + ([f"cuda, {', '.join(f'cuda:{i}' for i in range(torch.cuda.device_count()))}"] * CUDA))
    with pytest.raises(InputError, match=rf"^device: expected one of {there}, got 'cuda:99'"):
        torch_env(MARKETS["floors"], 2, "cuda:99")
    with pytest.raises(InputError, match=rf"^device: expected one of {there}, got 'gpu'"):
        torch_env(MARKETS["floors"], 2, "gpu")
    with pytest.raises(InputError, match=rf"^device: expected one of {there}, got 3$"):
        torch_env(MARKETS["floors"], 2, 3)  # type: ignore[arg-type]
    assert torch_env(MARKETS["floors"], 2, torch.device("cpu")).device.type == "cpu"


@pytest.mark.skipif(CUDA, reason="there is a GPU")
@pytest.mark.parametrize(
    ("built", "line"),
    [
        (
            None,
            r"got 'cuda' \(torch \S+ was built without CUDA; install one with it: https://pytorch.org/get-started/locally\)$",
        ),
        ("12.8", r"got 'cuda' \(torch \S+ was built for CUDA 12.8 and finds no GPU; see nvidia-smi\)$"),
    ],
)
def test_where_there_is_no_gpu_the_line_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, built: Any, line: str):
    monkeypatch.setattr(torch.version, "cuda", built)
    with pytest.raises(InputError, match=f"^device: expected one of cpu, {line}"):
        torch_env(MARKETS["floors"], 2, "cuda")


def wrong(value: float) -> NDArray[np.float64]:
    """Actions with one wrong number."""
    actions = np.zeros((2, 5, 3))
    actions[1, 0, 2] = value
    return actions


@pytest.mark.parametrize("convert", [np.asarray, torch.tensor])
def test_wrong_calls_are_refused_in_one_line(convert: Any):
    env = torch_env(MARKETS["floors"], 2)
    with pytest.raises(InputError, match="call reset first"):
        env.step(torch.zeros(2, 5, 3))
    with pytest.raises(InputError, match="call reset first"):
        env.state()
    env.reset(seed=0)
    with pytest.raises(InputError, match=r"^actions: expected finite numbers of shape \(2, 5, 3\), got shape \(5, 3\)"):
        env.step(convert(np.zeros((5, 3))))
    with pytest.raises(InputError, match=r"^actions: expected finite numbers of shape \(2, 5, 3\), got nan at \[1, 0, 2\]$"):
        env.step(convert(wrong(np.nan)))
    grid = torch_env(MARKETS["floors"], 2, action_mode="discrete", levels=5)
    grid.reset(seed=0)
    for value in (0.5, -1, 5):
        with pytest.raises(InputError, match=r"^actions: expected whole numbers from 0 to 4, got"):
            grid.step(convert(wrong(value)))
    with pytest.raises(TypeError, match="render_mode"):
        torch_env(MARKETS["floors"], 2, render_mode="human")
    with pytest.raises(InputError, match="num_envs: expected a whole number >= 1, got 0"):
        torch_env(MARKETS["floors"], 0)


def test_where_nobody_waits_wrong_actions_count_as_0_and_a_later_step_refuses_them(small: Scenario):
    """The form that a GPU takes, on the processor."""
    env, plain = (torch_env(small, 2, penalty="none") for _ in range(2))
    env.reset(seed=0)
    plain.reset(seed=0)
    env._inner._on_device._is_waiting = False
    found, expected = env.step(torch.tensor(wrong(np.nan))), plain.step(torch.zeros(2, 5, 3))
    assert torch.equal(found[0], expected[0])
    for _ in range(2):
        with pytest.raises(InputError, match=r"^actions: expected finite numbers, got others in an earlier step \(reset"):
            env.step(torch.zeros(2, 5, 3))
    env.reset()
    env.step(torch.zeros(2, 5, 3))
