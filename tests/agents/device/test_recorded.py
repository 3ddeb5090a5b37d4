"""Recorded formulas give what formulas give, in arrays of the caller's own, and do nothing that a recording does not allow.

There is no GPU where these tests run, so what records is one that computes again into the same tensors, as a CUDA graph does.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from auctionsim.agents.device import array
from auctionsim.agents.device.array import DeviceArray
from auctionsim.agents.device.recorded import Recorded, as_it_is, formulas_on
from auctionsim.envs import torch_env
from auctionsim.envs.markets import market_of
from auctionsim.envs.torch import env as module
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

ASKED = (
    'advertisers.0.budget="baseline*0.5"', 'advertisers.0.cpc_cap="baseline*0.9"', 'advertisers.0.cpa_cap="baseline*1.1"',
    "advertisers.0.roi_floor=0.2", 'advertisers.0.spend_floor="baseline*0.8"', "platform.self_bidder_floor=0.9",
)  # fmt: skip
OTHERS = '[[advertisers]]\ngroup = "plain"\ncount = 2\ncontroller = "manual"\n[learner]'
# What waits for a GPU, or is made in memory and copied to it.
FORBIDDEN = {"_local_scalar_dense", "nonzero", "lift_fresh", "lift_fresh_copy", "equal", "masked_select", "_unique2"}


class Watched(TorchDispatchMode):
    """Refuses operations that a recording does not allow, and counts the others."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        assert name not in FORBIDDEN, name
        self.count += 1
        return func(*args, **(kwargs or {}))


def recording(counts: list[int]) -> Callable[..., Any]:
    """A function that records as a GPU does: what is made at first use is made before, and outputs stay where they are."""

    def record(compute: Callable[[], list[torch.Tensor]]) -> Any:
        compute()
        with Watched() as watched:
            outputs = compute()
        counts.append(watched.count)

        def replay() -> None:
            for output, fresh in zip(outputs, compute(), strict=True):
                output.copy_(fresh)

        return replay, outputs

    return record


def market() -> Any:
    return market_of(parse_scenario(SMALL.replace("[learner]", OTHERS), "x.toml", overrides=ASKED))


@pytest.mark.parametrize("arguments", [{}, {"same_day": True}, {"reward": "vector", "max_cycles": 5, "penalty": "linear"}])
def test_recorded_formulas_score_and_observe_as_they_do_one_by_one(monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any]):
    counts: list[int] = []
    # The branches that a GPU takes.
    monkeypatch.setattr(array, "_EXACT", ())
    plain = torch_env(market(), 4, autoreset_mode="SAME_STEP", **arguments)
    monkeypatch.setattr(module, "formulas_on", lambda _: partial(Recorded, record=recording(counts)))
    env = torch_env(plain.market, 4, autoreset_mode="SAME_STEP", **arguments)
    assert torch.equal(plain.reset(seed=0)[0], env.reset(seed=0)[0])
    draw = torch.Generator().manual_seed(0)
    kept = []
    for _ in range(60):
        actions = torch.rand(4, 5, 3, generator=draw) * 2 - 1
        expected, found = plain.step(actions), env.step(actions)
        assert all(torch.equal(left, right) for left, right in zip(expected[:4], found[:4], strict=True))
        for name in ("objectives", "costs", "violations", "limits", "final_obs"):
            assert name not in expected[4] or torch.equal(expected[4][name], found[4][name])
        kept += [(one, one.clone()) for one in (*found[:2], found[4]["violations"])]
    assert all(torch.equal(one, copy) for one, copy in kept)
    # Formulas of an hour, of a last hour, of observations and of violations: few recordings, each of many operations.
    assert 3 <= len(counts) <= 8
    assert min(counts) > 20


def test_a_recording_follows_terms_and_shapes():
    counts: list[int] = []
    formula = Recorded(lambda terms, one, other: one * terms["scale"] if other is None else one + other, recording(counts))
    one, two = (DeviceArray(torch.full((3,), value)) for value in (1.0, 2.0))
    terms, others = {"scale": two}, {"scale": one}
    assert formula(terms, two, None).tensor.tolist() == [4.0] * 3
    assert formula(others, two, None).tensor.tolist() == [2.0] * 3
    assert formula(terms, one, None).tensor.tolist() == [2.0] * 3
    assert len(counts) == 1
    assert formula(terms, one, two).tensor.tolist() == [3.0] * 3
    assert formula({"scale": DeviceArray(torch.ones(1))}, one, None).tensor.tolist() == [1.0] * 3
    assert formula({"scale": one, "name": "a"}, one, None).tensor.tolist() == [1.0] * 3
    assert len(counts) == 4


def test_what_a_recording_does_not_allow_is_found():
    formula = Recorded(lambda _, one: one + np.ones(3), recording([]))
    with pytest.raises(AssertionError, match="lift_fresh"):
        formula({}, DeviceArray(torch.ones(3)))


def test_formulas_are_recorded_on_gpus_alone_and_copies_record_anew():
    assert formulas_on(torch.device("cpu")) is as_it_is
    made = formulas_on(torch.device("cuda", 1))(np.add)
    copied = pickle.loads(pickle.dumps(made))
    assert isinstance(made, Recorded)
    assert isinstance(copied, Recorded)
    assert copied._recordings == {}
