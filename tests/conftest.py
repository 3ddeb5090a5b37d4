"""What several tests share: small markets and scenarios."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from auctionsim.analysis.documents import sections
from auctionsim.extras import EXTRA_OF, MissingExtra, is_installed
from auctionsim.files import write_text
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.table import Traffic

from .logs import JOINED, impressions, tsv

# A machine that is busy with something else must not fail a property.
settings.register_profile("auctionsim", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("auctionsim")

# Ray reads it when it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

FEWER = "AUCTIONSIM_FEWER_EXAMPLES"
"""The variable by which `make test` asks for fewer cases."""


def fewer(cases: int) -> int:
    """Return how many cases a property test draws: by `make test`, whose cases are the same each time, a quarter of them."""
    return max(50, cases // 4) if os.environ.get(FEWER) else cases


SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Write empty pictures, but in tests marked `figures`: drawing them takes most of a report's time."""

    def written(_: object, folder: Path, name: str) -> str:
        write_text(folder / f"{name}.svg", "<svg/>")
        write_text(folder / f"{name}.png", "")
        return "<svg/>"

    if request.node.get_closest_marker("figures") is None:
        monkeypatch.setattr(sections, "save_figure", written)


SMALL = """
name = "small"
[traffic]
auctions_per_day = 600
queries = 20
candidates = 4
train_days = [0, 1]
test_days = [2, 3]
[mechanism]
reserve = 0.01
[platform]
revenue_floor = 1.0
[[advertisers]]
group = "seller"
count = 5
profit_floor = 1.0
[learner]
own_weight = 0.1
population = 8
[train]
iterations = 6
checkpoint_every = 2
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """How often the fault suite kills a run: a few times in the suite, 50 and more by `make soak`."""
    parser.addoption("--kills", type=int, default=3)
    parser.addoption("--base", action="store_true", help="skip what needs an extra that is not installed, instead of failing")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """With --base, skip a module that cannot be imported without a missing extra."""
    report = yield
    missing = "|".join(name for name in EXTRA_OF if not is_installed(name))
    is_lacking = re.search(rf"MissingExtra: |No module named '(?:{missing})[.']", str(report.longrepr)) is not None
    if report.failed and missing and is_lacking and collector.config.getoption("--base"):
        report.outcome, report.longrepr = "skipped", (str(collector.path), 0, "Skipped: needs a missing extra")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """With --base, skip a test that comes to a missing extra; without it such a test fails, as every extra is installed."""
    try:
        yield
    except MissingExtra as missing:
        if not item.config.getoption("--base"):
            raise
        pytest.skip(str(missing))


@pytest.fixture
def small_text() -> str:
    return SMALL


@pytest.fixture
def small() -> Scenario:
    return parse_scenario(SMALL, "small.toml")


@pytest.fixture
def small_file(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def shared_data() -> Path:
    if not (SHARED_DATA / "alimama_traffic").is_dir():
        pytest.skip("the public data files are not beside the repository (../shared/data)")
    return SHARED_DATA


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    """iPinYou's joined log of three days."""
    path = tmp_path / "train.log.txt"
    path.write_text(tsv(impressions(), JOINED, header=True))
    return path


def make_market(
    sizes: list[int],
    hours: list[int],
    weights: list[int],
    advertiser: list[int],
    pctr: list[float],
    keyword_bid: list[float],
    n_advertisers: int,
    *,
    pcvr: float = 0.1,
    item_price: float = 10.0,
    market_ecpm: list[float] | None = None,
) -> Traffic:
    """A traffic table of one day written out by hand."""
    n_rows = len(advertiser)
    return Traffic(
        advertisers=tuple(f"a{i}" for i in range(n_advertisers)),
        queries=("q",),
        day=np.zeros(len(sizes), dtype=np.int64),
        hour=np.array(hours, dtype=np.int64),
        weight=np.array(weights, dtype=np.int64),
        query=np.zeros(len(sizes), dtype=np.int64),
        cell_start=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        advertiser=np.array(advertiser, dtype=np.int64),
        pctr=np.array(pctr, dtype=np.float64),
        pcvr=np.full(n_rows, pcvr),
        item_price=np.full(n_rows, item_price),
        keyword_bid=np.array(keyword_bid, dtype=np.float64),
        ctr=np.array(pctr, dtype=np.float64),
        cvr=np.full(n_rows, pcvr),
        market_ecpm=np.zeros(len(sizes)) if market_ecpm is None else np.array(market_ecpm, dtype=np.float64),
    )
