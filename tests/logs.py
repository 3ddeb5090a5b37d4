"""Logs as they are released, drawn and written out: what the tests of `ingest` read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from auctionsim.auction.reference import clear
from auctionsim.cli import main

JOINED = [
    "click", "weekday", "hour", "bidid", "timestamp", "logtype", "ipinyouid", "useragent", "IP", "region", "city",
    "adexchange", "domain", "url", "urlid", "slotid", "slotwidth", "slotheight", "slotvisibility", "slotformat",
    "slotprice", "creative", "bidprice", "payprice", "keypage", "advertiser", "usertag",
]  # fmt: skip
RAW, BIDS = JOINED[3:], [name for name in JOINED[3:] if name not in ("logtype", "payprice", "keypage")]
CRITEO = [
    "timestamp", "uid", "campaign", "conversion", "conversion_timestamp", "conversion_id", "attribution", "click",
    "click_pos", "click_nb", "cost", "cpo", "time_since_last_click", "cat1",
]  # fmt: skip
AUCTIONNET = [
    "deliveryPeriodIndex", "advertiserNumber", "advertiserCategoryIndex", "budget", "CPAConstraint", "timeStepIndex",
    "remainingBudget", "pvIndex", "pValue", "pValueSigma", "bid", "xi", "adSlot", "cost", "isExposed", "conversionAction",
    "leastWinningCost", "isEnd",
]  # fmt: skip
MAPPED_COLUMNS = """\
[columns]
auction = "auction_id"
timestamp = "ts"
query = "kw"
advertiser = "seller"
manual_bid = "cpc"
item_price = "worth"
pctr = "rate"
"""
MAPPING = f'delimiter = ";"\n{MAPPED_COLUMNS}clicked = "clk"\nconverted = "conv"\n'
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
                        "budget": 100.0 + 10 * who + period,
                        "timeStepIndex": step, "pvIndex": pv, "pValue": draw.random() / 100, "bid": bids[who], "xi": int(wins),
                        "adSlot": slot + 1 if wins else 0, "cost": price * exposed, "isExposed": int(exposed),
                    }  # fmt: skip
                    rows.append(row)
    return rows


def criteo_rows(n: int = 300, seed: int = 2) -> list[dict[str, Any]]:
    draw, rows = np.random.default_rng(seed), []
    for i in range(n):
        click = int(draw.random() < 0.4)
        last, cost = (0, 1) if click else (-1, -1), round(float(draw.random()) / 1000, 9)
        values = (i * 900, f"uid-{i}", 10 + i % 2, click, -1, -1, click, click, *last, cost, 0.25, -1, 70 + i % 3)
        rows.append(dict(zip(CRITEO, values, strict=True)))
    return rows


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


def tsv(rows: Sequence[dict[str, Any]], names: Sequence[str], *, header: bool, sep: str = "\t") -> str:
    lines = [sep.join(names)] if header else []
    return "".join(f"{line}\n" for line in [*lines, *(sep.join(str(row[name]) for name in names) for row in rows)])


def ingest(tmp_path: Path, log: Path, form: str, *more: str, out: str = "traffic.parquet") -> Path:
    assert main(["ingest", str(log), "--format", form, "--out", str(tmp_path / out), *more]) == 0
    return tmp_path / out


def shown_auctions(
    tmp_path: Path,
    *,
    n: int = 300,
    slot_effect: Sequence[float] = (1.0, 0.5),
    pricing: str = "gsp",
    squash: float = 1.0,
    columns: Sequence[str] = ("item_price", "pctr", "slot", "shown", "clicked", "converted", "cost_per_click"),
    ctr: float = 0.15,
    reserve: float = 0.0,
    sellers: int = 5,
) -> tuple[Path, Path]:
    """Write a log of auctions that are cleared by a known mechanism, and the mapping of some of its columns.

    All but one of the sellers are in each auction.
    """
    draw = np.random.default_rng(4)
    names = ["id", "day", "hour", "query", "advertiser", "manual_bid", "item_price", "pctr", "pcvr", "slot", "shown", "clicked"]
    names += ["converted", "cost_per_click", "cost_per_impression"]
    rate = np.minimum(ctr * np.exp(0.4 * draw.standard_normal((3, sellers))), 0.9)
    lines = [",".join(names)]
    for i in range(n):
        query, who = int(draw.integers(3)), np.sort(draw.choice(sellers, sellers - 1, replace=False))
        pctr, bid = np.round(rate[query, who], 6), np.round(np.exp(0.3 * draw.standard_normal(sellers - 1)), 4)
        placed = clear(bid.tolist(), pctr.tolist(), slot_effect=slot_effect, pricing=pricing, squash=squash, reserve=reserve)
        at = {one.candidate: one for one in placed}
        for j, seller in enumerate(who):
            one = at.get(j)
            click = one is not None and draw.random() < pctr[j] * slot_effect[one.slot]
            values = [i, i * 3 // n, i * 72 // n % 24, f"q{query}", f"s{seller}", bid[j], 9.5, pctr[j], 0.1]
            values += ["", 0, "", "", "", ""] if one is None else [
                one.slot + 1, 1, int(click), int(click and draw.random() < 0.3), f"{one.price:.9f}" if click else 0,
                f"{one.price * pctr[j] * slot_effect[one.slot]:.12f}",
            ]  # fmt: skip
            lines.append(",".join(map(str, values)))
    log, mapping = tmp_path / "shown.csv", tmp_path / "shown.toml"
    log.write_text("\n".join(lines) + "\n")
    mapped = ["day", "hour", "query", "advertiser", "manual_bid", *columns]
    mapping.write_text("[columns]\nauction = 'id'\n" + "".join(f"{name} = '{name}'\n" for name in mapped))
    return log, mapping
