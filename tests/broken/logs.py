"""Raw logs and mapping files that are wrong."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile

from ..logs import MAPPING
from .case import Broken

_HEADER = "auction_id;ts;kw;seller;cpc;worth;rate;clk;conv\n"
_START = "1;2024-03-04 05:06:07;"
_LINE = _START + "k;s;3;1;0.1;;\n"
_PRICE = "a number >= 0 and < 1e9"
_TIME = "20130606000104008"
_IPINYOU = "bidid\ttimestamp\tbidprice\tpayprice\tadvertiser\n"
_AUCTIONNET = (
    "deliveryPeriodIndex,advertiserNumber,CPAConstraint,timeStepIndex,pvIndex,pValue,bid,xi,cost,isExposed,conversionAction\n"
)
_CRITEO = "timestamp\tcampaign\tattribution\tclick\tclick_pos\tclick_nb\tcost\tcpo\n"


def zipped(*names: str) -> bytes:
    """An archive of members that hold an `a`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, "a")
    return packed.getvalue()


def _zip(**members: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/").replace("up", ".."), text)
    return packed.getvalue()


# What is wrong, the log, and what is said; of auctions-csv.
_MAPPED: list[tuple[str, str | bytes, str]] = [
    ("an empty log", b"", "a.csv: expected a log, got an empty file"),
    ("a log of blank lines", b"\n \n\n", "a.csv: expected a log, got an empty file"),
    ("a log without rows", _HEADER, "a.csv: expected one or more rows below the header, got none"),
    ("a log cut by commas", _HEADER.replace(";", ","),
     "a.csv: line 1: expected columns separated by ';', got columns separated by ','"),
    ("a log that lacks a column", _HEADER.replace("seller", "selller") + _LINE,
     "a.csv: line 1: expected a column seller, got none (did you mean 'selller'?) (named in map.toml)"),
    ("a log with a column twice", _HEADER.replace("\n", ";ts\n") + _LINE,
     "a.csv: line 1: expected each column once, got 'ts' twice"),
    ("a negative bid in a log", _HEADER + _START + "k;s;-3;1;0.1;;\n",
     f"a.csv: line 2, column cpc: expected {_PRICE}, got '-3'"),
    ("a bid of NaN in a log", _HEADER + _START + "k;s;nan;1;0.1;;\n",
     f"a.csv: line 2, column cpc: expected {_PRICE}, got 'nan'"),
    ("an infinite bid in a log", _HEADER + _START + "k;s;inf;1;0.1;;\n",
     f"a.csv: line 2, column cpc: expected {_PRICE}, got 'inf'"),
    ("a price of 10^9 in a log", _HEADER + _START + "k;s;3;1000000000;0.1;;\n",
     f"a.csv: line 2, column worth: expected {_PRICE}, got '1000000000'"),
    ("a bid left out of a log", _HEADER + _START + "k;s;;1;0.1;;\n", f"a.csv: line 2, column cpc: expected {_PRICE}, got None"),
    ("a click rate above 1 in a log", _HEADER + _START + "k;s;3;1;1.5;;\n",
     "a.csv: line 2, column rate: expected a number in (0, 1], got '1.5'"),
    ("two clicks of one impression", _HEADER + _START + "k;s;3;1;0.1;2;\n",
     "a.csv: line 2, column clk: expected 1 or 0, or true or false, got '2'"),
    ("a time in words", _HEADER + "1;yesterday;k;s;3;1;0.1;;\n",
     "a.csv: line 2, column ts: expected a time written as %Y-%m-%d %H:%M:%S, got 'yesterday'"),
    ("a line cut short", _HEADER + _START + "k\n", "a.csv: line 2: expected as many columns as in the first row, got fewer"),
    ("a line too long", _HEADER + _LINE.replace("\n", ";1;2\n"),
     "a.csv: line 2: expected as many columns as in the first row, got more"),
    ("a quote left open", _HEADER + _LINE + _START + '"k;s;3;1;0.1;;\n',
     "a.csv: line 3: expected quotes that are closed, got an open one"),
    ("an advertiser twice in an auction", _HEADER + 2 * _LINE,
     "a.csv: line 3: auction '1': expected each advertiser once, got 's' again"),
    ("an advertiser with HTML twice in an auction", _HEADER + 2 * _LINE.replace("s;", "<b>s</b>;"),
     "a.csv: line 3: auction '1': expected each advertiser once, got '<b>s</b>' again"),
    ("an auction of two queries", _HEADER + _LINE + _START + "l;t;3;1;0.1;;\n",
     "a.csv: line 3: auction '1': expected the same query in all its rows, got 'k' and 'l'"),
    ("a log in two encodings",
     (_HEADER + 80 * (_START + "\u00fc;s;3;1;0.1;;\n")).encode() + 9 * (_START.encode() + b"\xfc;s;3;1;0.1;;\n"),
     "a.csv: line 82: expected UTF-8, got other bytes (9 of 89 rows are invalid, more than --max-bad 0.01)"),
    ("a log in Chinese of another encoding", (_HEADER + _START + "\u5e7f\u544a;s;3;1;0.1;;\n").encode("gb18030"),
     "a.csv: line 2: expected UTF-8, got other bytes"),
    ("a log of NUL bytes", _HEADER.encode() + bytes(99), "a.csv: expected text, got a binary file"),
    ("a comma that may be decimal or between thousands", _HEADER + _START + "k;s;1,234;1;1;;\n",
     "a.csv: line 2, column cpc: expected a decimal comma or commas between thousands, got '1,234', which may be both: set"),
    ("a time without its seconds", _HEADER + "1;2024-03-04 05:06;k;s;3;1;0.1;;\n",
     "a.csv: line 2, column ts: expected a time written as %Y-%m-%d %H:%M:%S, got '2024-03-04 05:06'"),
    ("an offset that the format does not have", _HEADER + "1;2024-03-04 05:06:07+01:00;k;s;3;1;0.1;;\n",
     "a.csv: line 2, column ts: expected a time written as %Y-%m-%d %H:%M:%S, got '2024-03-04 05:06:07+01:00'"),
    ("a pickle for a log", b"\x80\x04\x95\x00\x00pickle", "a.csv: expected text, got a binary file"),
]  # fmt: skip

# What is wrong, the file and its contents, the format, and what is said.
_RELEASED: list[tuple[str, str, str | bytes, str, str]] = [
    ("a gzip file cut short", "a.gz", gzip.compress(bytes(range(256)) * 40, mtime=0)[:-9], "ipinyou",
     "a.gz: expected a complete .gz file, got"),
    ("a gzip file that is none", "a.gz", b"no gz at all", "ipinyou", "a.gz: expected a complete .gz file, got"),
    ("a bzip2 file cut short", "a.bz2", bz2.compress(bytes(range(256)) * 40)[:-9], "ipinyou",
     "a.bz2: expected a complete .bz2 file, got"),
    ("a bzip2 file that is none", "a.bz2", b"no bz2 at all", "ipinyou", "a.bz2: expected a complete .bz2 file, got"),
    ("an xz file that is none", "a.xz", b"no xz at all", "ipinyou", "a.xz: expected a complete .xz file, got"),
    ("a zst file that is none", "a.zst", b"no zst at all", "ipinyou", "a.zst: expected a complete .zst file, got"),
    ("a log packed by 7z", "a.csv.7z", b"7z", "ipinyou",
     "a.csv.7z: expected a log, plain or packed as gz, bz2, xz, zst or zip, got .7z"),
    ("a log in a tar file", "a.tar.gz", b"tar", "ipinyou",
     "a.tar.gz: expected a log, plain or packed as gz, bz2, xz, zst or zip, got .tar.gz"),
    ("a gzip file in a zip file", "a.zip", zipped("a.csv.gz"), "ipinyou",
     "a.zip:a.csv.gz: expected a log, plain or packed as gz, bz2, xz, zst or zip, got .gz inside an archive"),
    ("a zip file of hidden files", "a.zip", zipped("__MACOSX/._a.csv", ".DS_Store"), "ipinyou",
     "a.zip: expected log files in the archive, got none"),
    ("an iPinYou log of 25 columns", "a.txt", "\t".join(["b", _TIME, *23 * ["1"]]) + "\n", "ipinyou",
     "a.txt: line 1: expected 21 (bids), 24 (impressions, clicks, conversions), 26 (tests, which end in nclick"),
    ("a zip file that is none", "a.zip", b"no zip at all", "ipinyou", "a.zip: expected a complete .zip file, got"),
    ("a zip file that leaves its folder", "a.zip", _zip(up__up__etc__x="a"), "ipinyou",
     "a.zip: expected members inside the archive's folder, got '../../etc/x'"),
    ("a zip file without members", "a.zip", _zip(), "ipinyou", "a.zip: expected log files in the archive, got none"),
    ("a log of no columns that are known", "a.txt", "1\t2\t3\n", "ipinyou", "a.txt: line 1: expected a column bidid, got none"),
    ("an iPinYou log of three columns", "a.txt", f"abc\t{_TIME}\t1\n", "ipinyou",
     "a.txt: line 1: expected 21 (bids), 24 (impressions"),
    ("an iPinYou log that begins with the time", "a.txt", f"{_TIME}\tx\n", "ipinyou",
     "a.txt: line 1: expected the bid's id before the timestamp, got none"),
    ("a 13th month", "a.txt", _IPINYOU + "x\t20131306000104008\t300\t30\t1458\n", "ipinyou",
     "a.txt: line 2, column timestamp: expected 17 digits, from the year to the millisecond, got '20131306000104008'"),
    ("a paying price in words", "a.txt", _IPINYOU + f"x\t{_TIME}\t300\tcheap\t1458\n", "ipinyou",
     f"a.txt: line 2, column payprice: expected {_PRICE}, got 'cheap'"),
    ("a log of bids alone", "a.txt",
     "bidid\ttimestamp\tlogtype\tbidprice\tpayprice\tadvertiser\n" + f"x\t{_TIME}\t0\t300\t0\t1458\n",
     "ipinyou", "a.txt: expected auctions in the ipinyou log, got none among its rows"),
    ("an AuctionNet log that lacks columns", "a.csv", "bid,xi\n", "auctionnet",
     "a.csv: line 1: expected a column deliveryPeriodIndex, got none among 2 columns"),
    ("an AuctionNet step after the last", "a.csv", _AUCTIONNET + "7,0,60,48,1,0.01,0.2,1,0.1,1,0\n", "auctionnet",
     "a.csv: line 2, column timeStepIndex: expected a whole number from 0 to 47, got '48'"),
    ("a negative budget of AuctionNet", "a.csv", _AUCTIONNET.replace("\n", ",budget\n") + "7,0,60,4,1,0.01,0.2,1,0.1,1,0,-5\n",
     "auctionnet", f"a.csv: line 2, column budget: expected {_PRICE}, got '-5'"),
    ("a Criteo log cut by commas", "a.tsv", _CRITEO.replace("\t", ","), "criteo-attribution",
     "a.tsv: line 1: expected columns separated by '\\t', got columns separated by ','"),
    ("a Criteo click of 7", "a.tsv", _CRITEO + "1\tc\t0\t7\t-1\t-1\t0.1\t0.2\n", "criteo-attribution",
     "a.tsv: line 2, column click: expected a whole number from 0 to 1, got '7'"),
]  # fmt: skip

# What is wrong, the mapping, and what is said after its name.
_MAPPINGS: list[tuple[str, str | bytes, str]] = [
    ("a mapping of an unknown column", "[columns]\nadvertisr = 'a'\n", "columns: unknown key 'advertisr'; choose from auction"),
    ("a mapping with an unknown key", "delimitr = ','\n",
     "unknown key 'delimitr'; choose from delimiter, encoding, decimal, thousands, timestamp_format, timezone, prices, "),
    ("a mapping without a time", "[columns]\nadvertiser = 'a'\nmanual_bid = 'b'\n",
     "columns: expected a line for timestamp, got none"),
    ("a mapping to a number", "[columns]\nadvertiser = 3\n", "columns.advertiser: expected the name of a column, got 3"),
    ("a mapping of a column twice", "[columns]\nadvertiser = 'a'\nmanual_bid = 'a'\n",
     "columns.advertiser: expected each column once, got 'a' twice"),
    ("a mapping of people", MAPPING.replace('"kw"', '"User-ID"'),
     "columns.query: expected no identifier of people, got 'User-ID'"),
    ("a delimiter of two characters", "delimiter = ';;'\n", "delimiter: expected one character between values, got ';;'"),
    ("a time format that is none", "timestamp_format = '%Q'\n",
     "timestamp_format: expected iso, unix, unix-ms, unix-us, unix-ns or a format of strptime, got '%Q'"),
    ("a time format of two zones", "timestamp_format = '%Y-%m-%d %H:%M:%S %z %Z'\n",
     "timestamp_format: expected iso, unix, unix-ms, unix-us, unix-ns or a format of strptime with one zone, got '%Y"),
    ("a zone that is none", f"timezone = 'Europe/Berln'\n{MAPPING}",
     "timezone: expected an IANA name (Europe/Berlin), an offset (+01:00), UTC or Z, got 'Europe/Berln' (did you mean"),
    ("an encoding that is none", f"encoding = 'utf-9'\n{MAPPING}",
     "encoding: expected an encoding such as utf-8, utf-16 or cp1252, got 'utf-9' (did you mean 'utf-8'?)"),
    ("a decimal mark that is none", f"decimal = ':'\n{MAPPING}", "decimal: expected one of '.', ',', got ':'"),
    ("a mark between thousands that is none", f"thousands = '_'\n{MAPPING}",
     "thousands: expected one of '', ',', '.', ' ', \"'\", got '_'"),
    ("one mark for two uses", f"decimal = ','\nthousands = ','\n{MAPPING}",
     "thousands: expected another mark than decimal, got ','"),
    ("a mapping that is no TOML", "= 3", "expected a mapping file (auctionsim ingest --template), got"),
    ("a mapping in Latin-1", "prices = '\u00fc'".encode("latin-1"),
     "expected a mapping file (auctionsim ingest --template), got"),
    ("an empty mapping", "", "columns: expected a line for advertiser, got none"),
]  # fmt: skip

_GOOD = {"map.toml": MAPPING, "a.csv": _HEADER + _LINE}
_MAPPED_TO = "ingest a.csv --format auctions-csv --mapping map.toml --out"
# What is wrong, the command, and the line.
_USES = [
    ("an unknown format", "ingest a.csv --format ipinyuo --out t.parquet",
     "--format: unknown format 'ipinyuo'; choose from auctions-csv, auctionnet, ipinyou, criteo-attribution "
     "(did you mean 'ipinyou'?)"),
    ("no format", "ingest a.csv --out t.parquet",
     "--format: expected one of auctions-csv, auctionnet, ipinyou, criteo-attribution, got none"),
    ("no log", "ingest --format ipinyou --out t.parquet", "LOG: expected a log file or a folder of log files, got none"),
    ("a log that is not there", "ingest none.csv --format ipinyou --out t.parquet",
     "none.csv: expected a log file or a folder of log files, got no such file"),
    ("an aggregation that is not offered", f"{_MAPPED_TO} t.parquet --aggregate week",
     "--aggregate: unknown 'week'; choose from hour, quarter, none"),
    ("a method of rates that is not offered", f"{_MAPPED_TO} t.parquet --rates guessed",
     "--rates: unknown 'guessed'; choose from empirical, logistic"),
    ("budgets of a log that has none", f"{_MAPPED_TO} t.parquet --budgets b.csv",
     "a.csv: --budgets: expected a log with budgets (auctionnet, or a mapped `budget`), got none as auctions-csv"),
    ("a share above 1", f"{_MAPPED_TO} t.parquet --max-bad 2",
     "auctionsim ingest: argument --max-bad: expected a number from 0 to 1, got '2'"),
    ("a zone that is not offered", f"{_MAPPED_TO} t.parquet --timezone Mars/Olympus",
     "--timezone: expected an IANA name (Europe/Berlin), an offset (+01:00), UTC or Z, got 'Mars/Olympus'"),
    ("a zone of a log without times", "ingest a.csv --format criteo-attribution --out t.parquet --timezone UTC",
     "--timezone: expected with a log that has times, got it with days and hours of criteo-attribution"),
    ("a log named twice", f"{_MAPPED_TO.replace('a.csv', 'a.csv ./a.csv')} t.parquet",
     "a.csv: expected each log file once, got it twice"),
    ("no mapping", "ingest a.csv --format auctions-csv --out t.parquet",
     "--mapping: expected the file that names the columns (auctionsim ingest --template), got none"),
    ("a table that ends in .txt", f"{_MAPPED_TO} t.txt", "t.txt: expected a name that ends in .parquet, or a folder, got .txt"),
    ("a log of one day for a scenario", f"{_MAPPED_TO} t.parquet --scenario s.toml",
     "a.csv: expected a log of 2 or more days, got 1"),
    ("a scenario of a folder", f"{_MAPPED_TO} t --scenario s.toml",
     "--scenario: expected an --out that ends in .parquet, got t"),
    ("a scenario that would be overwritten", f"{_MAPPED_TO} t.parquet --scenario map.toml",
     "--scenario: expected another file than --mapping, got map.toml"),
]  # fmt: skip

_WITH_TIMES = {
    when: {"map.toml": f'timestamp_format = "{when}"\n{MAPPING}', "a.csv": _HEADER + "".join(f"{i};{time};k;s;3;1;0.1;;\n"
    for i, time in enumerate(times))}
    for when, times in (
        ("iso", ("2024-03-04T05:06:07+01:00", "2024-07-04T05:06:07+02:00")),
        ("%Y-%m-%d %H:%M:%S%z", ("2024-03-04 05:06:07Z", "2024-07-04 05:06:07")),
        ("unix-ms", ("1709566200", "1709652600")),
        ("unix", ("1709566200000",)),
        ("%Y-%m-%d %H:%M:%S %Z", ("2024-07-04 05:06:07 CEST",)),
    )
}  # fmt: skip
# Format of the times, and what is said.
_TIMES = [
    ("times of two offsets", "iso",
     "a.csv: line 3, column ts: expected UTC+01:00 as before, or --timezone ZONE to convert all times to, got UTC+02:00"),
    ("a time without the offset of the others", "%Y-%m-%d %H:%M:%S%z",
     "a.csv: line 3, column ts: expected a time written as %Y-%m-%d %H:%M:%S%z, got '2024-07-04 05:06:07'"),
    ("seconds called milliseconds", "unix-ms",
     'a.csv: line 2, column ts: expected milliseconds since 1970 (timestamp_format = "unix-ms"), got \'1709566200\', which '
     'as seconds is in 2024: set timestamp_format = "unix"'),
    ("milliseconds called seconds", "unix",
     'a.csv: line 2, column ts: expected seconds since 1970 (timestamp_format = "unix"), got \'1709566200000\', which as '
     'milliseconds is in 2024: set timestamp_format = "unix-ms"'),
    ("a zone's name that is no zone", "%Y-%m-%d %H:%M:%S %Z",
     "a.csv: line 2, column ts: expected a time written as %Y-%m-%d %H:%M:%S %Z, got '2024-07-04 05:06:07 CEST'"),
]  # fmt: skip

CASES = {
    **{name: Broken(f"{_MAPPED_TO} t.parquet", says, _WITH_TIMES[when]) for name, when, says in _TIMES},
    **{name: Broken(f"{_MAPPED_TO} new/t.parquet", says, {"map.toml": MAPPING, "a.csv": text}) for name, text, says in _MAPPED},
    **{
        name: Broken(f"ingest {file} --format {form} --out new/t.parquet", says, {file: text})
        for name, file, text, form, says in _RELEASED
    },
    **{
        name: Broken(f"{_MAPPED_TO} t.parquet", f"map.toml: {says}", {**_GOOD, "map.toml": text})
        for name, text, says in _MAPPINGS
    },
    **{name: Broken(command, says, _GOOD) for name, command, says in _USES},
    "an empty folder of logs": Broken("ingest logs --format ipinyou --out t.parquet",
    "logs: expected log files in the folder, got none", {"logs/.hidden": ""}),
}  # fmt: skip
