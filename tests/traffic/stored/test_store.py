"""Stored traffic: written and replayed piece by piece, with the totals of one piece."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from auctionsim import open_traffic, replay
from auctionsim.analysis.reports.report import write_report
from auctionsim.errors import InputError
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.training.train import train
from auctionsim.market import build as setup
from auctionsim.runs import Run
from auctionsim.scenario import TrafficSection
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.generator import make_traffic, query_names, stream_traffic
from auctionsim.traffic.profile import load_profile
from auctionsim.traffic.stored import writer as storing
from auctionsim.traffic.stored.store import StoredTraffic
from auctionsim.traffic.stored.writer import store_traffic

NAMES = ("impressions", "clicks", "conversions", "gmv", "cost")
SECTION = TrafficSection(
    source="synthetic", profile="plain", auctions_per_day=3000, queries=15, candidates=5, train_days=(0,), test_days=(1,)
)
SELLERS = tuple(f"seller_{i}" for i in range(7))


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoredTraffic:
    monkeypatch.setattr(storing, "_ROWS_AT_ONCE", 128)
    profile = load_profile("plain", None)
    return store_traffic(
        tmp_path / "day", SELLERS, query_names(SECTION), stream_traffic(SECTION, profile, len(SELLERS), 0, (0, 1))
    )


@pytest.mark.parametrize("outcomes", ["expected", "sampled"])
@pytest.mark.parametrize("slots", [(1.0,), (1.0, 0.5)])
def test_pieces_and_the_whole_give_the_same_bits(stored: StoredTraffic, outcomes: str, slots: tuple[float, ...]):
    theta = np.linspace(0.5, 1.5, 7 * 9).reshape(7, 1, 9)
    arguments = {"coefficients": theta, "slot_effect": slots, "budgets": 2.0, "outcomes": outcomes, "reserve": 0.01}
    pieces, whole = replay(stored, **arguments), replay(stored.table(), **arguments)
    assert stored.rows > 20 * 128
    for name in NAMES:
        assert (getattr(pieces, name) == getattr(whole, name)).all()
    assert pieces.cost.sum() > 0


def test_what_is_stored_is_the_generators_traffic_in_single_precision(stored: StoredTraffic):
    made, back = make_traffic(SECTION, load_profile("plain", None), SELLERS, 0), stored.table()
    assert back.days == made.days
    assert (back.advertiser == made.advertiser).all()
    assert (back.cell_start == made.cell_start).all()
    assert (back.query == made.query).all()
    np.testing.assert_allclose(back.pctr, made.pctr, rtol=1e-6)
    np.testing.assert_allclose(back.keyword_bid, made.keyword_bid, rtol=1e-6)
    assert stored.auctions == made.weight.sum()
    for day in made.days:
        cells = made.day == day
        counts = int(made.weight[cells].sum()), int(cells.sum()), int((made.row_day == day).sum())
        for traffic in (stored, made):
            assert (traffic.auctions_on(day), traffic.cells_on(day), traffic.candidates_on(day)) == counts


def test_a_folder_that_holds_files_is_left_alone(tmp_path: Path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="expected a new or empty folder"):
        store_traffic(tmp_path, SELLERS, ("q",), [])
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_failed_writer_leaves_nothing(tmp_path: Path):
    def broken():
        yield 0, 0, {"size": np.array([1])}

    with pytest.raises(KeyError):
        store_traffic(tmp_path / "day", SELLERS, ("q",), broken())
    assert list(tmp_path.iterdir()) == []


def test_a_torn_column_and_a_foreign_index_are_refused(stored: StoredTraffic):
    column = stored.folder / "pctr"
    column.write_bytes(column.read_bytes()[:-4])
    with pytest.raises(InputError, match=r"pctr: expected \d+ bytes for \d+ numbers, got \d+"):
        open_traffic(stored.folder)
    (stored.folder / "traffic.json").write_text(json.dumps({"format": "something-2"}))
    with pytest.raises(InputError, match="expected format auctionsim-traffic-1, got 'something-2'"):
        open_traffic(stored.folder)
    with pytest.raises(InputError, match="nowhere: expected a folder of stored traffic, got no such folder"):
        open_traffic(stored.folder / "nowhere")
    (stored.folder / "traffic.json").unlink()
    with pytest.raises(InputError, match="expected the index of stored traffic"):
        open_traffic(stored.folder)


def test_a_day_that_is_not_there_is_named(stored: StoredTraffic):
    with pytest.raises(InputError, match="day: expected one of 0, 1, got 5"):
        replay(stored, coefficients=np.ones((7, 1, 1)), day=5)


TRAINED_ON = """
name = "stored"
[traffic]
source = "SOURCE"
train_days = [0]
test_days = [1]
[mechanism]
reserve = 0.01
[[advertisers]]
group = "seller"
count = 7
budget = "baseline*0.8"
[learner]
population = 8
[train]
iterations = 3
"""


def test_training_on_stored_traffic_is_training_on_its_table(
    stored: StoredTraffic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = TRAINED_ON.replace("SOURCE", stored.folder.name)
    scenario = parse_scenario(text, "stored.toml", folder=tmp_path)
    runs = []
    for name, opened in (("pieces", open_traffic), ("table", lambda folder: open_traffic(folder).table())):
        monkeypatch.setattr(setup, "open_traffic", opened)
        runs.append(Run.create(tmp_path / name, scenario, text, seeds=(0,), command="test"))
        train(runs[-1], SerialPool(), lambda _: None)
    one, other = (run.load_checkpoint(3)[0] for run in runs)
    assert np.abs(one["mean"]).max() > 0
    assert all((one[name] == other[name]).all() for name in one)
    for table in ("outcomes", "benchmarks"):
        assert runs[0].table(table).equals(runs[1].table(table))
    assert runs[0].optional_table("collusion") is None
    assert write_report([runs[0]], tmp_path / "report").is_file()


def test_what_looks_at_single_auctions_wants_a_table(stored: StoredTraffic, tmp_path: Path):
    text = TRAINED_ON.replace("SOURCE", stored.folder.name).replace("[learner]", '[learner]\npolicy = "contextual"')
    scenario = parse_scenario(text, "stored.toml", folder=tmp_path)
    run = Run.create(tmp_path / "run", scenario, text, seeds=(0,), command="test")
    with pytest.raises(InputError, match=r"traffic.source: expected a table here, .* got the stored traffic"):
        train(run, SerialPool(), lambda _: None)


@pytest.mark.parametrize("slot_effect", [(1.0,), (1.0, 0.5)])
def test_cells_without_candidates_bring_nothing(tmp_path: Path, slot_effect: tuple[float, ...]):
    columns = {
        "size": np.array([2, 0, 1, 0]), "weight": np.array([1, 3, 2, 4]), "query": np.zeros(4), "market_ecpm": np.zeros(4),
        "advertiser": np.array([0, 1, 1]), "pctr": np.array([0.1, 0.2, 0.1]), "pcvr": np.full(3, 0.1),
        "item_price": np.full(3, 10.0), "keyword_bid": np.array([1.0, 0.25, 1.0]),
    }  # fmt: skip
    traffic = store_traffic(tmp_path / "day", ("a", "b"), ("query",), [(0, 0, columns)])
    outcome = replay(traffic, coefficients=np.ones((2, 1, 16)), slot_effect=slot_effect)
    assert outcome.impressions[0].T.tolist() == [[1.0, 2.0 + (len(slot_effect) > 1)]] * 16


@pytest.mark.parametrize(("name", "value", "said"), [
    ("weight", 2**31, r"column weight: expected whole numbers <= 2147483647 in stored traffic, got 2147483648"),
    ("pctr", 1e-60, r"column pctr: expected numbers >= 1.18e-38 in stored traffic \(single precision\), got 1e-60"),
])  # fmt: skip
def test_numbers_that_the_store_cannot_hold_are_refused(tmp_path: Path, name: str, value: float, said: str):
    columns = {"size": [1], "weight": [1], "query": [0], "market_ecpm": [0.0]}
    columns |= {"advertiser": [0], "pctr": [0.1], "pcvr": [0.1], "item_price": [1.0], "keyword_bid": [1.0]}
    arrays = {key: np.array([value] if key == name else held) for key, held in columns.items()}
    with pytest.raises(InputError, match=said):
        store_traffic(tmp_path / "day", ("a",), ("q",), [(0, 0, arrays)])
    assert not (tmp_path / "day").exists()
