"""Engines whose auctions are cleared on a CUDA device give what the processor's does, to the bit.

Without a device, `tests/auction/cuda/test_simulator.py` runs these in numba's simulator, whose device is memory: tensors are on
the processor in both cases.
"""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from numba import cuda

from auctionsim.agents.device import days as device_days
from auctionsim.agents.device.days import DeviceDays
from auctionsim.agents.device.engine import HostEngine, TensorEngine, engine_on
from auctionsim.agents.device.home import Home
from auctionsim.agents.device.resident import ResidentEngine, needs_host
from auctionsim.auction import units
from auctionsim.auction.kernel.arguments import CHARGE_SCALE, LEDGER_COLUMNS, SPENDABLE
from auctionsim.auction.kernel.ledger import NO_LIMIT, money_left, write_scales
from auctionsim.auction.outcome import COST, OUTCOMES
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource
from auctionsim.envs import torch_env
from auctionsim.envs.markets import market_of
from auctionsim.market.market import Market
from auctionsim.scenario.file import parse_scenario

from ...auction.cuda.test_days import small_windows  # noqa: F401  (a fixture)
from ...auction.test_windows import random_market

pytestmark = pytest.mark.skipif(not cuda.is_available(), reason="no CUDA device, and none is simulated")

TINY = """
name = "tiny"
[traffic]
auctions_per_day = 60
queries = 5
candidates = 3
train_days = [0, 1]
test_days = [2]
[mechanism]
reserve = 0.01
slot_effect = [1.0, 0.5]
[[advertisers]]
group = "seller"
count = 4
budget = "baseline*0.4"
"""
MORE = {
    "rules": """
[[advertisers]]
group = "paced"
count = 1
controller = "pid"
budget = "baseline*0.5"
""",
    "accounts": """
[[accounts]]
account = "acme"
budget = "baseline*0.4"
[[advertisers]]
group = "campaign"
count = 2
account = "acme"
""",
    "prices": """
[information]
regime = "winning-price"
[learner]
global_weight = 0.0
""",
}
"""Sections after which something happens between hours that the host computes."""
COPIES = 4
HERE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def tiny(*overrides: str, more: str = "") -> Market:
    """A market of a few auctions an hour whose budgets run out."""
    return market_of(parse_scenario(TINY + more, "tiny.toml", overrides=overrides))


MARKETS = {
    "expected": tiny(),
    "sampled": tiny("mechanism.outcomes=sampled", 'mechanism.pricing="vcg"', "traffic.auctions_per_day=150"),
    "clipped": tiny("mechanism.slot_effect=[1.0]", "mechanism.bid_floor=0.05", "mechanism.bid_cap=1.5"),
}


def bids(market: Market, hour: int) -> torch.Tensor:
    """Coefficients of an hour: of other sizes, so that units change, and now and then beyond what can be screened."""
    rng = np.random.default_rng([5, hour])
    theta = rng.uniform(0.0, 2.0, (len(market.advertisers), 4, COPIES)) * 10.0 ** rng.integers(-1, 2, (1, 1, COPIES))
    if hour % 5 == 2:
        theta[:, :, 1] *= 1e-30
    return torch.from_numpy(theta).to(HERE)


def played(engine: TensorEngine, market: Market) -> list[torch.Tensor]:
    """What is returned by each step while copies begin days together, are stopped and begin another day in the middle."""
    engine.begin(np.arange(COPIES), np.array([0, 0, 1, 0]), [1, 2, 1, 3])
    found: list[torch.Tensor] = []
    for hour in range(31):
        if hour == 5:
            engine.stop(np.array([1]))
        if hour == 7:
            engine.begin(np.array([1, 2]), np.array([1, 0]), [4, 5])
        if hour == 9:
            engine = pickle.loads(pickle.dumps(engine))
        if hour == 24:
            # All on one day, as copies are that never leave each other.
            engine.begin(np.arange(COPIES), np.array([1] * COPIES), [1, 2, 1, 3])
        found += engine.step(bids(market, hour))
    return [one.cpu() for one in found]


def expect_same(wanted: list[torch.Tensor], found: list[torch.Tensor]) -> None:
    assert len(found) == len(wanted)
    for step, (left, right) in enumerate(zip(wanted, found, strict=True)):
        assert left.dtype == right.dtype
        assert torch.equal(left, right), step // 2


@pytest.fixture
def cleared(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """An entry for each call that clears auctions on the device."""
    from auctionsim.auction.cuda.windows import Windows

    calls, replay = list[None](), Windows.replay
    monkeypatch.setattr(Windows, "replay", lambda *arguments: calls.append(replay(*arguments)))
    return calls


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("name", MARKETS)
def test_copies_that_begin_stop_and_are_copied_come_out_as_on_the_processor(name: str, cleared: list[None]):
    market = MARKETS[name]
    wanted = played(HostEngine(market, COPIES, HERE), market)
    assert not needs_host(market)
    assert not cleared
    engines: dict[str, Any] = {
        "accounts in memory": HostEngine(market, COPIES, HERE, auctions_on="cuda"),
        "accounts on the device": ResidentEngine(market, COPIES, HERE, 0),
    }
    for engine in engines.values():
        expect_same(wanted, played(engine, market))
        assert len(cleared) > 24
        cleared.clear()
    # Had no budget run out and nobody won, nothing would have been compared.
    limits = torch.from_numpy(market.budgets)[:, None]
    assert (torch.stack(wanted[1::2]).amin(0) < 0.01 * limits).any()
    assert all(totals.any() for totals in wanted[::2])


def test_a_day_that_is_pickled_goes_on_on_the_device(cleared: list[None]):
    market = MARKETS["expected"]
    day = market.day(0, COPIES, local_credit=True, device="cuda")
    theta = bids(market, 0).cpu().numpy()
    day.step(theta)
    other = pickle.loads(pickle.dumps(day))
    cleared.clear()
    wanted, of_day = day.step(theta), len(cleared)
    found = other.step(theta)
    assert len(cleared) == 2 * of_day > 0
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(other.local_credit, day.local_credit)
    assert found.any()


def test_what_is_left_of_budgets_is_what_the_processor_says_at_the_edge_of_exhaustion_too():
    from auctionsim.auction.cuda.kernels.arguments import LEDGER_ROWS, Book
    from auctionsim.auction.cuda.kernels.ledger import collect_step
    from auctionsim.auction.cuda.launch import over_policies_and

    rng, shape = np.random.default_rng(4), (3, 5)
    scale, budgets = 2.0 ** rng.integers(10, 30, shape), rng.choice([np.inf, 3.0, 0.7, 0.0], shape)
    ledger = rng.integers(0, 1000, (*shape, LEDGER_COLUMNS))
    # Around the least cost that counts as exhausted, which is put elsewhere than where budgets put it.
    ledger[:, :, SPENDABLE] = np.where(np.isinf(budgets), NO_LIMIT, np.minimum(budgets, 9.0) * scale * 0.8)
    ledger[:, :, COST] = np.where(np.isinf(budgets), 5, ledger[:, :, SPENDABLE] + rng.integers(-1, 2, shape))
    rows = np.zeros((LEDGER_ROWS, *shape), np.int64)
    rows[: SPENDABLE + 1] = np.moveaxis(ledger, 2, 0)[: SPENDABLE + 1]
    book = Book(cuda.to_device(rows), cuda.to_device(scale), cuda.to_device(np.array([1.0, 2.0, 4.0, 8.0])))
    ledger.view(np.float64)[:, :, CHARGE_SCALE] = scale
    wanted, step, found = np.empty(shape), np.empty((3, len(OUTCOMES), 5)), np.empty(shape)
    money_left(ledger, ledger.view(np.float64), budgets, wanted)
    collect_step[over_policies_and(*shape)](np.zeros(shape, np.int64), budgets, book, step, found)
    np.testing.assert_array_equal(found, wanted)
    assert len(np.unique(found)) > 4


def test_a_step_copies_nothing_to_the_host(monkeypatch: pytest.MonkeyPatch):
    market, copied = MARKETS["sampled"], []
    engine = ResidentEngine(market, COPIES, HERE, 0)
    engine.begin(np.arange(COPIES), np.array([0, 0, 1, 0]), [1, 2, 1, 3])
    engine.step(bids(market, 0))
    kind = type(cuda.device_array(1))
    monkeypatch.setattr(kind, "copy_to_host", lambda *_, **__: copied.append(1))
    engine.step(bids(market, 1))
    assert not copied
    assert cuda.device_array(1).copy_to_host() is None
    assert copied


def test_units_chosen_on_the_device_are_those_of_the_processor():
    from auctionsim.auction.cuda.kernels.units import write_scales as on_device
    from auctionsim.auction.cuda.launch import over_rows

    rng = np.random.default_rng(2)
    for number in range(6):
        pricing, outcomes = ("gsp", "vcg", "first")[number % 3], ("expected", "sampled")[number // 3]
        bounds = (0.05, 2.0) if number % 2 else (0.0, np.inf)
        rules = Rules.checked((1.0, 0.5), pricing, 0.1, 0.5, outcomes, *bounds)
        largest = TableSource(random_market(rng), rules).largest(0)
        shape = 1 if number == 5 else 4, 4, 6
        theta = 10.0 ** rng.uniform(-20, 15, shape) * (rng.random(shape) < 0.6)
        theta[rng.integers(shape[0])] = theta[0]
        # Some at the edges of what can be screened.
        theta[:, :, 0], theta[0, 1, 1], theta[0, 1, 2] = 1.0, 1e-18, np.nextafter(1e18, 2e18)
        wanted, found = np.empty((shape[0], shape[2])), np.empty((shape[0], shape[2]))
        write_scales(theta, largest.phi, units.kernel_bounds(largest, rules), wanted)
        singles = np.full(2 * 8, 7.0, np.float32)
        on_device[over_rows(shape[2])](theta, largest.phi, units.kernel_bounds(largest, rules), found, singles)
        np.testing.assert_array_equal(found, wanted)
        is_right = (theta == 0.0) | ((theta >= 1e-18) & (theta <= 1e18))
        np.testing.assert_array_equal(singles, [7.0] * 8 + is_right.all(axis=(0, 1)).tolist() + [7.0] * 2)


@pytest.mark.parametrize("kind", ["sampled", *MORE])
def test_environments_are_those_of_the_processor_and_so_are_their_copies(kind: str):
    market = tiny(more=MORE[kind]) if kind in MORE else MARKETS[kind]
    engine = engine_on(HERE, market, 3, auctions_on="cuda")
    assert isinstance(engine, HostEngine if kind in MORE else ResidentEngine)
    envs = [torch_env(market, 3, HERE, auctions_on=where, autoreset_mode="SAME_STEP") for where in ("cpu", "cuda")]
    draw = torch.Generator().manual_seed(0)
    seen = [env.reset(seed=3)[0] for env in envs]
    assert torch.equal(*seen)
    for hour in range(27):
        if hour == 10:
            envs[1] = copy.deepcopy(envs[1])
        actions = torch.rand(3, len(envs[0].agents), 3, generator=draw) * 2 - 1
        wanted, found = (env.step(actions.to(HERE)) for env in envs)
        for left, right in zip(wanted[:4], found[:4], strict=True):
            assert torch.equal(left, right)
        assert wanted[4].keys() == found[4].keys()
        assert all(torch.equal(wanted[4][key], found[4][key]) for key in wanted[4].keys() - {"final_info"})
    assert wanted[4]["objectives"].any()


def test_days_of_a_rollout_are_those_of_the_processor(monkeypatch: pytest.MonkeyPatch):
    market, home = MARKETS["expected"], Home(HERE)
    played_days = []
    for where in ("cpu", "cuda"):
        monkeypatch.setattr(device_days, "engine_on", partial(engine_on, auctions_on=where))
        days = DeviceDays(market, [0, 1], 2, home)
        for hour in range(6):
            days.step(home.of_tensor(bids(market, hour)))
        played_days.append(days)
    wanted, found = played_days
    assert torch.equal(wanted.cumulative.tensor, found.cumulative.tensor)
    assert torch.equal(wanted.state.budget_left.tensor, found.state.budget_left.tensor)
