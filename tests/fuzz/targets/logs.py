"""Logs and mapping files for `ingest`: broken cells, times, quotes, encodings and archives; options that do not fit."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from itertools import pairwise
from pathlib import Path

from hypothesis import strategies as st

from ...logs import AUCTIONNET, CRITEO, JOINED, MAPPED_COLUMNS, auctionnet_rows, criteo_rows, impressions, tsv
from ..base import Case, Target
from ..edits import SEEDS, byte_edits, edited_bytes, edited_text, text_edits, to_bytes
from ..log_mutations import log_case
from ..oracle import run_command

_MAPPING = f'delimiter = ","\n{MAPPED_COLUMNS}pcvr = "conv"\n'
_TOP = (
    "", 'decimal = ","', 'timezone = "Europe/Berlin"', 'timezone = "x"', 'time_format = "%Y"', 'quote = "x"',
    'encoding = "latin-1"',
    "[columns]", 'columns = 3', 'currency = 1e9', 'delimiter = ""', 'delimiter = "\\n"', '[where]\nx = "1; DROP TABLE x"',
)  # fmt: skip
_COLUMNS = (
    "read_csv('/etc/passwd')",
    "cpc; COPY x TO 'out'",
    '\\"',
    "'",
    "row",
    "auction_id",
    "",
    "CPC",
    "filename",
    "\\u0000",
)
_NAMES = (
    "a.csv",
    "a[1].csv",
    "*.csv",
    "kw=7/a.csv",
    "a b.csv",
    "a'b.csv",
    "\u00fc.csv",
    "-a.csv",
    "a.csv.gz",
    "a.zip",
    "a.bz2",
    "a.xz",
    "a.zst",
)
_PACKED = {".gz": lambda contents: gzip.compress(contents, mtime=0), ".bz2": bz2.compress}
_OPTIONS = (
    ["--aggregate", "hour"], ["--aggregate", "quarter"], ["--rates", "logistic"], ["--timezone", "Asia/Kolkata"],
    ["--timezone", "+99:99"],
    ["--timezone=-00:30"], ["--max-bad", "1"], ["--max-bad", "0"], ["--max-bad", "nan"], ["--budgets", "b.csv"], ["--report"],
    ["--budgets", "t.parquet"], ["--scenario", "s.toml"], ["--scenario", "t.parquet"], ["--scenario", "map.toml"], ["--json"],
    ["--quality", "q.html"], ["--quality", "t.parquet"], ["--mapping", "map.toml"], ["--mapping", "nowhere"],
)  # fmt: skip
_FORMATS = ("auctions-csv", "auctions-csv", "auctions-csv", "ipinyou", "auctionnet", "criteo-attribution")

_WRITES = [
    "t.parquet",
    "t",
    "b.csv",
    "s.toml",
    "q.html",
    "t-hours.png",
    "no",
    "new",
    "o=1 [x]",
    "\U0001f600.parquet",
    "\U0001f600-hours.png",
]


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    if draw(st.booleans()):
        return {"mutations": draw(SEEDS)} | ({"times": True} if draw(st.booleans()) else {})
    case: Case = {
        "format": draw(st.sampled_from(_FORMATS)),
        "name": draw(st.sampled_from(_NAMES)) if draw(st.booleans()) else "a.csv",
        "text": draw(text_edits(3)),
        "bytes": draw(byte_edits(2)) if draw(st.integers(0, 4)) == 0 else [],
        "options": draw(st.lists(st.sampled_from(_OPTIONS), max_size=2)),
        "out": draw(
            st.sampled_from(["t.parquet", "t.parquet", "t.parquet", "t", "a.csv", "no/such/t.parquet", "map.toml", "."])
        ),
    }
    if draw(st.integers(0, 2)) == 0:
        case["mapping"] = draw(text_edits(2))
    if draw(st.integers(0, 3)) == 0:
        case["top"] = draw(st.sampled_from(_TOP))
    if draw(st.integers(0, 3)) == 0:
        case["column"] = draw(st.sampled_from(_COLUMNS))
    return case


def _log(form: str) -> tuple[str, str]:
    """Return a right log of a format and its separator."""
    if form == "ipinyou":
        return tsv(impressions(40), JOINED, header=True), "\t"
    if form == "auctionnet":
        return tsv(auctionnet_rows(2, 2, 4), AUCTIONNET, header=True, sep=","), ","
    if form == "criteo-attribution":
        return tsv(criteo_rows(40), CRITEO, header=True), "\t"
    rows = [
        f"{i},2024-03-0{4 + i % 2} {i % 24:02d}:05:07,k{i % 3},{who},0.{3 + i % 5},2,0.1,0.05"
        for i in range(30)
        for who in "stu"
    ]
    return "auction_id,ts,kw,seller,cpc,worth,rate,conv\n" + "\n".join(
        sorted(rows, key=lambda row: row.split(",")[1])
    ) + "\n", ","


def _run(case: Case) -> None:
    if "mutations" in case:
        made = log_case(case["mutations"], with_times=case.get("times", False))
        made.write()
        named = [word for option, word in pairwise(made.words) if option in ("--scenario", "--budgets", "--quality")]
        run_command(made.words, writes=[*_WRITES, *named])
        return
    log, separator = _log(case["format"])
    contents, path = to_bytes(edited_text(log, case["text"], separator)), Path(case["name"])
    if path.suffix == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("a.csv", contents)
        contents = packed.getvalue()
    contents = _PACKED.get(path.suffix, bytes)(contents)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(edited_bytes(contents, case["bytes"]))
    # A file that a pattern would find, and nobody named.
    Path("a1.csv").write_text("secret\n")
    mapping = _MAPPING.replace('"cpc"', f'"{case["column"]}"') if "column" in case else _MAPPING
    mapping = f"{case.get('top', '')}\n{mapping}"
    Path("map.toml").write_bytes(to_bytes(edited_text(mapping, case.get("mapping", []))))
    words = ["ingest", case["name"], "--format", case["format"], "--out", case["out"]]
    if case["format"] == "auctions-csv":
        words += ["--mapping", "map.toml"]
    run_command(
        [*words, *(word for option in case["options"] for word in option)],
        writes=_WRITES,
    )


def _prepare() -> None:
    import duckdb

    duckdb.connect().execute("select 1")


TARGET = Target(cases=_cases, run=_run, prepare=_prepare, quick=50, seconds=60, megabytes=4000)
