"""A stored day whose pieces lie with workers is the day cleared in order, to the bit, also when a worker dies."""

from __future__ import annotations

import json
import os
import pickle
import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from auctionsim import replay
from auctionsim.auction import sources
from auctionsim.auction.day import DayReplay, run_day
from auctionsim.auction.outcome import OUTCOMES, Outcome
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import StoreSource, TableSource
from auctionsim.cli import main
from auctionsim.jobs.distributed import day_in_pieces
from auctionsim.jobs.distributed.cluster import Pool, SerialPool, open_pool
from auctionsim.jobs.distributed.day_in_pieces import DayInPieces, PieceWorker
from auctionsim.scenario import TrafficSection
from auctionsim.traffic.generator import query_names, stream_traffic
from auctionsim.traffic.profile import load_profile
from auctionsim.traffic.stored.store import StoredTraffic, open_traffic
from auctionsim.traffic.stored.writer import store_traffic

from ..test_cluster import pytestmark as ray_marks

ADVERTISERS = 8
RULES = Rules(reserve=0.01, slot_effect=(1.0, 0.6), pricing="gsp")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> StoredTraffic:
    """A stored day of about 20,000 auctions in chunks of some hundreds."""
    section = TrafficSection(auctions_per_day=20_000, queries=20, candidates=4, train_days=(0,), test_days=(1,), days=2)
    parts = stream_traffic(section, load_profile("plain", None), ADVERTISERS, 0, (0,))
    small = (
        (
            day,
            hour,
            {
                name: array[cut[0] : cut[1]] if name in ("size", "weight", "query", "market_ecpm") else array[cut[2] : cut[3]]
                for name, array in columns.items()
            },
        )
        for day, hour, columns in parts
        for cut in cuts(columns["size"], 300)
    )
    names = tuple(f"advertiser-{i}" for i in range(ADVERTISERS))
    folder = tmp_path_factory.mktemp("day") / "stored"
    return store_traffic(folder, names, query_names(section), small)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of some hundred candidates, several to an hour, each read in parts."""
    monkeypatch.setattr(day_in_pieces, "_ROWS", 400)
    monkeypatch.setattr(sources, "_ROWS_OF_A_PART", 150)


def cuts(size: np.ndarray, cells: int) -> list[tuple[int, int, int, int]]:
    row = np.append(0, np.cumsum(size))
    edges = [*range(0, len(size), cells), len(size)]
    return [(a, b, int(row[a]), int(row[b])) for a, b in pairwise(edges)]


def theta() -> np.ndarray:
    bids = np.zeros((ADVERTISERS, 4, 2))
    bids[:, 3] = np.linspace(0.8, 1.2, 2)
    return bids


def in_order(stored: StoredTraffic, budgets: np.ndarray, rules: Rules = RULES) -> Outcome:
    return run_day(DayReplay(StoreSource(stored, rules), 0, rules, policies=2, budgets=budgets), lambda _: theta())


def in_pieces(
    pool: Pool, workers: int, stored: StoredTraffic, budgets: np.ndarray, rules: Rules = RULES
) -> tuple[Outcome, DayInPieces]:
    source = StoreSource(stored, rules)
    clearer = DayInPieces(pool, workers, source, rules, 2)
    clearer.warm_up(0)
    try:
        day = DayReplay(source, 0, rules, policies=2, budgets=budgets, clearer=clearer)
        return run_day(day, lambda _: theta()), clearer
    finally:
        clearer.close()


def tight(stored: StoredTraffic, share: float = 0.4) -> np.ndarray:
    return share * in_order(stored, np.full((ADVERTISERS, 2), np.inf)).cost.sum(axis=0)


def assert_same(one: Outcome, other: Outcome) -> None:
    for name in OUTCOMES:
        assert (getattr(one, name) == getattr(other, name)).all(), name


@pytest.mark.parametrize("outcomes", ["expected", "sampled"])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_pieces_give_the_bytes_of_the_day_in_order_whatever_runs_out(stored: StoredTraffic, workers: int, outcomes: str):
    rules = Rules(reserve=0.01, slot_effect=(1.0, 0.6), outcomes=outcomes)
    budgets = tight(stored)
    wanted = in_order(stored, budgets, rules)
    assert (wanted.cost.sum(axis=0) > 0.99 * budgets).all(), "all run out"
    found, clearer = in_pieces(SerialPool(), workers, stored, budgets, rules)
    assert_same(found, wanted)
    effort = clearer.effort
    assert effort.windows >= 24
    assert (effort.rounds > effort.windows) == (workers > 1)
    assert effort.ranked == 2 * stored.cells_on(0)


def test_a_stored_day_gives_the_bytes_of_its_table_in_memory(stored: StoredTraffic):
    given = {"coefficients": theta()[:, 3:], "budgets": tight(stored), "slot_effect": (1.0, 0.6), "reserve": 0.01}
    for threads in (1, 2):
        assert_same(replay(stored, threads=threads, **given), replay(stored.table(), **given))


def test_what_travels_does_not_grow_with_the_auctions(stored: StoredTraffic, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(day_in_pieces, "_ROWS", 10**9)
    free = np.full((ADVERTISERS, 2), np.inf)
    _, clearer = in_pieces(SerialPool(), 2, stored, free)
    # 24 hours, two pieces, one round; of each account 32 + 8 numbers out, and 5 back.
    accounts = ADVERTISERS * 2
    assert clearer.effort.rounds == 24
    assert clearer.bytes_sent < 1.5 * 24 * 2 * accounts * (4 + 8 + 1 + 5) * 8


def test_many_policies_or_slots_make_smaller_pieces_so_that_rankings_take_no_more_memory(
    stored: StoredTraffic, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(day_in_pieces, "_ROWS", 10**9)
    free = np.full((ADVERTISERS, 2), np.inf)
    # Two policies, three places of which the last sets a price.
    monkeypatch.setattr(day_in_pieces, "MOST_RANKINGS", 600)
    found, clearer = in_pieces(SerialPool(), 2, stored, free)
    cells = [stored.size_of(0, hour)[0] for hour in range(24)]
    assert clearer.effort.windows == sum(-(-n * 6 // 1200) for n in cells)
    assert_same(found, in_order(stored, free))


@pytest.mark.parametrize("rows", [1, 7, 150, 1100, 10**6])
def test_parts_of_chunks_are_the_chunks_and_lie_in_one_place(stored: StoredTraffic, rows: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sources, "_ROWS_OF_A_PART", rows)
    whole = StoreSource(stored, RULES)
    parts = pickle.loads(pickle.dumps(whole.in_parts()))
    largest, sizes = 0, []
    for hour in (0, 13):
        read = [(one.features.copy(), one.advertiser.copy()) for _, one, *_ in whole.chunks(0, hour)]
        cut, weights = [], []
        for chunk in parts.chunks(0, hour):
            cut.append((chunk.candidates.features.copy(), chunk.candidates.advertiser.copy()))
            assert chunk.first_index == sum(map(len, weights))
            weights.append(chunk.buckets.weight)
            sizes.append(len(chunk.candidates.advertiser))
            largest = max(largest, int(np.diff(chunk.buckets.start).max()))
        for k in (0, 1):
            assert np.concatenate([one[k] for one in cut]).tobytes() == np.concatenate([one[k] for one in read]).tobytes()
        assert (
            np.concatenate(weights).tobytes() == np.concatenate([one.buckets.weight for one in whole.chunks(0, hour)]).tobytes()
        )
    assert min(sizes) > 0
    assert max(sizes) < rows + largest or rows > max(sizes)
    places = {chunk.candidates.features.ctypes.data for chunk in parts.chunks(0, 13)}
    assert len(places) == 1
    assert len(pickle.dumps(parts)) < len(pickle.dumps(whole)) + 500, "the memory travels to no worker"


def test_a_part_of_an_hour_reads_the_same_buckets_stored_as_in_memory(stored: StoredTraffic):
    source, table = StoreSource(stored, RULES), TableSource(stored.table(), RULES)
    hour = 13
    assert source.size_of(0, hour) == table.size_of(0, hour)
    assert source.auctions(0, hour) == table.auctions(0, hour)
    n = source.size_of(0, hour)[0]
    assert n > 600, "several chunks"
    for within in ((0, n), (0, 1), (299, 301), (300, 600), (17, n - 5), (n - 1, n)):
        rows = {}
        for name, one in (("stored", source), ("table", table)):
            found = []
            for chunk in one.chunks(0, hour, within):
                for bucket in range(chunk.first_bucket, chunk.last_bucket):
                    part = slice(int(chunk.buckets.start[bucket]), int(chunk.buckets.start[bucket + 1]))
                    index = chunk.first_index + bucket - chunk.first_bucket
                    found.append((index, *(array[part].tobytes() for array in chunk.candidates)))
            rows[name] = found
        assert [row[0] for row in rows["stored"]] == list(range(*within))
        assert rows["stored"] == rows["table"]


class WorkerThatDies(PieceWorker):
    """Kills its process the first time that it is to settle again, then lives."""

    def again(self, number: int, opening: np.ndarray) -> day_in_pieces.Settled | None:
        mark = Path(self._source._stored.folder.parent / "has-died")  # type: ignore[attr-defined]
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().again(number, opening)


class TestOnRay:
    """On real workers."""

    pytestmark = ray_marks

    @pytest.mark.long
    def test_two_workers_give_the_same_bytes_also_when_one_is_killed_between_two_rounds(
        self, stored: StoredTraffic, monkeypatch: pytest.MonkeyPatch
    ):
        budgets = tight(stored)
        wanted = in_order(stored, budgets)
        with open_pool(2) as pool:
            found, _ = in_pieces(pool, 2, stored, budgets)
            assert_same(found, wanted)
            monkeypatch.setattr(day_in_pieces, "PieceWorker", WorkerThatDies)
            found, _ = in_pieces(pool, 2, stored, budgets)
        assert (stored.folder.parent / "has-died").exists()
        assert_same(found, wanted)

    @pytest.mark.long
    def test_bench_compares_workers_with_one_core(self, stored: StoredTraffic, capsys: pytest.CaptureFixture[str]):
        command = ["bench", "--day", str(stored.folder), "--budget", "0.5", "--json"]
        assert main([*command, "--workers", "2"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["in_pieces"]["sha256"] == found["sha256"]
        assert found["in_pieces"]["workers"] == 2
        assert found["budgets_spent"] > 0.8
        assert main(command) == 0
        assert json.loads(capsys.readouterr().out)["sha256"] == found["sha256"]


def test_bench_refuses_a_budget_of_nothing(stored: StoredTraffic, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "--day", str(stored.folder), "--budget", "0"]) == 2
    assert "--budget: expected a number > 0, got 0" in capsys.readouterr().err


def test_an_index_that_claims_other_ends_of_a_column_is_told(stored: StoredTraffic, tmp_path: Path):
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in stored.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    index = json.loads((folder / "traffic.json").read_text())
    assert all(len(ends) == 10 for ends in index["ends"])
    index["ends"][0][1] /= 2
    index.pop("checksums"), index.pop("checksum")
    (folder / "traffic.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match="ends: expected .* a file has changed"):
        replay(open_traffic(folder, verify=False), coefficients=theta()[:, 3:])
    del index["ends"]
    (folder / "traffic.json").write_text(json.dumps(index))
    older = replay(open_traffic(folder), coefficients=theta()[:, 3:])
    assert_same(older, replay(stored, coefficients=theta()[:, 3:]))
