"""`learner.device` of the evolution strategies: training on a GPU has the bytes of training on the processor.

Without a device, `tests/auction/cuda/test_simulator.py` runs these in numba's simulator.
"""

from __future__ import annotations

import numpy as np
import pytest
from numba import cuda

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import Arrays, iterate
from auctionsim.agents.learners.es import generations, on_device
from auctionsim.agents.learners.registry import make_learner
from auctionsim.scenario.file import parse_scenario

pytestmark = pytest.mark.skipif(not cuda.is_available(), reason="no CUDA device, and none is simulated")

TINY = """
name = "tiny"
[traffic]
auctions_per_day = 150
queries = 8
candidates = 3
train_days = [0]
test_days = [1]
[mechanism]
reserve = 0.01
[platform]
revenue_floor = 1.0
[[advertisers]]
group = "seller"
count = 4
budget = "baseline*0.4"
profit_floor = 1.0
[[advertisers]]
group = "paced"
count = 1
controller = "pid"
budget = "baseline*0.5"
[learner]
population = 4
[train]
iterations = 2
"""
CASES = {
    "macg-es": ("mechanism.slot_effect=[1.0, 0.5]",),
    "macg-es-sampled": ("mechanism.outcomes=sampled", 'mechanism.pricing="vcg"', 'learner.constraint="lagrangian"'),
    "macg-es-contextual": ('learner.policy="contextual"', "learner.hidden=2"),
    "openai-es": ('learner.sharing="group"', 'mechanism.pricing="first"'),
    "cma-es": ("learner.local_credit=false",),
}


def trained(device: str, algorithm: str, overrides: tuple[str, ...]) -> tuple[Arrays, dict[str, float]]:
    """The state after two iterations, and what the last one logged."""
    asked = [f'learner.algorithm="{algorithm}"', f'learner.device="{device}"', *overrides]
    market = build_market(parse_scenario(TINY, "tiny.toml", overrides=asked))
    learner = make_learner(market.scenario)
    state, logged = learner.start(market), {}
    for _ in range(2):
        state, logged = iterate(learner, market, state)
    return state, dict(logged)


@pytest.mark.parametrize("case", CASES)
def test_two_iterations_have_the_bytes_of_the_processor(case: str, monkeypatch: pytest.MonkeyPatch):
    # Several blocks, and several replays of them, where a population of this size has one.
    monkeypatch.setattr(generations, "_PAIRS_PER_TASK", 1)
    if case == "openai-es":
        monkeypatch.setattr(on_device, "_MOST_AT_ONCE", 1)
    algorithm = case if case in ("openai-es", "cma-es") else "macg-es"
    wanted, logged = trained("cpu", algorithm, CASES[case])
    found, logged_on_device = trained("cuda", algorithm, CASES[case])
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype
        assert (found[name] == array).all(), name
    # The fitness is no rank: a digit that differed would show.
    assert logged_on_device == logged
    assert np.isfinite(logged["fitness"])
    assert logged["step"] > 0
