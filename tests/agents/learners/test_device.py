"""`learner.device`: days on a device are those of the processor, an iteration too, and a device that is not there is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numba import cuda

from auctionsim.agents.build import build_market
from auctionsim.agents.device.days import DeviceDays
from auctionsim.agents.device.engine import HostEngine, engine_on
from auctionsim.agents.device.home import Home
from auctionsim.agents.learners.base import Learner, iterate, trained
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.learners.rl import ppo
from auctionsim.cli import main
from auctionsim.envs import torch_env
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.scenario.file import parse_scenario
from auctionsim.scenario.learner import CLEARED_ON_DEVICE

from ...conftest import SMALL

PACED = '[[advertisers]]\ngroup = "paced"\ncount = 2\ncontroller = "pid"\nbudget = "baseline*0.5"\n[learner]'
MARKETS = {
    "floors": (),
    "budgets": ('advertisers.0.budget="baseline*0.3"', "traffic.train_days=[0, 1, 2]", "traffic.test_days=[3]"),
    "sampled": ("mechanism.outcomes=sampled",),
    "one_learner": ("advertisers.0.count=1",),
}


def market_for(algorithm: str, *overrides: str) -> Market:
    """A small market of learners, with two others under a rule."""
    text = SMALL.replace("[learner]", PACED)
    asked = [f'learner.algorithm="{algorithm}"', "learner.population=4", *overrides]
    return build_market(parse_scenario(text, "small.toml", overrides=asked))


def on_device(learner: Learner) -> Any:
    """The same learner with its arrays on a device, which is the processor here."""
    learner._home = Home(torch.device("cpu"))  # type: ignore[attr-defined]
    return learner


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize("algorithm", ["ippo", "mappo"])
def test_days_played_at_once_on_a_device_are_those_played_one_by_one(algorithm: str, name: str):
    market = market_for(algorithm, *MARKETS[name])
    state, days = make_learner(market.scenario).start(market), market.scenario.traffic.train_days
    alone = [ppo.play_episode(market, state, ppo.Episode(day, 3)) for day in days]
    together = ppo._play(market, state, days, 3, Home(torch.device("cpu")))
    for part, axis in (("observations", 1), ("actions", 1), ("rewards", 1), ("revenue", 0), ("profit", 0)):
        expected = np.concatenate([getattr(one, part) for one in alone], axis=axis)
        found = getattr(together, part).tensor.numpy()
        assert found.dtype == expected.dtype
        # Networks of several rows at once may round otherwise, as torch does.
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5, err_msg=part)


@pytest.mark.parametrize("algorithm", ["ippo", "mappo"])
def test_a_step_on_a_device_is_that_of_the_processor_but_for_rounding(algorithm: str):
    # More steps would follow rounding: a rectifier on its kink, a gradient next to nothing.
    market = market_for(algorithm, "learner.ppo.epochs=1")
    plain, other = make_learner(market.scenario), on_device(make_learner(market.scenario))
    start = plain.start(market)
    expected, log = iterate(plain, market, start)
    found, logged = iterate(other, market, start)
    assert {name: (array.shape, array.dtype) for name, array in found.items()} == {
        name: (array.shape, array.dtype) for name, array in expected.items()
    }
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-3, atol=2e-5, err_msg=name)
    assert logged == pytest.approx(dict(log), rel=1e-4)
    assert any((found[name] != start[name]).any() for name in start if name.startswith("actor/"))


def test_a_device_learner_gives_no_tasks_to_workers_and_the_same_bytes_again():
    market = market_for("mappo")
    learner = on_device(make_learner(market.scenario))
    assert list(learner.ask(market, learner.start(market)).tasks) == []
    one, other = (trained(learner, market, 2) for _ in range(2))
    assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_ends_in_one_line_before_anything_is_written(
    small_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    asked = ["--set", 'learner.algorithm="ippo"', "--set", 'learner.device="cuda"']
    assert main(["train", str(small_file), "--out", str(tmp_path / "run"), *asked]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{small_file}: learner.device: expected one of cpu, got 'cuda' (torch ")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("algorithm", CLEARED_ON_DEVICE)
@pytest.mark.parametrize("command", ["train", "check"])
def test_an_evolution_strategy_without_its_device_ends_in_one_line_that_says_what_to_install(
    command: str, algorithm: str, small_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = ["--out", str(tmp_path / "run")] if command == "train" else []
    asked = ["--set", f'learner.algorithm="{algorithm}"', "--set", 'learner.device="cuda:0"']
    assert main([command, str(small_file), *out, *asked]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"{small_file}: learner.device: expected 'cpu', as no CUDA device was found; 'cuda:0' asks for an NVIDIA GPU with its "
        "driver and for pip install 'auctionsim[gpu]'"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(cuda.is_available(), reason="there is a GPU")
def test_tensors_on_a_gpu_without_what_clears_auctions_there_end_in_one_line():
    """A machine whose torch finds a GPU, and which has no extra `gpu`: nothing is moved to the processor silently."""
    market, gpu = market_for("ippo"), torch.device("cuda", 0)
    missing = "expected 'cpu', as no CUDA device was found; 'cuda:0' asks for an NVIDIA GPU with its driver and for pip install"
    with pytest.raises(InputError, match=f"^auctions_on: {missing} 'auctionsim"):
        engine_on(gpu, market, 2)
    with pytest.raises(InputError, match=f"^auctions_on: {missing} 'auctionsim"):
        torch_env(market, 2, auctions_on="cuda:0")
    with pytest.raises(
        InputError, match=r"^auctions_on: unknown 'cud'; choose from cpu, cuda, cuda:0 \(did you mean 'cuda'\?\)"
    ):
        torch_env(market, 2, auctions_on="cud")
    with pytest.raises(InputError, match=f"^small.toml: learner.device: {missing}"):
        DeviceDays(market, [0], 2, Home(gpu))
    assert isinstance(engine_on(gpu, market, 2, auctions_on="cpu"), HostEngine)


@pytest.mark.skipif(cuda.is_available(), reason="there is a GPU")
def test_an_evolution_strategy_on_a_device_gives_no_tasks_and_bids_without_it():
    market = market_for("macg-es", 'learner.device="cuda"', 'delays.distribution="exponential"', "delays.mean=2")
    learner = make_learner(market.scenario)
    state = learner.start(market)
    assert list(learner.ask(market, state).tasks) == []
    assert learner.policy(market, state).begin(market, 0, 1).act(market.day(0).state).shape == (7, 4, 1)
    with pytest.raises(InputError, match=r"^device: expected 'cpu', as no CUDA device"):
        iterate(learner, market, state)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_policy_learned_on_a_gpu_bids_without_one():
    market = market_for("ippo", 'learner.device="cuda"')
    learner = make_learner(market.scenario)
    state = learner.start(market)
    assert learner.policy(market, state).begin(market, 0, 1).act(market.day(0).state).shape == (7, 4, 1)
    with pytest.raises(InputError, match=r"^small.toml: learner.device: expected one of cpu, got 'cuda'"):
        iterate(learner, market, state)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ('learner.device="cuda"', 'learner.algorithm="maab"'),
            "device: expected 'cpu' with 'maab', got 'cuda' (only macg-es, openai-es, cma-es, ippo, mappo compute on a device)",
        ),
        (
            ('learner.device="cuda"', 'learner.policy="free"'),
            "device: expected 'cpu' with policy = 'free', got 'cuda' (a GPU clears formula and contextual)",
        ),
        (
            ('learner.device="gpu"', 'learner.algorithm="ippo"'),
            "learner.device: expected cpu, cuda or cuda:N, got 'gpu' (did you mean 'cpu'?)",
        ),
    ],
)
def test_wrong_devices_are_refused_with_the_scenario(overrides: tuple[str, ...], line: str):
    with pytest.raises(InputError) as raised:
        parse_scenario(SMALL, "small.toml", overrides=overrides)
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)
