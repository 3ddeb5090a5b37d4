"""A new pricing rule takes changes in three files: the reference, the kernel's prices, and the scenario's choices."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import auctionsim
from auctionsim.auction.kernel.prices import PRICINGS

PACKAGE = Path(auctionsim.__file__).parent

# The rule: halfway between the generalised second price and the own bid.
# Those that the house has, so that the test holds in one that has added a rule.
NAMES = ", ".join(f'"{name}"' for name in PRICINGS)
CHANGES = {
    "auction/reference.py": [
        (
            '        elif pricing == "first":\n',
            '        elif pricing == "halfway":\n'
            "            price = (max(score_at(slot + 1) / quality[i], reserve) + bids[i]) / 2\n"
            '        elif pricing == "first":\n',
        )
    ],
    "auction/kernel/prices.py": [
        (f"PRICINGS = ({NAMES})", f'PRICINGS = ({NAMES}, "halfway")'),
        (
            "    elif rules.pricing == FIRST:\n",
            f"    elif rules.pricing == {len(PRICINGS)}:\n"
            "        per_click = (max(scores[slot + 1, p] / quality, rules.reserve) + scores[slot, p] / quality) / 2\n"
            "    elif rules.pricing == FIRST:\n",
        ),
    ],
    "scenario/market.py": [(f"Literal[{NAMES}]", f'Literal[{NAMES}, "halfway"]')],
}

CHECK = """
import numpy as np
from auctionsim import load_scenario, replay
from auctionsim.auction.reference import replay_reference
from auctionsim.traffic.table import Traffic

scenario = load_scenario("small.toml", overrides=['mechanism.pricing="halfway"'])
assert scenario.mechanism.pricing == "halfway"
rng = np.random.default_rng(0)
n, buckets = 5, 40
rows = n * buckets
rates = dict(pctr=rng.uniform(0.01, 1, rows), pcvr=np.full(rows, 0.1), item_price=np.full(rows, 10.0))
zeros = np.zeros(buckets, dtype=np.int64)
traffic = Traffic(
    advertisers=tuple("abcde"), queries=("q",), day=zeros, hour=np.sort(rng.integers(0, 24, buckets)),
    weight=rng.integers(1, 9, buckets), query=zeros, cell_start=np.arange(0, rows + 1, n),
    advertiser=np.tile(np.arange(n), buckets), keyword_bid=rng.uniform(0, 2, rows),
    ctr=rates["pctr"], cvr=rates["pcvr"], market_ecpm=np.zeros(buckets), **rates,
)
budgets = np.array([np.inf, 5.0, 20.0, np.inf, 1.0])
for slot_effect in ((1.0,), (1.0, 0.6, 0.5)):
    rules = dict(pricing="halfway", slot_effect=slot_effect, reserve=0.2, budgets=budgets)
    expected = replay_reference(traffic, 0, traffic.keyword_bid, **rules)
    got = replay(traffic, coefficients=np.ones((n, 1, 1)), **rules)
    assert got.cost.sum() > 0
    for name, array in expected.items():
        np.testing.assert_allclose(getattr(got, name)[:, :, 0], array, rtol=1e-9, atol=1e-9)
"""


@pytest.mark.long
def test_a_new_pricing_rule_takes_three_files(tmp_path: Path, small_file: Path):
    copy = tmp_path / "auctionsim"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for name, changes in CHANGES.items():
        text = (copy / name).read_text()
        for old, new in changes:
            assert text.count(old) == 1
            text = text.replace(old, new)
        (copy / name).write_text(text)
    assert len(CHANGES) == 3
    assert small_file == tmp_path / "small.toml"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", CHECK], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
