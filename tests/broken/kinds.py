"""Files and folders of another kind than the command takes, and outputs at places where no folder can be."""

from __future__ import annotations

from collections.abc import Mapping

from ..conftest import SMALL
from ..logs import MAPPING
from .case import Broken
from .tables import ROWS, STORED, csv, parquet

_FILES: Mapping[str, bytes | str] = {
    "s.toml": SMALL, "t.csv": csv(*ROWS), "t.parquet": parquet(), "file": "x", "data.json": '{"a": 1}', "map.toml": MAPPING,
    "stored/traffic.json": STORED, "logged/dataset.json": "{}", "packed.csv": b"\x1f\x8b\x08\x00",
    "sweep/plan.json": "{}", "other/file": "",
}  # fmt: skip
_BUILT_IN = (
    "expected a scenario file or a built-in scenario (auctionnet, autobidding, calibrated, large, ss-rtb-1000, ss-rtb-many, "
    "ss-rtb, taobao-mix, three-arms), got"
)
_TABLE = "expected a traffic table (Parquet or CSV), got"
_RUN = "expected a run folder with manifest.json, got"
_SOURCE = "expected a scenario, a traffic table or a folder of stored traffic, got"
_NAMED = "(a scenario names it as traffic.source)"
_STEPS = "expected a dataset with dataset.json, got"

# The command, and the line.
_OTHER_KINDS = [
    ("fit s.toml --out o.toml", f"s.toml: {_TABLE} a scenario file\n"),
    ("fit three-arms --out o.toml", f"three-arms: {_TABLE} the name of a built-in scenario\n"),
    ("fit map.toml --out o.toml", f"map.toml: {_TABLE} another TOML file\n"),
    ("fit run --out o.toml", f"run: {_TABLE} a run folder\n"),
    ("fit stored --out o.toml", f"stored: {_TABLE} a folder of stored traffic\n"),
    ("fit logged --out o.toml", f"logged: {_TABLE} a dataset of logged days\n"),
    ("fit sweep --out o.toml", f"sweep: {_TABLE} the folder of a sweep, a study or a demo\n"),
    ("fit other --out o.toml", f"other: {_TABLE} another folder\n"),
    ("fit packed.csv --out o.toml", f"packed.csv: {_TABLE} a gzip file\n"),
    ("fit data.json --out o.toml", f"data.json: {_TABLE} a JSON file\n"),
    ("fit t.csv --budgets s.toml --out o.toml", "s.toml: expected a budgets file (CSV or Parquet), got a scenario file\n"),
    ("whatif t.csv --set mechanism.reserve=1 --observed s.toml",
     "s.toml: expected a table of observed totals (CSV or Parquet), got a scenario file\n"),
    ("train t.csv", f"t.csv: {_BUILT_IN} a CSV file {_NAMED}\n"),
    ("check t.parquet", f"t.parquet: {_BUILT_IN} a Parquet file {_NAMED}\n"),
    ("check stored", f"stored: {_BUILT_IN} a folder of stored traffic {_NAMED}\n"),
    ("check data.json", f"data.json: {_BUILT_IN} a JSON file\n"),
    ("train run --out new", f"run: {_BUILT_IN} a run folder (its scenario is run/scenario.toml)\n"),
    ("train quickstart",
     f"quickstart: {_BUILT_IN} the name of a template (make the file: auctionsim init quickstart.toml --template "
     "quickstart)\n"),
    ("train quickstart.toml",
     f"quickstart.toml: {_BUILT_IN} no such file (make the file: auctionsim init quickstart.toml --template quickstart)\n"),
    ("check Three-Arms", f"Three-Arms: {_BUILT_IN} no such file (did you mean 'three-arms'?)\n"),
    ("whatif logged", f"logged: {_SOURCE} a dataset of logged days\n"),
    ("landscape run", f"run: {_SOURCE} a run folder\n"),
    ("report s.toml", f"s.toml: {_RUN} a scenario file (auctionsim train s.toml makes a run)\n"),
    ("export three-arms", f"three-arms: {_RUN} the name of a built-in scenario (auctionsim train three-arms makes a run)\n"),
    ("resume t.csv", f"t.csv: {_RUN} a CSV file\n"),
    ("compare run stored", f"stored: {_RUN} a folder of stored traffic\n"),
    ("watch s.toml", "s.toml: expected a run folder, got a scenario file\n"),
    ("learn-offline run --out new", f"run: {_STEPS} a run folder (auctionsim export-dataset makes one)\n"),
    ("evaluate-offline s.toml --policy manual", f"s.toml: {_STEPS} a scenario file (auctionsim export-dataset makes one)\n"),
    ("bench --day run", "run: expected a folder of stored traffic, got a run folder\n"),
    ("bench --day t.csv", "t.csv: expected a folder of stored traffic, got a CSV file\n"),
    ("bench --day nowhere", "nowhere: expected a folder of stored traffic, got no such folder\n"),
    ("screen s.toml", "s.toml: expected a log of bids (CSV or Parquet), got a scenario file\n"),
    ("screen run", "run: expected a log of bids (CSV or Parquet), got a run folder\n"),
    ("ingest t.csv --format auctions-csv --out x.parquet --mapping s.toml",
     "s.toml: expected a mapping file (auctionsim ingest --template), got a scenario file\n"),
    ("ingest t.csv --format auctions-csv --out x.parquet --mapping t.csv",
     "t.csv: expected a mapping file (auctionsim ingest --template), got a CSV file\n"),
    ("ingest s.toml --format ipinyou --out x.parquet",
     "s.toml: expected a log file or a folder of log files, got a scenario file\n"),
    ("ingest t.parquet --format auctions-csv --mapping map.toml --out x.parquet",
     "t.parquet: expected a log file or a folder of log files, got a Parquet file (logs are read from CSV or TSV, plain or "
     "packed as gz, bz2, xz, zst or zip)\n"),
    ("check --profile s.toml", "s.toml: expected a profile file (docs/profiles.md), got a scenario file\n"),
    ("check --profile run", "run: expected a profile file (docs/profiles.md), got a run folder\n"),
    ("reproduce leaderboard --against s.toml --out new",
     "s.toml: expected the folder of a leaderboard, with plan.json, got a scenario file\n"),
]  # fmt: skip

_ELSE = "(choose another with --out)"
_NEW = (
    f"expected a new or empty folder, got a file {_ELSE}\n",
    f"expected a new or empty folder, got one in the file file {_ELSE}\n",
)
_ANY = ("expected a folder, got a file\n", "expected a folder, got one in the file file\n")
# The command up to its --out, and what is said where a file is there, or a file in the place of a folder on the way.
_OUTPUTS = [
    ("train s.toml", *_NEW),
    ("export-dataset s.toml", *_NEW),
    ("bench --make-day 100", *_NEW),
    ("demo --quick", *_NEW),
    ("reproduce calvano", *_NEW),
    ("report run", *_ANY),
    ("export run", *_ANY),
    ("whatif t.csv", *_ANY),
    ("experiment t.csv", *_ANY),
]


def _needs_run(command: str) -> bool:
    return "run" in command.split()


def _case(command: str, says: str) -> Broken:
    return Broken(command, says, _FILES, (lambda run: None) if _needs_run(command) else None)


CASES = {
    **{f"another kind: {command}": _case(command, says) for command, says in _OTHER_KINDS},
    **{f"a file for a folder: {command}": _case(f"{command} --out file", f"file: {at}") for command, at, _ in _OUTPUTS},
    **{
        f"a folder in a file: {command}": _case(f"{command} --out file/sub", f"file/sub: {inside}")
        for command, _, inside in _OUTPUTS
    },
}  # fmt: skip
