"""Raw logs to traffic tables: what is replayed equals what the log says, identifiers stay behind, bad input is explained."""

from __future__ import annotations

import bz2
import gzip
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from auctionsim import load_traffic, open_traffic, replay
from auctionsim.cli import main
from auctionsim.market.ingest.auctions_csv import TEMPLATE
from auctionsim.market.ingest.database import Database, tell_nobody
from auctionsim.market.ingest.formats import LOG_COLUMNS
from auctionsim.market.ingest.rates import fill_rates
from auctionsim.market.mechanism import clear

JOINED = [
    "click",
    "weekday",
    "hour",
    "bidid",
    "timestamp",
    "logtype",
    "ipinyouid",
    "useragent",
    "IP",
    "region",
    "city",
    "adexchange",
    "domain",
    "url",
    "urlid",
    "slotid",
    "slotwidth",
    "slotheight",
    "slotvisibility",
    "slotformat",
    "slotprice",
    "creative",
    "bidprice",
    "payprice",
    "keypage",
    "advertiser",
    "usertag",
]
RAW, BIDS = JOINED[3:], [name for name in JOINED[3:] if name not in ("logtype", "payprice", "keypage")]
CRITEO = [
    "timestamp",
    "uid",
    "campaign",
    "conversion",
    "conversion_timestamp",
    "conversion_id",
    "attribution",
    "click",
    "click_pos",
    "click_nb",
    "cost",
    "cpo",
    "time_since_last_click",
    "cat1",
]
AUCTIONNET = [
    "deliveryPeriodIndex",
    "advertiserNumber",
    "advertiserCategoryIndex",
    "budget",
    "CPAConstraint",
    "timeStepIndex",
    "remainingBudget",
    "pvIndex",
    "pValue",
    "pValueSigma",
    "bid",
    "xi",
    "adSlot",
    "cost",
    "isExposed",
    "conversionAction",
    "leastWinningCost",
    "isEnd",
]
PERSON = ("person-4711", "Mozilla/5.0 of person", "203.0.113.77")


def impressions(n: int = 600, days: int = 3, seed: int = 5) -> list[dict[str, Any]]:
    """Rows of iPinYou's joined log."""
    draw = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        day, hour = 6 + i * days // n, int(draw.integers(24))
        row = dict.fromkeys(JOINED, "x")
        row |= dict(zip(("ipinyouid", "useragent", "IP"), PERSON, strict=True))
        row |= {
            "click": int(draw.random() < 0.2), "weekday": 3, "hour": f"{hour:02d}", "bidid": f"{i:032x}", "logtype": 1,
            "timestamp": f"201306{day:02d}{hour:02d}{int(draw.integers(60)):02d}00104", "adexchange": int(draw.integers(1, 3)),
            "slotwidth": 300, "slotheight": 250, "slotprice": 5, "bidprice": 300, "payprice": int(draw.integers(1, 300)),
            "advertiser": ("1458", "3386")[int(draw.integers(2))], "usertag": "10006,10024",
        }  # fmt: skip
        rows.append(row)
    return rows


def tsv(rows: Sequence[dict[str, Any]], names: Sequence[str], *, header: bool, sep: str = "\t") -> str:
    lines = [sep.join(names)] if header else []
    return "".join(f"{line}\n" for line in [*lines, *(sep.join(str(row[name]) for name in names) for row in rows)])


def ingest(tmp_path: Path, log: Path, form: str, *more: str, out: str = "traffic.parquet") -> Path:
    assert main(["ingest", str(log), "--format", form, "--out", str(tmp_path / out), *more]) == 0
    return tmp_path / out


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    path = tmp_path / "train.log.txt"
    path.write_text(tsv(impressions(), JOINED, header=True))
    return path


@pytest.mark.parametrize("bid", [50, 120, 250])
def test_a_constant_bid_wins_and_pays_what_one_query_on_the_log_says(tmp_path: Path, joined: Path, bid: int):
    traffic = load_traffic(ingest(tmp_path, joined, "ipinyou"))
    wins, cost, clicks = duckdb.execute(
        f"SELECT count(*), sum(payprice), sum(click) FROM read_csv('{joined}', delim='\t') WHERE payprice <= {bid}"
    ).fetchall()[0]
    constant = np.full((len(traffic.advertisers), 1, 1), float(bid))
    days = [replay(traffic, day=day, coefficients=constant, features=("one",)) for day in traffic.days]
    assert len(days) == 3
    assert 0 < wins < 600
    assert sum(day.impressions.sum() for day in days) == wins
    assert sum(day.cost.sum() for day in days) == cost
    assert sum(day.conversions.sum() for day in days) == clicks


def test_the_logged_bids_win_what_was_won(tmp_path: Path, joined: Path):
    traffic = load_traffic(ingest(tmp_path, joined, "ipinyou"))
    day = replay(traffic, day=1, coefficients=np.ones((2, 1, 1)))
    rows = [row for row in impressions() if row["timestamp"].startswith("20130607")]
    assert day.impressions.sum() == len(rows)
    assert day.cost.sum() == sum(row["payprice"] for row in rows)
    by_hour = np.bincount([int(row["hour"]) for row in rows], minlength=24)
    assert (day.impressions.sum(axis=(1, 2)) == by_hour).all()


@pytest.mark.parametrize("lacks", [(), ("click", "weekday", "hour"), ("weekday", "hour"), ("usertag",), ("keypage",)])
def test_a_joined_log_is_read_by_its_columns_without_a_header(tmp_path: Path, joined: Path, lacks: tuple[str, ...]):
    whole = load_traffic(ingest(tmp_path, joined, "ipinyou"))
    bare = tmp_path / "bare.txt"
    bare.write_text(tsv(impressions(), [name for name in JOINED if name not in lacks], header=False))
    read = load_traffic(ingest(tmp_path, bare, "ipinyou", out="bare.parquet"))
    assert (read.market_ecpm == whole.market_ecpm).all()
    assert read.advertisers == whole.advertisers
    assert read.cvr.sum() == (0 if "click" in lacks else whole.cvr.sum())


def test_raw_logs_in_a_folder_give_what_the_joined_log_gives(tmp_path: Path, joined: Path):
    folder = tmp_path / "raw"
    folder.mkdir()
    rows = impressions()
    lost = [row | {"bidid": f"lost-{i}"} for i, row in enumerate(rows[:40])]
    clicks = [row | {"logtype": 2} for row in rows if row["click"]]
    stray = clicks[0] | {"bidid": "nobody's"}
    (folder / "bid.txt").write_text(tsv([*rows, *lost], BIDS, header=False))
    (folder / "imp.txt.bz2").write_bytes(bz2.compress(tsv([*rows, rows[3]], RAW, header=False).encode()))
    (folder / "clk.txt.gz").write_bytes(gzip.compress(tsv([*clicks, stray], RAW, header=False).encode()))
    with zipfile.ZipFile(folder / "conv.zip", "w") as archive:
        archive.writestr("conv.txt", tsv([clicks[0] | {"logtype": 3}], RAW, header=False))
    out = tmp_path / "raw.parquet"
    assert main(["ingest", str(folder), "--format", "ipinyou", "--out", str(out), "--json"]) == 0
    of_raw, of_joined = load_traffic(out), load_traffic(ingest(tmp_path, joined, "ipinyou"))
    for name in ("market_ecpm", "cvr", "pcvr", "item_price", "manual_bid", "day", "hour"):
        assert (getattr(of_raw, name) == getattr(of_joined, name)).all(), name


def test_rows_read_are_rows_kept_and_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = impressions()
    rows[10]["payprice"] = "cheap"
    rows[20]["timestamp"] = "20139999999999999"
    text = tsv([*rows, rows[5]], JOINED, header=True) + "one\ttwo\n"
    log = tmp_path / "log.tsv"
    log.write_text(text)
    capsys.readouterr()
    ingest(tmp_path, log, "ipinyou", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["rows_read"] == 602
    assert found["rows_kept"] == 598
    assert sorted(found["dropped"].values()) == [1, 1, 1, 1]
    assert "payprice: expected a number at least 0" in found["dropped"]


def test_people_are_never_written(tmp_path: Path, joined: Path):
    criteo = tmp_path / "criteo.tsv"
    criteo.write_text(tsv(criteo_rows(), CRITEO, header=True))
    mapping, table = tmp_path / "map.toml", tmp_path / "log.csv"
    mapping.write_text('[columns]\nday = "d"\nhour = "h"\nadvertiser = "a"\nmanual_bid = "b"\n')
    table.write_text(f"d,h,a,b,user_id\n0,1,x,2.5,{PERSON[0]}\n")
    outs = [
        ingest(tmp_path, joined, "ipinyou", "--report", out="a.parquet"),
        ingest(tmp_path, criteo, "criteo-attribution", out="b.parquet"),
        ingest(tmp_path, table, "auctions-csv", "--mapping", str(mapping), out="c.parquet"),
    ]
    for out in outs:
        frame = pl.read_parquet(out)
        text = frame.write_csv() + str(pl.read_parquet_metadata(out))
        assert not [word for word in (*PERSON, "uid-") if word in text]
        assert frame.columns == list(pl.read_parquet(outs[0]).columns)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_mapping_of_people_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    mapping = tmp_path / "map.toml"
    mapping.write_text('[columns]\nday = "d"\nhour = "h"\nadvertiser = "a"\nmanual_bid = "b"\nquery = "User-ID"\n')
    (tmp_path / "log.csv").write_text("d\n")
    arguments = [
        "ingest",
        str(tmp_path / "log.csv"),
        "--format",
        "auctions-csv",
        "--mapping",
        str(mapping),
        "--out",
        "t.parquet",
    ]
    assert main(arguments) == 2
    assert "columns.query: expected no identifier of people, got 'User-ID'" in capsys.readouterr().err


def auctionnet_rows(periods: int = 2, steps: int = 4, n: int = 6, seed: int = 3) -> list[dict[str, Any]]:
    """A log by the rules of AuctionNet: three slots shown with 1, 0.8, 0.6, charged the next bid when exposed."""
    draw, rows = np.random.default_rng(seed), []
    for period in range(periods):
        for step in range(steps):
            for pv in range(step * 5, step * 5 + 5):
                bids = draw.lognormal(-2, 1, n) * (draw.random(n) < 0.8)
                order = np.argsort(-bids)
                for who in range(n):
                    slot = int(np.flatnonzero(order == who)[0])
                    wins = slot < 3 and bids[who] >= 0.01
                    exposed = wins and draw.random() < (1, 0.8, 0.6)[slot]
                    price = max(float(bids[order[slot + 1]]), 0.01) if wins else 0.0
                    row = dict.fromkeys(AUCTIONNET, 0)
                    row |= {
                        "deliveryPeriodIndex": 7 + period, "advertiserNumber": who, "CPAConstraint": 60 + who,
                        "timeStepIndex": step, "pvIndex": pv, "pValue": draw.random() / 100, "bid": bids[who], "xi": int(wins),
                        "adSlot": slot + 1 if wins else 0, "cost": price * exposed, "isExposed": int(exposed),
                    }  # fmt: skip
                    rows.append(row)
    return rows


def test_the_logged_bids_of_auctionnet_win_the_logged_slots_at_the_logged_costs(tmp_path: Path):
    rows, n = auctionnet_rows(), 6
    log = tmp_path / "period-7.csv"
    log.write_text(tsv(rows, AUCTIONNET, header=True, sep=","))
    traffic = load_traffic(ingest(tmp_path, log, "auctionnet"))
    assert len(traffic.weight) == 40
    won = exposed = 0
    for cell in range(40):
        part = slice(traffic.cell_start[cell], traffic.cell_start[cell + 1])
        assert [traffic.advertisers[i] for i in traffic.advertiser[part]] == [f"advertiser-{i:02d}" for i in range(n)]
        shown = clear(traffic.manual_bid[part], traffic.pctr[part], slot_effect=(1, 0.8, 0.6), reserve=0.01)
        logged = rows[cell * n : cell * n + n]
        slots = {placement.candidate: placement.slot + 1 for placement in shown}
        assert slots == {i: row["adSlot"] for i, row in enumerate(logged) if row["xi"]}
        won += len(slots)
        for placement in shown:
            row = logged[placement.candidate]
            exposed += row["isExposed"]
            assert placement.price * row["isExposed"] == row["cost"]
    assert 60 < exposed < won
    for day in (7, 8):
        one = replay(traffic, day=day, coefficients=np.ones((n, 1, 1)), slot_effect=(1, 0.8, 0.6), reserve=0.01)
        logged = [row for row in rows if row["deliveryPeriodIndex"] == day]
        by_advertiser = [sum(row["xi"] for row in logged if row["advertiserNumber"] == who) for who in range(n)]
        assert one.impressions.sum(axis=(0, 2)).tolist() == by_advertiser


def criteo_rows(n: int = 300, seed: int = 2) -> list[dict[str, Any]]:
    draw, rows = np.random.default_rng(seed), []
    for i in range(n):
        click = int(draw.random() < 0.4)
        last, cost = (0, 1) if click else (-1, -1), round(float(draw.random()) / 1000, 9)
        values = (i * 900, f"uid-{i}", 10 + i % 2, click, -1, -1, click, click, *last, cost, 0.25, -1, 70 + i % 3)
        rows.append(dict(zip(CRITEO, values, strict=True)))
    return rows


def test_criteos_impressions_are_won_at_their_cost(tmp_path: Path):
    rows, log = criteo_rows(), tmp_path / "criteo.tsv.gz"
    log.write_bytes(gzip.compress(tsv(rows, CRITEO, header=True).encode()))
    traffic = load_traffic(ingest(tmp_path, log, "criteo-attribution"))
    bid = 0.0005
    first_day = [row for row in rows if row["timestamp"] < 86400 and row["cost"] <= bid]
    day = replay(traffic, day=0, coefficients=np.full((2, 1, 1), bid), features=("one",))
    assert day.impressions.sum() == len(first_day) > 10
    assert day.cost.sum() == pytest.approx(sum(row["cost"] for row in first_day), rel=1e-12)
    assert day.conversions.sum() == sum(row["click"] for row in first_day)


def test_missing_rates_come_from_earlier_days_and_shrink(tmp_path: Path, joined: Path):
    traffic = load_traffic(ingest(tmp_path, joined, "ipinyou"))
    # What happened on the last day does not change any rate: no row knows its own or a later day.
    changed = tmp_path / "changed.txt"
    rows = [row | {"click": 1} if row["timestamp"].startswith("20130608") else row for row in impressions()]
    changed.write_text(tsv(rows, JOINED, header=True))
    other = load_traffic(ingest(tmp_path, changed, "ipinyou", out="changed.parquet"))
    assert (other.pcvr == traffic.pcvr).all()
    assert other.cvr.sum() > traffic.cvr.sum()
    # By hand, for one row of the second day.
    i = int(np.flatnonzero(traffic.day == 1)[17])
    seen = traffic.day == 0
    rate = (traffic.cvr[seen].sum() + 0.5) / (seen.sum() + 1)
    for same in (traffic.advertiser, traffic.query, traffic.hour):
        seen &= same == same[i]
        rate = (traffic.cvr[seen].sum() + 100 * rate) / (seen.sum() + 100)
    assert traffic.pcvr[i] == pytest.approx(rate, rel=1e-12)


def test_rates_of_a_large_log_are_those_of_the_earlier_days(tmp_path: Path):
    # DuckDB 2.0.0 sums wrongly in windows over all rows (RANGE, several columns), from some 80,000 rows a day on.
    values = dict.fromkeys(LOG_COLUMNS, "NULL") | {
        "row": "i", "day": "i // 80000", "second": "hash(i) % 86400", "query": "'q' || hash(i + 1) % 500",
        "advertiser": "'a' || hash(i + 2) % 200", "ctr_trials": "1", "ctr_hits": "(hash(i + 3) % 100 < 5)::INTEGER",
        "cvr_trials": "1", "cvr_hits": "(hash(i + 4) % 100 < 5)::INTEGER",
    }  # fmt: skip
    log = ", ".join(f"{value} AS {name}" for name, value in values.items())
    database = Database(tmp_path, tell_nobody)
    database.run("SET threads = 1", "test")
    database.run(f"CREATE TABLE log AS SELECT {log} FROM range(160000) AS numbers(i)", "test")
    calibration = fill_rates(database)["pctr"]
    first, second = database.rows("SELECT sum(ctr_hits) FROM log GROUP BY day ORDER BY day")
    (foretold,) = database.row("SELECT sum(pctr) FROM rated WHERE day = 1")
    assert foretold == pytest.approx(first[0], rel=0.05)
    assert calibration == pytest.approx(foretold / second[0], rel=1e-9)
    database.close()


def auctions(tmp_path: Path, n: int = 400) -> tuple[Path, Path]:
    draw = np.random.default_rng(8)
    lines = ["auction_id;ts;kw;seller;cpc;worth;rate;clk;conv"]
    for i in range(n):
        for who in sorted(draw.choice(4, 3, replace=False)):
            minute = i * 2880 // n
            when = f"2024-03-{4 + minute // 1440:02d} {minute % 1440 // 60:02d}:{minute % 60:02d}:00"
            shown = draw.random() < 0.5
            click = int(draw.random() < 0.3) if shown else ""
            bought = click and int(draw.random() < 0.5)
            bid, rate = f"{draw.random():.4f}", f"{0.01 + draw.random() / 10:.4f}"
            lines.append(f"{i};{when};kw{i % 3};s{who};{bid};9.5;{rate};{click};{bought}")
    log, mapping = tmp_path / "log.csv", tmp_path / "map.toml"
    log.write_text("\n".join(lines) + "\n")
    mapping.write_text(
        'delimiter = ";"\nprices = "EUR per click"\n[columns]\nauction = "auction_id"\ntimestamp = "ts"\nquery = "kw"\n'
        'advertiser = "seller"\nmanual_bid = "cpc"\nitem_price = "worth"\npctr = "rate"\nclicked = "clk"\nconverted = "conv"\n'
    )
    return log, mapping


def test_a_mapped_table_becomes_auctions_and_its_unit_is_noted(tmp_path: Path):
    log, mapping = auctions(tmp_path)
    traffic = load_traffic(ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping)))
    raw = pl.read_csv(log, separator=";")
    assert len(traffic.weight) == 400
    assert traffic.manual_bid.tolist() == raw["cpc"].to_list()
    assert traffic.pctr.tolist() == raw["rate"].to_list()
    assert [traffic.advertisers[i] for i in traffic.advertiser] == raw["seller"].to_list()
    assert traffic.days == (0, 1)
    assert traffic.notes["prices"] == "EUR per click, as in the log"
    assert traffic.notes["first day"] == "2024-03-04"
    assert "pcvr" in traffic.notes["rates"]


@pytest.mark.parametrize("aggregate", ["hour", "quarter"])
def test_cells_put_together_keep_the_means(tmp_path: Path, aggregate: str):
    log, mapping = auctions(tmp_path, 1600)
    more = ("--mapping", str(mapping))
    single = load_traffic(ingest(tmp_path, log, "auctions-csv", *more))
    cells = load_traffic(ingest(tmp_path, log, "auctions-csv", *more, "--aggregate", aggregate, out="cells.parquet"))
    assert cells.weight.sum() == single.weight.sum()
    assert len(cells.weight) < len(single.weight)
    weight = np.repeat(cells.weight, np.diff(cells.cell_start))
    one = np.ones(len(single.pctr))
    for row in range(4):
        ours, theirs = (
            weight * (cells.advertiser == row),
            one * (single.advertiser == single.advertisers.index(cells.advertisers[row])),
        )
        for value in (
            lambda t: t.pctr,
            lambda t: t.pctr * t.pcvr,
            lambda t: t.pctr * t.pcvr * t.item_price,
            lambda t: t.manual_bid,
        ):
            assert (ours * value(cells)).sum() == pytest.approx((theirs * value(single)).sum(), rel=1e-12)


def test_aggregated_impressions_cost_what_they_cost(tmp_path: Path, joined: Path):
    traffic = load_traffic(ingest(tmp_path, joined, "ipinyou", "--aggregate", "hour"))
    day = replay(traffic, day=0, coefficients=np.ones((2, 1, 1)) * 2)
    paid = [row["payprice"] for row in impressions() if row["timestamp"].startswith("20130606")]
    assert day.impressions.sum() == len(paid)
    assert day.cost.sum() == pytest.approx(sum(paid), rel=1e-12)


def test_the_same_log_gives_the_same_bytes(tmp_path: Path, joined: Path):
    for more in ((), ("--aggregate", "hour")):
        first, second = (ingest(tmp_path, joined, "ipinyou", *more, out=f"{name}.parquet").read_bytes() for name in "ab")
        assert first == second


def test_a_folder_is_stored_traffic(tmp_path: Path, joined: Path):
    stored = open_traffic(ingest(tmp_path, joined, "ipinyou", out="stored"))
    table = load_traffic(ingest(tmp_path, joined, "ipinyou"))
    bid = np.full((2, 1, 1), 120.0)
    ours, theirs = (replay(traffic, day=2, coefficients=bid, features=("one",)) for traffic in (stored, table))
    assert stored.days == (0, 1, 2)
    assert ours.impressions.sum() == theirs.impressions.sum() > 0
    assert ours.cost.sum() == theirs.cost.sum()


def test_from_log_to_report_in_three_commands(tmp_path: Path, joined: Path, capsys: pytest.CaptureFixture[str]):
    scenario, run = tmp_path / "mine.toml", tmp_path / "run"
    ingest(tmp_path, joined, "ipinyou", "--scenario", str(scenario), "--report")
    said = capsys.readouterr()
    assert f"next: auctionsim train {scenario}" in said.err
    assert "auctions by hour" in said.out
    assert (tmp_path / "traffic-hours.png").read_bytes().startswith(b"\x89PNG")
    small = ["--set", "train.iterations=2", "--set", "learner.population=4"]
    assert main(["train", str(scenario), *small, "--out", str(run)]) == 0
    assert main(["report", str(run)]) == 0
    assert (run / "report" / "index.html").is_file()


def test_the_report_counts_what_the_log_holds(tmp_path: Path, joined: Path, capsys: pytest.CaptureFixture[str]):
    capsys.readouterr()
    ingest(tmp_path, joined, "ipinyou", "--json")
    found, rows = json.loads(capsys.readouterr().out), impressions()
    paid = [row["payprice"] for row in rows]
    assert found["ctr"] == pytest.approx(sum(row["click"] for row in rows) / 600)
    assert found["price_quantiles"]["least"] == min(paid)
    assert found["price_quantiles"]["most"] == max(paid)
    assert found["price_quantiles"]["50%"] == pytest.approx(np.median(paid), rel=0.05)
    assert found["auctions_by_hour"] == np.bincount([int(row["hour"]) for row in rows], minlength=24).tolist()


def test_the_template_is_a_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["ingest", "--template"]) == 0
    mapping, log = tmp_path / "map.toml", tmp_path / "log.csv"
    mapping.write_text(capsys.readouterr().out)
    assert mapping.read_text() == TEMPLATE
    log.write_text(
        "auction_id,timestamp,keyword,advertiser,bid,item_price,pctr,pcvr,market_ecpm,weight,clicked,converted\n"
        '7,2024-03-04 05:06:07,"shoes, red",a,1.5,20,0.1,,0.02,3,,\n'
    )
    traffic = load_traffic(ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping)))
    assert traffic.queries == ("shoes, red",)
    assert (traffic.hour[0], traffic.weight[0], traffic.market_ecpm[0], traffic.pctr[0]) == (5, 3, 0.02, 0.1)


GOOD = "auction_id;ts;kw;seller;cpc;worth;rate;clk;conv\n"
START = b"1;2024-03-04 05:06:07;"


@pytest.mark.parametrize(
    ("name", "content", "form", "said"),
    [
        ("a.csv", b"", "auctions-csv", "a.csv: expected a log, got an empty file"),
        ("a.csv", GOOD.encode(), "auctions-csv", "a.csv: expected at least one row below the header, got none"),
        (
            "a.csv",
            GOOD.replace(";", ",").encode(),
            "auctions-csv",
            "row 1: expected columns separated by ';', got columns separated by ','",
        ),
        (
            "a.csv",
            GOOD.replace("seller", "selller").encode(),
            "auctions-csv",
            "column seller, got none (did you mean 'selller'?)",
        ),
        (
            "a.csv",
            GOOD.encode() + START + b"k;s;-3;1;0.1;;\n",
            "auctions-csv",
            "a.csv: row 2, column cpc: expected a number at least 0, got '-3'",
        ),
        (
            "a.csv",
            GOOD.encode() + START + b"k;s;nan;1;0.1;;\n",
            "auctions-csv",
            "row 2, column cpc: expected a number at least 0, got 'nan'",
        ),
        (
            "a.csv",
            GOOD.encode() + b"1;yesterday;k;s;3;1;0.1;;\n",
            "auctions-csv",
            "column ts: expected a time written as %Y-%m-%d %H:%M:%S, got 'yesterday'",
        ),
        (
            "a.csv",
            GOOD.encode() + START + b"k\n",
            "auctions-csv",
            "row 2: expected as many columns as in the first row, got fewer",
        ),
        (
            "a.csv",
            GOOD.encode() + 2 * (START + b"k;s;3;1;0.1;;\n"),
            "auctions-csv",
            "expected each advertiser once, got 's' again",
        ),
        (
            "a.csv",
            GOOD.encode() + START + b"k;s;3;1;0.1;;\n" + START + b"l;t;3;1;0.1;;\n",
            "auctions-csv",
            "expected the same query in all its rows, got 'k' and 'l'",
        ),
        (
            "a.csv",
            GOOD.encode() + START + b"\xff\xfe;s;3;1;0.1;;\n",
            "auctions-csv",
            "a.csv: row 2: expected UTF-8, got byte 0xff",
        ),
        ("a.csv", b"\x80\x04\x00pickle", "auctions-csv", "a.csv: expected text, got a binary file"),
        ("a.gz", gzip.compress(np.random.default_rng(0).bytes(9000))[:-200], "ipinyou", "a.gz: expected a whole .gz file, got"),
        ("a.gz", b"no gz at all", "ipinyou", "a.gz: expected a whole .gz file, got"),
        ("a.bz2", b"no bz2 at all", "ipinyou", "a.bz2: expected a whole .bz2 file, got"),
        ("a.zip", b"no zip at all", "ipinyou", "a.zip: expected a whole .zip file, got"),
        ("a.txt", b"1\t2\t3\n", "ipinyou", "a.txt: row 1: expected a column bidid, got none"),
        ("a.txt", b"abc\t20130606000104008\t1\n", "ipinyou", "or a header, got 3 columns"),
        ("a.txt", b"x\n", "ipinyuo", "--format: unknown format 'ipinyuo'; choose from"),
        ("a.txt", b"x\n", "ipinyuo", "(did you mean 'ipinyou'?)"),
        ("a.csv", b"bid,xi\n", "auctionnet", "expected a column deliveryPeriodIndex, got none among 2 columns"),
    ],
)
def test_bad_input_is_explained_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, form: str, said: str
):
    _, mapping = auctions(tmp_path, 1)
    (tmp_path / "log.csv").unlink()
    (tmp_path / name).write_bytes(content)
    more = ["--mapping", str(mapping)] if form == "auctions-csv" else []
    assert main(["ingest", str(tmp_path / name), "--format", form, "--out", str(tmp_path / "new" / "t.parquet"), *more]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert said in error
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "map.toml"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[columns]\nadvertisr = 'a'\n", "columns: unknown key 'advertisr'; choose from"),
        ("[columns]\nadvertiser = 'a'\nmanual_bid = 'b'\n", "columns: expected a line for timestamp, got none"),
        ("[columns]\nadvertiser = 3\n", "columns.advertiser: expected the name of a column, got 3"),
        ("[columns]\nadvertiser = 'a'\nmanual_bid = 'a'\n", "expected each column once, got 'a' twice"),
        ("delimiter = ';;'\n", "delimiter: expected one character between values, got ';;'"),
        ("timestamp_format = '%Q'\n", "timestamp_format: expected unix, unix-ms or a format of strptime, got '%Q'"),
        ("= 3", "expected a mapping file (auctionsim ingest --template), got"),
    ],
)
def test_a_bad_mapping_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, said: str):
    (tmp_path / "map.toml").write_text(line)
    (tmp_path / "log.csv").write_text("a\n1\n")
    out = ["--out", str(tmp_path / "t.parquet")]
    assert (
        main(["ingest", str(tmp_path / "log.csv"), "--format", "auctions-csv", "--mapping", str(tmp_path / "map.toml"), *out])
        == 2
    )
    assert said in capsys.readouterr().err


def test_one_day_is_too_few_for_a_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = tmp_path / "log.txt"
    log.write_text(tsv(impressions(20, days=1), JOINED, header=True))
    out = ["--out", str(tmp_path / "t.parquet"), "--scenario", str(tmp_path / "s.toml")]
    assert main(["ingest", str(log), "--format", "ipinyou", *out]) == 2
    assert "expected a log of at least 2 days, got 1" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["log.txt"]
