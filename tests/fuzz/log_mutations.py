"""Logs, mappings, archives and options of `ingest` that know their structure: most are nearly right, and each is odd somewhere.

A seed gives a case. `write` puts its files into the current folder; `words` is the command line. Nothing here runs anything.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Draw = random.Random
_KEYS = (
    "auction", "timestamp", "query", "advertiser", "manual_bid", "item_price", "pctr", "pcvr", "market_ecpm", "weight",
    "clicked", "converted", "budget", "shown", "slot", "cost_per_click", "cost_per_impression",
)  # fmt: skip
_LATER = ("clicked", "converted_at", "clicked_at")
_NAMES = (
    "row", "wrong", "came", "text timestamp", "good", "raw", "log", "bad", "day", "a.b", "a b", "A", "a", "\u00fc",
    "\U0001f600",
    "select", "1", "*", "x'; DROP TABLE raw; --", "{0}", "$1", "?", "a\\b", "[x]", "filename", "\u2018q\u2019", "%Y",
    "\u00a0x",
)  # fmt: skip
_TEXTS = (
    "", " ", "\u00a0", "x", "a'b", 'a"b', "a,b", "a;b", "\u9884\u7b97", "\U0001f600", "e\u0301", "NULL", "nan",
    "None", "-", "0",
    "{0}", "%s", "$x$", "<b>", "x" * 300, "\x07", "\x7f", "\u202e", "\ufeff", "\u2028", "=1+1", "\\N", "a\tb", "\u0130",
)  # fmt: skip
_NUMBERS = (
    "0", "1", "-0", "-1", "1e-320", "1e9", "999999999", "1e308", "1e999", "inf", "-inf", "nan", "0x1", "1_000",
    "1,5", "1.000,5",
    "1 000", "1'000", ".5", "5.", "+1", "1e-12", "0.1000000000000000055511151231257827", "9007199254740993",
    "1" * 400, "\u0661",
    "1\u00a0000", "$1", "1%", "true", "--1", "1e", "00", "1.2.3", "1,2,3", "\u22121", "2147483648", "4611686018427387904",
)  # fmt: skip
_FORMATS: dict[str, Callable[[int], str]] = {
    "%Y-%m-%d %H:%M:%S": lambda s: f"2024-03-{1 + s // 86400:02d} {s // 3600 % 24:02d}:{s // 60 % 60:02d}:{s % 60:02d}",
    "iso": lambda s: f"2024-03-{1 + s // 86400:02d}T{s // 3600 % 24:02d}:{s // 60 % 60:02d}:{s % 60:02d}+01:00",
    "unix": lambda s: str(1709251200 + s),
    "unix-ms": lambda s: str((1709251200 + s) * 1000 + 7),
    "unix-ns": lambda s: str((1709251200 + s) * 10**9 + 7),
    "%d.%m.%Y %H:%M": lambda s: f"{1 + s // 86400:02d}.03.2024 {s // 3600 % 24:02d}:{s // 60 % 60:02d}",
    "%Y%m%d%H%M%S %z": lambda s: f"202403{1 + s // 86400:02d}{s // 3600 % 24:02d}0000 +0000",
    "%H:%M": lambda s: f"{s // 3600 % 24:02d}:{s // 60 % 60:02d}",
}
_TIMES = (
    "", "0000-00-00 00:00:00", "9999-12-31 23:59:59", "0001-01-01 00:00:00", "1969-12-31 23:59:59", "2024-02-30 00:00:00",
    "2024-03-10 02:30:00", "-1", "0", "1e18", "99999999999999999999", "2024-03-01T00:00:00+99:99",
    "2024-03-01T00:00:00Z", "now",
    "infinity", "-infinity", "epoch", "290309-12-22 00:00:00", "2024-03-01 24:00:00", "2024-03-01 23:59:60", "12:00",
)  # fmt: skip
_SETTINGS = (
    'delimiter = ";"', 'delimiter = "\\t"', 'delimiter = "|"', 'delimiter = "a"', 'delimiter = "\u00e9"', "delimiter = \"'\"",
    'delimiter = "\\\\"', 'delimiter = " "', 'delimiter = "."', 'encoding = "utf-16"', 'encoding = "utf-16-le"',
    'encoding = "cp1252"', 'encoding = "utf-7"', 'encoding = "gb18030"', 'encoding = "utf-32"', 'encoding = "idna"',
    'encoding = "punycode"', 'encoding = "rot13"', 'encoding = "unicode_escape"', 'encoding = "cp037"',
    'encoding = "utf-8-sig"',
    'encoding = "undefined"', 'decimal = ","', 'decimal = "."', 'thousands = "."', 'thousands = ","', 'thousands = " "',
    'thousands = "\'"', 'thousands = ""', 'timezone = "Europe/Berlin"', 'timezone = "UTC"', 'timezone = "+23:59"',
    'timezone = "America/New_York"', 'timezone = "../../etc/passwd"', 'timezone = "Africa/Monrovia"', 'timezone = ""',
    'prices = "<script>"', 'prices = "\\u0000"', 'prices = "{x}"', "x = 1", "[columns", "columns = []",
    'timestamp_format = "%"',
    'timestamp_format = "%Q"', 'timestamp_format = "{0}"', 'timestamp_format = "%j"', 'timestamp_format = "%s"',
    'timestamp_format = "%Z%Y"', 'timestamp_format = "%Y-%m-%d %H:%M:%S.%f"', 'timestamp_format = "%G-%V-%u"',
    'timestamp_format = "%Y %z %Z"', "timestamp_format = \"'\"", 'timestamp_format = "%-d/%-m/%y %I %p"',
)  # fmt: skip
_OPTIONS = (
    ["--aggregate", "hour"], ["--aggregate", "quarter"], ["--rates", "logistic"], ["--timezone", "Asia/Kolkata"],
    ["--timezone=-00:30"], ["--timezone", "Pacific/Apia"], ["--max-bad", "1"], ["--max-bad", "0"], ["--budgets", "b.csv"],
    ["--report"], ["--scenario", "s.toml"], ["--json"], ["--quality", "q.html"],
    ["--scenario", "new/s.toml"],
)  # fmt: skip
_WRONG_OPTIONS = (
    ["--budgets", "t.parquet"], ["--quality", "map.toml"], ["--scenario", "/dev/full"], ["--max-unpacked", "0.000001"],
    ["--budgets", "b.parquet"], ["--quality", "q"], ["--scenario", "a.csv"], ["--timezone", "x"],
)  # fmt: skip
_FILES = ("a.csv", "a.csv", "a.csv", "log[1].csv", "kw=7/a.csv", "a'b.csv", "\udcff.csv", "a b;c.csv", "-.csv", "~", "\n.csv")
_OUTS = ("t.parquet", "t.parquet", "t.parquet", "t", "new/t.parquet", "./t.parquet", "o=1 [x]/t.parquet", "\U0001f600.parquet")


@dataclass
class LogCase:
    """A command line of `ingest` and the files that it reads."""

    words: list[str]
    """The words after `auctionsim`."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Contents by path."""

    def write(self) -> None:
        """Write the files into the current folder."""
        for name, contents in self.files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents)


def log_case(seed: int, *, with_times: bool = False) -> LogCase:
    """Return the case of a seed; with times of clicks and conversions it is another one."""
    draw = Draw(seed)
    columns = _columns(draw)
    if with_times:
        columns = list(dict.fromkeys([*columns, *draw.choice((_LATER, _LATER, _LATER[:2], _LATER[1:]))]))
    when = draw.choice(list(_FORMATS)) if draw.random() < 0.5 else "%Y-%m-%d %H:%M:%S"
    settings = [f'timestamp_format = "{when}"'] if when != "%Y-%m-%d %H:%M:%S" or draw.random() < 0.5 else []
    keys = [setting.split(" ")[0] for setting in settings]
    more = [setting for setting in draw.sample(_SETTINGS, 2) if draw.random() < 0.15]
    settings += [setting for setting in more if setting.split(" ")[0] not in keys]
    names = {key: draw.choice(_NAMES) if draw.random() < 0.06 else f"c_{key}" for key in columns}
    encoding = next((setting.split('"')[1] for setting in settings if setting.startswith("encoding")), None)
    contents = _encoded(draw, _text(draw, columns, names, when, settings), encoding)
    base = draw.choice(_FILES)
    suffix, contents = _packed(draw, contents)
    name = base.removesuffix(".csv") + suffix if suffix else base
    words = ["ingest", f"./{name}", "--format", "auctions-csv", "--mapping", "map.toml", "--out", draw.choice(_OUTS)]
    if draw.random() < 0.4:
        words += ["--max-bad", "1"]
    if draw.random() < 0.1:
        words += draw.choice(_WRONG_OPTIONS)
    for option in draw.sample(_OPTIONS, draw.choice((0, 0, 1, 2, 3))):
        words += option
    return LogCase(words, {name: contents, "map.toml": _mapping(draw, settings, names)})


def _columns(draw: Draw) -> list[str]:
    """Draw the columns that are mapped: most often those that a mapping must have."""
    keys = [key for key in _KEYS if key in ("timestamp", "advertiser", "manual_bid") or draw.random() < 0.5]
    if "cost_per_click" in keys and draw.random() < 0.95:
        keys = [key for key in keys if key != "cost_per_impression"]
    return keys if draw.random() < 0.95 else draw.sample(keys, len(keys) - 1)


def _mapping(draw: Draw, settings: list[str], names: dict[str, str]) -> bytes:
    """Make the mapping file; one of a few is changed in a few bytes."""
    quoted = {key: name.replace("\\", "\\\\").replace('"', '\\"') for key, name in names.items()}
    text = "\n".join([*settings, "[columns]", *(f'{key} = "{name}"' for key, name in quoted.items())]) + "\n"
    return _damaged(draw, text.encode()) if draw.random() < 0.05 else text.encode()


def _text(draw: Draw, columns: list[str], names: dict[str, str], when: str, settings: list[str]) -> str:
    """Write the log: a header, and auctions of a few candidates over a few days, with an odd value here and there."""
    delimiter = next((setting.split('"')[1] for setting in settings if setting.startswith("delimiter")), ",")
    delimiter = {"\\t": "\t", "\\\\": "\\"}.get(delimiter, delimiter)
    comma = any(setting == 'decimal = ","' for setting in settings) or draw.random() < 0.05
    oddness = draw.choice((0, 0, 0.002, 0.02, 0.3, 1))
    order = draw.sample(columns, len(columns)) + ["extra"] * (draw.random() < 0.3)
    lines = [delimiter.join(_cell(names.get(key, key), delimiter) for key in order)]
    n_auctions, days = draw.choice((1, 3, 40, 200)), draw.choice((1, 2, 4))
    for i in range(n_auctions):
        second = i * days * 86400 // n_auctions
        for who in range(draw.choice((1, 2, 3))):
            row = {key: _value(draw, key, i, who, _FORMATS[when](second)) for key in order}
            for key in [key for key in order if key.endswith("_at")]:
                later = second + draw.choice((0, 60, 3600, 90_000, -1))
                row[key] = _FORMATS[when](later) if row.get("clicked", "1") in ("1", "true") and draw.random() < 0.7 else ""
            for key in order:
                if draw.random() < oddness:
                    row[key] = draw.choice(_TIMES if key == "timestamp" or key.endswith("_at") else (*_NUMBERS, *_TEXTS))
            cells = [row[key].replace(".", ",") if comma and key != "timestamp" else row[key] for key in order]
            lines.append(delimiter.join(_cell(cell, delimiter) for cell in cells))
    end = draw.choice(("\n", "\n", "\n", "\r\n", "\r", "\n\r"))
    text = end.join(lines) + end * draw.choice((0, 1, 3))
    for _ in range(draw.choice((0, 0, 0, 1, 3))):
        at = draw.randrange(len(text) + 1)
        text = (
            text[:at]
            + draw.choice(('"', "\n", "\r", delimiter, "\0", "'", "\ufeff", "x" * 5000, "#"))
            + text[at + draw.choice((0, 1, 9)) :]
        )
    return text


def _value(draw: Draw, key: str, auction: int, who: int, time: str) -> str:
    """Return a right value of a column."""
    fixed = {
        "auction": str(auction), "timestamp": time, "query": f"k{auction % 5}", "advertiser": f"s{who}", "weight": "1",
        "market_ecpm": "0.1", "budget": f"{who + 7}.5", "slot": str(who + 1), "extra": "x",
    }  # fmt: skip
    if key in fixed:
        return fixed[key]
    if key in ("clicked", "converted", "shown"):
        return draw.choice(("0", "1", "0", "true", ""))
    return f"{draw.uniform(0.01, 0.9):.6f}" if key in ("pctr", "pcvr") else f"{draw.lognormvariate(0, 1):.4f}"


def _cell(text: str, delimiter: str) -> str:
    if any(mark in text for mark in (delimiter, '"', "\n", "\r")):
        return '"' + text.replace('"', '""') + '"'
    return text


def _encoded(draw: Draw, text: str, encoding: str | None) -> bytes:
    """Encode a log as its mapping says, or as logs are found."""
    used = encoding or draw.choice(("utf-8",) * 8 + ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-32"))
    try:
        contents = text.encode(used, "replace")
    except (LookupError, ValueError):
        contents = text.encode("utf-8", "surrogatepass")
    return _damaged(draw, contents) if draw.random() < 0.1 else contents


def _damaged(draw: Draw, contents: bytes) -> bytes:
    """Change, cut or repeat a few bytes."""
    changed = bytearray(contents or b"\0")
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(changed))
        match draw.randrange(4):
            case 0:
                changed[at] = draw.randrange(256)
            case 1:
                del changed[at : at + draw.randint(0, 20)]
            case 2:
                changed[at:at] = changed[at : at + draw.randint(0, 40)]
            case _:
                changed[at:at] = draw.choice((b"\0", b"\xff\xfe", b"\r", b'"', b"\xc3", b"\xed\xa0\x80"))
        changed = changed or bytearray(b"x")
    return bytes(changed)


def _packed(draw: Draw, contents: bytes) -> tuple[str, bytes]:
    """Pack a log, or not, and damage some archives. Returns the ending of its name, and its bytes."""
    if draw.random() < 0.75:
        return "", contents
    kind = draw.choice((".gz", ".bz2", ".xz", ".zip", ".zip", ".zst"))
    half = len(contents) // 2
    packed = {
        ".gz": lambda: gzip.compress(contents[:half]) + gzip.compress(contents[half:]),
        ".bz2": lambda: bz2.compress(contents),
        ".xz": lambda: lzma.compress(contents),
        ".zip": lambda: _zipped(draw, contents),
        ".zst": lambda: _zstandard(contents),
    }[kind]()
    return draw.choice((kind, kind, kind.upper())), _damaged(draw, packed) if draw.random() < 0.3 else packed


def _zipped(draw: Draw, contents: bytes) -> bytes:
    """Pack a log as a zip archive, with members that are none, or should not be there."""
    made = io.BytesIO()
    others = (
        "__MACOSX/a",
        ".DS_Store",
        "../a.csv",
        "/a.csv",
        "a.gz",
        "deep/",
        "a\\..\\b",
        "x" * 300,
        "\U0001f600.csv",
        "b.csv",
    )
    with zipfile.ZipFile(made, "w", draw.choice((0, 8, 12, 14))) as archive:
        archive.writestr("a.csv", contents)
        for name in draw.sample(others, draw.choice((0, 0, 1, 2))):
            archive.writestr(name, draw.choice((contents, b"", b"\0" * 100)))
    return made.getvalue()


def _zstandard(contents: bytes) -> bytes:
    import pyarrow

    return bytes(pyarrow.compress(contents, "zstd", asbytes=True))
