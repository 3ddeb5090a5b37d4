"""What screens say of innocent logs, of rings, and of logs that they cannot judge."""

from __future__ import annotations

import dataclasses
import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.analysis.screens.competition import fitted
from auctionsim.analysis.screens.entry import Entry, entry_drop
from auctionsim.analysis.screens.innocent import CASES
from auctionsim.analysis.screens.log import BidLog, unit_of
from auctionsim.analysis.screens.measures import MEASURES
from auctionsim.analysis.screens.read import parsed_columns, read_bids
from auctionsim.analysis.screens.rings import RINGS, ring_of
from auctionsim.analysis.screens.screen import GAP, Screen, _with_flags, p_value, screen
from auctionsim.analysis.screens.text import as_dict, lines_of
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.ratios import NotDefined
from auctionsim.streams import stream

from .logs import log_of, market


def csv_of(log: BidLog, path: Path) -> Path:
    row, column = np.nonzero(log.exists)
    table = {
        "auction": row,
        "bidder": [log.bidders[i] for i in log.who[row, column]],
        "bid": log.bid[row, column],
        "reserve": log.reserve[row],
    }
    pl.DataFrame(table).write_csv(path)
    return path


def test_p_values_count_draws_on_their_side():
    null = np.array([1.0, 2.0, 3.0, np.nan])
    assert p_value(0.0, null, "low") == 1 / 4
    assert p_value(2.0, null, "low") == 3 / 4
    assert p_value(9.0, null, "high") == 1 / 4
    assert p_value(9.0, null, "both") == 2 / 4
    assert p_value(2.0, null, "both") == 1.0


def test_flags_pay_for_the_number_of_screens():
    def flags(*shares: float | None) -> list[bool]:
        found = [Screen("x", "", 1.0, NotDefined("none") if share is None else share) for share in shares]
        return [one.flagged for one in _with_flags(found)]

    # Holm: 0.05 / 3, then 0.05 / 2, then 0.05.
    assert flags(0.01, 0.02, 0.04) == [True, True, True]
    assert flags(0.02, 0.02, 0.001) == [True, True, True]
    assert flags(0.03, 0.04, 0.04) == [False, False, False]
    assert flags(0.01, 0.03, 0.04) == [True, False, False]
    assert flags(0.04, None) == [True, False]


@pytest.mark.parametrize("case", CASES)
def test_innocent_markets_are_not_accused(case: str):
    """On 8 logs of each market no more than one alarm in twenty is meant: at most 6 of some 40 tests, by chance once in 100."""
    alarms = tests = 0
    for seed in range(8):
        log = market(case, 120, seed)
        null = [fitted(log).simulated(stream(seed, "null", k)) for k in range(19)]
        for one in MEASURES:
            value = one.of(log)
            drawn = [one.of(other) for other in null]
            if isinstance(value, float):
                known = np.array([np.nan if isinstance(other, NotDefined) else other for other in drawn])
                alarms += p_value(value, known, one.tail) <= 0.05
                tests += 1
    assert tests >= 24
    assert alarms <= 6


@pytest.mark.parametrize(
    ("ring", "seen_by"), [("cover bids", "missing bids"), ("taking turns", "rotation"), ("bidding alike", "variance")]
)
def test_a_ring_is_seen_by_the_screen_that_is_meant_for_it(ring: str, seen_by: str):
    # All three firms are in it.
    log = RINGS[ring](fitted(market("few bidders", 300)), stream(0, "ring"))
    found = screen(log, draws=119, checks=0)
    assert seen_by in found.flagged
    assert "A reason to look, not a proof." in found.sentence
    clean = screen(market("few bidders", 300), draws=119, checks=0)
    assert clean.flagged == ()
    assert clean.sentence.endswith("That acquits nobody.")
    # The least p-value of 98 draws is 1/99, and 0.05/5 is less: silence would say nothing.
    few = screen(log, draws=98, checks=0)
    assert few.sentence == "98 draws are too few for any of 5 screens to speak, and 99 are needed (--draws)."


def test_size_and_power_are_rates_at_the_log_s_own_shape():
    found = screen(market("few bidders", 120), draws=40, checks=40)
    by_name = {one.name: one for one in found.screens}
    for one in MEASURES:
        if isinstance(by_name[one.name].value, NotDefined):
            continue
        size = by_name[one.name].size
        # 40 logs at 5 %: more than 8 alarms come by chance once in 1,000.
        assert size is not None
        assert size <= 0.2
    assert by_name["missing bids"].power["cover bids"] > 0.8
    assert by_name["rotation"].power["taking turns"] > 0.8
    assert set(by_name["rotation"].power) == set(RINGS)


def test_what_bidders_want_of_a_query_is_no_trace_of_a_ring():
    """Five bidders value twenty queries differently, each for itself: two of them may like the same ones."""
    rng = np.random.default_rng(4)
    taste = rng.normal(0, 0.3, (20, 5))
    taste[:, 1] = taste[:, 0]
    query = rng.integers(0, 20, 400)
    log = log_of(*[dict(enumerate(np.exp(taste[q] + rng.normal(0, 0.05, 5)))) for q in query], lowest_wins=False)
    blind = {one.name: one for one in screen(log, draws=119, checks=0).screens}
    told = {one.name: one for one in screen(replace(log, segment=query), draws=119, checks=0).screens}
    assert blind["correlation"].flagged
    assert not any(one.flagged for one in told.values())


def test_the_same_seed_gives_the_same_screens_and_another_one_other_draws():
    log = market(auctions=60)
    one, again, other = (as_dict(screen(log, draws=19, checks=3, seed=seed)) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert [s["value"] for s in one["screens"]] == [s["value"] for s in other["screens"]]


def test_the_gap_is_tested_at_the_margin_that_is_assumed():
    near = log_of(*[{0: 100.0, 1: 101.0, 2: 101.5} if k % 2 else {1: 100.0, 2: 101.0} for k in range(60)])
    free = {one.name: one for one in screen(near, draws=19, checks=0).screens}[GAP]
    assert str(free.p_value) == "not defined: no profit margin is assumed (--margin)"
    assert "best-response gap" in screen(near, draws=19, checks=0, margin=0.2).flagged
    assert "best-response gap" not in screen(near, draws=19, checks=0, margin=0.021).flagged
    paid = {one.name: one for one in screen(near, draws=19, checks=0, pays_bid=False).screens}[GAP]
    assert str(paid.value) == "not defined: winners do not pay their bids"


def test_an_entry_that_makes_bids_worse_is_told_from_one_that_does_not():
    rng = np.random.default_rng(0)

    def log(rise: float) -> BidLog:
        auctions = []
        for k in range(120):
            bids = np.exp(rng.normal(rise * (k >= 60), 0.05, 3)) * 100
            auctions.append(dict(enumerate(bids[: 2 + (k >= 60)])))
        return log_of(*auctions)

    worse, same = entry_drop(log(0.2), "b2"), entry_drop(log(0.0), "b2")
    assert isinstance(worse, Entry)
    assert isinstance(same, Entry)
    assert (worse.before, worse.after) == (60, 60)
    assert worse.change == pytest.approx(0.2, abs=0.05)
    assert worse.p_value == pytest.approx(1 / 120)
    assert same.p_value > 0.01
    early = entry_drop(log(0.0), "b0")
    assert str(early) == "not defined: 0 auctions before the entry and 120 after it, and 30 of each are needed"
    with pytest.raises(InputError, match=r"--entrant: unknown bidder 'b9'; choose from b0, b1, b2"):
        entry_drop(log(0.0), "b9", "--entrant")


def test_logs_are_read_with_usual_names_others_and_packed(tmp_path: Path):
    log = market(auctions=40)
    path = csv_of(log, tmp_path / "bids.csv")
    read = read_bids(path, lowest_wins=True)
    np.testing.assert_allclose(np.sort(read.bid[read.exists]), np.sort(log.bid[log.exists]))
    packed = tmp_path / "bids.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert np.array_equal(read_bids(packed, lowest_wins=True).bid, read.bid, equal_nan=True)
    other = tmp_path / "other.parquet"
    pl.read_csv(path).rename({"auction": "a", "bid": "b"}).write_parquet(other)
    assert np.array_equal(
        read_bids(other, lowest_wins=True, columns=parsed_columns("auction=a,bid=b")).bid, read.bid, equal_nan=True
    )


def test_auctions_stand_in_order_of_time(tmp_path: Path):
    path = tmp_path / "bids.csv"
    path.write_text("auction,bidder,bid,year,month,day\nx,a,1,2008,1,1\nx,b,2,2008,1,1\ny,a,3,2007,12,9\nz,a,4,2007,2,10\n")
    assert read_bids(path, lowest_wins=True).bid[:, 0].tolist() == [4.0, 3.0, 1.0]
    path.write_text("auction,bidder,bid,when\nx,a,1,10\ny,a,2,9\nx,a,5,11\nx,b,,11\n")
    read = read_bids(path, lowest_wins=True, columns={"time": "when"})
    assert read.bid[:, 0].tolist() == [2.0, 1.0]
    # A bidder's second bid counts, and is counted; an empty one is none.
    assert (read.doubled, read.counts.tolist()) == (1, [1, 2])


def test_times_of_one_order_however_they_are_written(tmp_path: Path):
    path, words = tmp_path / "bids.csv", {"time": "when"}
    for times in (
        ("2024-03-04T12:00:00Z", "2024-03-04T11:59:59.9Z"),
        ("2024-03-04T12:00:00-05:00", "2024-03-04 11:59:59.04-05:00"),
        ("2024-03-04 12:00:00.5+01:00", "2024-03-04T12:00:00.04+01:00"),
        ("2024/03/04", "2024-03-03 23:00"), ("12:00", "11:59:59"),
    ):  # fmt: skip
        path.write_text("auction,bidder,bid,when\n" + "".join(f"{i},a,{i},{at}\n" for i, at in enumerate(times, start=1)))
        assert read_bids(path, lowest_wins=True, columns=words).bid[:, 0].tolist() == [2.0, 1.0], times


@pytest.mark.parametrize(
    ("times", "said"),
    [
        # As text, 1:00 PM is before 11:00 AM, and 23:30 of UTC+2 after 22:00 of UTC.
        (("2024-03-04 11:00 AM", "2024-03-04 1:00 PM"), "line 2, column time: expected a number or a date such as"),
        (("2024-03-04T23:30+02:00", "2024-03-04T22:00+00:00"),
         "line 3, column time: expected times with the offset +02:00 as before, got '2024-03-04T22:00+00:00'"),
        (("2024-03-04T23:30", "2024-03-04T22:00Z"), "expected times without an offset as before, got '2024-03-04T22:00Z'"),
        (("2024-03-04 24:30", "2024-03-04 22:00"), "line 2, column time: expected a date such as"),
    ],
)  # fmt: skip
def test_times_without_an_order_are_refused(tmp_path: Path, times: tuple[str, ...], said: str):
    path = tmp_path / "bids.csv"
    path.write_text("auction,bidder,bid,time\n" + "".join(f"{i},a,1,{at}\n" for i, at in enumerate(times)))
    with pytest.raises(InputError) as caught:
        read_bids(path, lowest_wins=True)
    assert said in str(caught.value)


def test_a_reserve_and_a_segment_are_of_the_whole_auction(tmp_path: Path):
    path = tmp_path / "bids.csv"
    path.write_text("auction,bidder,bid,reserve,segment\n1,a,2,,k\n1,b,3,9,k\n2,a,4,8,l\n2,b,5,8,l\n")
    read = read_bids(path, lowest_wins=True)
    assert (read.reserve.tolist(), read.segment.tolist() if read.segment is not None else None) == ([9.0, 8.0], [0, 1])
    for name, old, new in (("reserve", "5,8", "5,7"), ("segment", "8,l\n2", "8,k\n2")):
        other = tmp_path / f"{name}.csv"
        other.write_text(path.read_text().replace(old, new))
        with pytest.raises(InputError, match=rf"line 5, column {name}: expected '?[8k]'? as in the auction's other rows, got "):
            read_bids(other, lowest_wins=True)


def test_bids_that_are_all_alike_say_nothing():
    found = screen(log_of(*[{0: 5.0, 1: 5.0, 2: 5.0, 3: 5.0}] * 60), draws=19, checks=19)
    assert found.flagged == ()
    by_name = {one.name: one for one in found.screens}
    assert str(by_name["missing bids"].p_value) == "not defined: it is the same in all simulated competition"
    assert str(by_name["kurtosis"].value).startswith("not defined: 0 auctions have four bids or more that are not all equal")


def test_units_are_found_where_bids_are_rounded():
    assert unit_of(np.array([10_000.0, 30_000.0, 70_000.0])) == 10_000
    assert unit_of(np.array([0.25, 0.3, 1.0])) == 0.05
    assert unit_of(np.random.default_rng(0).random(100)) == 0.0


def test_bids_far_smaller_than_a_unit_are_not_rounded_to_it():
    assert unit_of(np.array([1.3e-9, 2.7e-9, 3.1e-9])) == 0.0


def test_rows_without_a_bid_are_counted_and_their_blanks_do_no_harm(tmp_path: Path):
    path = tmp_path / "bids.csv"
    path.write_text("auction,bidder,bid,time\n1,a,10,9\n2,b,20,10\n2,,,\n2,a,-1,\n")
    read = read_bids(path, lowest_wins=True)
    assert (read.left_out, read.bid[:, 0].tolist()) == (2, [10.0, 20.0])
    assert ", 2 rows without a bid > 0 left out\n" in lines_of(screen(read, draws=19, checks=0))


def test_an_entry_is_not_read_from_shares_of_a_reserve_beside_currency():
    log = log_of(*[{0: 50.0, 1: 60.0}] * 40, *[{0: 50.0, 1: 60.0, 2: 70.0}] * 40)
    half = dataclasses.replace(log, reserve=np.repeat([100.0, np.inf], 40))
    for one in (log, half, dataclasses.replace(log, reserve=np.full(80, 100.0))):
        assert entry_drop(one, "b2").change == pytest.approx(0.0, abs=1e-12)


def test_the_ring_is_those_who_place_four_fifths_of_the_bids():
    log = log_of({0: 1.0, 1: 2.0, 2: 3.0}, {0: 1.0, 1: 2.0}, {0: 1.0, 3: 2.0})
    # 3, 2, 1 and 1 of 7 bids: three bidders place 6 of them.
    assert ring_of(log).tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.csv"], "none.csv: expected a log of bids (CSV or Parquet), got no such file"),
        (["bad.csv"], "bad.csv: line 2, column bid: expected a number <= 1e+15 or nothing, got 'x'"),
        (["few.csv"], "few.csv: expected a column bidder, bidder_id, advertiser, firm, got ['auction', 'bid'] "
         "(--columns bidder=COLUMN)"),
        (["good.csv", "--columns", "bid=bids"], "good.csv: --columns bid: expected a column of the log, got 'bids' "
         "(did you mean 'bid'?)"),
        (["good.csv", "--columns", "bidder=who"], "good.csv: --columns bidder: expected a column of the log, got 'who'; "
         "choose from ['auction', 'bidder', 'bid']"),
        (["good.csv", "--columns", "bids=bid"], "--columns: unknown 'bids'; choose from auction, bidder, bid, reserve, "
         "segment, time (did you mean 'bid'?)"),
        (["good.csv", "--columns", "bid"], "--columns: expected NAME=COLUMN with commas, got 'bid'"),
        (["good.csv", "--draws", "5"], "--draws: expected a whole number >= 19 and <= 9999, got 5"),
        (["good.csv", "--margin", "1.5"], "--margin: expected a number > 0 and < 1, got 1.5"),
        (["good.csv", "--entrant", "z"], "--entrant: unknown bidder 'z'; choose from a, b"),
        (["none.csv.gz"], "none.csv.gz: expected a log of bids (CSV or Parquet), got no such file"),
        (["zero.csv"], "zero.csv: expected one or more bids > 0, got none"),
        (["wide.csv"], "wide.csv: expected <= 100 bids in an auction, got 101 (is its column the right one?)"),
        (["nobody.csv"], "nobody.csv: line 3, column bidder: expected a value for every bid, got nothing"),
        (["noplace.csv"], "noplace.csv: line 2, column auction: expected a value for every bid, got nothing"),
        (["dates.csv"],
         "dates.csv: line 2, column time: expected a number or a date such as 2015-01-31 12:00, got '31/1/2015'"),
        (["hole.csv"], "hole.csv: line 3, column time: expected a number or a date such as 2015-01-31 12:00, got nothing"),
        (["mixed.csv"], "mixed.csv: line 3, column time: expected a date such as 2015-01-31 12:00, got '9'"),
        (["low.csv"], "low.csv: expected bids >= their reserve where the highest wins, got all below it (--procurement?)"),
        (["high.csv", "--procurement"], "high.csv: expected bids <= their reserve where the lowest wins, got all above it "
         "(no --procurement?)"),
    ],
)  # fmt: skip
def test_wrong_input_ends_in_one_line(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("good.csv").write_text("auction,bidder,bid\n1,a,2\n1,b,3\n")
    Path("bad.csv").write_text("auction,bidder,bid\n1,a,x\n")
    Path("few.csv").write_text("auction,bid\n1,2\n")
    Path("zero.csv").write_text("auction,bidder,bid\n1,a,0\n1,b,\n")
    Path("wide.csv").write_text("auction,bidder,bid\n" + "".join(f"1,{i},2\n" for i in range(101)))
    Path("nobody.csv").write_text("auction,bidder,bid\n1,a,2\n1, ,3\n")
    Path("noplace.csv").write_text("auction,bidder,bid\n,a,2\n1,a,3\n")
    Path("dates.csv").write_text("auction,bidder,bid,time\n1,a,2,31/1/2015\n2,b,3,1/2/2015\n")
    Path("hole.csv").write_text("auction,bidder,bid,time\n1,a,2,10\n2,b,3,\n")
    Path("mixed.csv").write_text("auction,bidder,bid,time\n1,a,2,2015-01-31\n2,b,3,9\n")
    Path("low.csv").write_text("auction,bidder,bid,reserve\n1,a,2,9\n1,b,3,9\n")
    Path("high.csv").write_text("auction,bidder,bid,reserve\n1,a,2,1\n1,b,3,1\n")
    assert main(["screen", *words]) == 2
    assert capsys.readouterr().err == f"{said}\n"


def test_the_command_prints_what_was_found_and_why_the_rest_is_not_defined(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = csv_of(RINGS["cover bids"](fitted(market("few bidders", 200)), stream(0, "ring")), tmp_path / "<b>.csv")
    words = ["screen", str(path), "--procurement", "--draws", "149", "--checks", "0"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "missing bids" in found["flagged"]
    by_name = {one["name"]: one for one in found["screens"]}
    assert by_name["missing bids"]["p_value"] == pytest.approx(1 / 150)
    assert by_name["entry"]["not_defined"] == "no entrant is named"
    assert "A reason to look, not a proof." in found["sentence"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "entry: not defined: no entrant is named" in said
    assert "Limits: " in said
    # Where the highest wins and nobody says what winners pay, there is no gap to a best response.
    text = lines_of(screen(market(auctions=20), draws=19, checks=0, pays_bid=False))
    assert "best-response gap: not defined: winners do not pay their bids" in text
    assert "variance: not defined: " in text


def test_a_traffic_table_is_screened_by_its_rank_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rng = np.random.default_rng(0)
    rows = [
        {"day": 0, "hour": 0, "cell": c, "weight": 1, "query": "q", "advertiser": f"a{i}", "pctr": 0.1, "pcvr": 0.1,
         "item_price": 1.0, "manual_bid": float(np.exp(rng.normal(0, 0.1)))}
        for c in range(60) for i in range(3)
    ]  # fmt: skip
    path = tmp_path / "t.parquet"
    pl.DataFrame(rows).write_parquet(path)
    log = read_bids(path, lowest_wins=False)
    assert len(log) == 60
    np.testing.assert_allclose(np.sort(log.bid.ravel()), np.sort([0.1 * row["manual_bid"] for row in rows]))
    assert main(["screen", str(path), "--procurement"]) == 2
    assert "got a traffic table, whose highest wins" in capsys.readouterr().err
    assert main(["screen", str(path), "--draws", "19", "--checks", "0"]) == 0
