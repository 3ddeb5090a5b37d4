"""Run folders that are wrong: a finished run, one of its files broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors.numpy import load_file, save_file

from .case import Broken

_STATE = "run/checkpoints/000006/seed-0.safetensors"
_NO_CODE = (
    b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94."
)
"""A pickle that would run a command if anybody read it."""

Break = Callable[[Path], object]


def manifest(**changes: Any) -> Break:
    """Change keys of the manifest."""

    def change(run: Path) -> None:
        place = run / "manifest.json"
        place.write_text(json.dumps({**json.loads(place.read_text()), **changes}))

    return change


def _written(name: str, contents: str | bytes) -> Break:
    return lambda run: (run / name).write_bytes(contents.encode() if isinstance(contents, str) else contents)


def _metric(**changes: Any) -> Break:
    def change(run: Path) -> None:
        path = run / "metrics.jsonl"
        first, *others = path.read_text().splitlines()
        path.write_text("\n".join([json.dumps({**json.loads(first), **changes}), *others]) + "\n")

    return change


def _table(name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Break:
    def write(run: Path) -> None:
        place = run / f"{name}.parquet"
        change(pl.read_parquet(place)).write_parquet(place)

    return write


def _state(schema: str = "auctionsim-checkpoint-1", **changes: np.ndarray | None) -> Break:
    def write(run: Path) -> None:
        place = run.parent / _STATE
        arrays = {name: array for name, array in {**load_file(place), **changes}.items() if array is not None}
        save_file(arrays, place, {"schema": schema})

    return write


def _unfinished(then: Break) -> Break:
    def change(run: Path) -> None:
        manifest(status="interrupted")(run)
        then(run)

    return change


def _checkpoint(contents: bytes) -> Break:
    return lambda run: (run.parent / _STATE).write_bytes(contents)


# What is wrong, how it is broken, the command, and the line.
_RUNS: list[tuple[str, Break, str, str]] = [
    ("a run without a manifest", lambda run: (run / "manifest.json").unlink(), "report",
     "run: expected a run folder with manifest.json, got none"),
    ("a manifest that is no JSON", _written("manifest.json", "{"), "report", "run/manifest.json: expected JSON, got"),
    ("a manifest in UTF-16", _written("manifest.json", "{}".encode("utf-16")), "report",
     "run/manifest.json: expected JSON, got"),
    ("a manifest that is a list", _written("manifest.json", "[]"), "report",
     "run/manifest.json: expected the keys command, overrides, scenario_folder, seeds, status, version, got []"),
    ("a seed that is a path", manifest(seeds=["../../../etc/passwd"]), "evaluate",
     "run/manifest.json: seeds: expected a list of different whole numbers >= 0 and < 2^63, got ['../../../etc/passwd']"),
    ("a run of no seeds", manifest(seeds=[]), "resume",
     "run/manifest.json: seeds: expected a list of different whole numbers >= 0 and < 2^63, got []"),
    ("an unknown status", manifest(status="done"), "resume",
     "run/manifest.json: status: expected one of running, finished, failed, interrupted, got 'done'"),
    ("overrides that are no list", manifest(overrides="seed=1"), "evaluate",
     "run/manifest.json: overrides: expected a list of text, got 'seed=1'"),
    ("an override of a run that is none", manifest(overrides=["sgima=1"]), "evaluate",
     "run/scenario.toml: sgima: unknown key; choose from name"),
    ("a run without its scenario", lambda run: (run / "scenario.toml").unlink(), "evaluate",
     "run/scenario.toml: expected the run's scenario, got no such file"),
    ("a run's scenario cut short", _written("scenario.toml", "[traffic"), "report",
     "run/scenario.toml: expected TOML, got a syntax error"),
    ("a run's scenario in Latin-1", _written("scenario.toml", "name = '\u00fc'".encode("latin-1")), "evaluate",
     "run/scenario.toml: expected UTF-8 text, got byte 0xfc at 8"),
    ("a run without outcomes", lambda run: (run / "outcomes.parquet").unlink(), "report",
     "run/outcomes.parquet: expected the run's evaluation, got no such file (run: auctionsim evaluate run)"),
    ("outcomes cut short", lambda run: _written("outcomes.parquet", (run / "outcomes.parquet").read_bytes()[:500])(run),
     "report",
     "run/outcomes.parquet: expected a Parquet table, got"),
    ("outcomes that lack a column", _table("outcomes", lambda t: t.drop("cost")), "report",
     "run/outcomes.parquet: column cost: expected in the table, got none"),
    ("outcomes of text", _table("outcomes", lambda t: t.with_columns(pl.col("gmv").cast(pl.String))), "report",
     "run/outcomes.parquet: column gmv: expected numbers, got a column of String"),
    ("outcomes without rows", _table("outcomes", lambda t: t.clear()), "report",
     "run/outcomes.parquet: expected at least one row, got an empty table"),
    ("outcomes with NaN",
     _table("outcomes",
     lambda t: t.with_columns(cost=pl.when(pl.int_range(pl.len()) != 3).then("cost").otherwise(float("nan")))), "report",
     "run/outcomes.parquet: row 4, column cost: expected a number >= 0 and <= 1e+30, got nan"),
    ("outcomes that cost less than nothing", _table("outcomes", lambda t: t.with_columns(cost=-pl.col("cost") - 1)), "report",
     "run/outcomes.parquet: row 1, column cost: expected a number >= 0 and <= 1e+30, got -"),
    ("outcomes without the reference", _table("outcomes", lambda t: t.filter(pl.col("arm") == "learned")), "report",
     "run/outcomes.parquet: column arm: expected rows of 'reference', got only 'learned'"),
    ("benchmarks of another kind", _table("benchmarks", lambda t: t.with_columns(benchmark=pl.lit("<b>best</b>"))), "report",
     "run/benchmarks.parquet: column benchmark: expected rows of 'efficient', got only '<b>best</b>'"),
    ("outcomes of a group that is not there", _table("outcomes", lambda t: t.with_columns(group=pl.lit("other"))), "report",
     "run/outcomes.parquet: column group: unknown group 'other'; choose from seller"),
    ("outcomes of another seed", _table("outcomes", lambda t: t.with_columns(seed=pl.lit(7))), "report",
     "run/outcomes.parquet: column seed: expected the seeds of the manifest, 0, got 7"),
    ("a metric that is no JSON", _written("metrics.jsonl", "{}}\n"), "report",
     "run/metrics.jsonl: row 1: expected a JSON object, got '{}}'"),
    ("a metric without a number", _written("metrics.jsonl", '{"iteration": 1, "seed": 0}\n'), "report",
     "run/metrics.jsonl: row 1: expected a number as revenue_ratio, got"),
    ("metrics in Latin-1", _written("metrics.jsonl", b'{"\xfc": 1}\n'), "report",
     "run/metrics.jsonl: expected UTF-8 text, got byte 0xfc at 2"),
    ("a provenance that is a list", _written("provenance.json", "[]"), "report",
     "run/provenance.json: expected an object of notes, got []"),
    ("a provenance cut short", _written("provenance.json", '{"a'), "report", "run/provenance.json: expected JSON, got"),
    ("a run without checkpoints",
     lambda run: [f.unlink() for f in run.glob("checkpoints/*/*")] and [d.rmdir() for d in run.glob("checkpoints/*")],
     "evaluate",
     "run: expected a checkpoint, got none (run: auctionsim resume run)"),
    ("a checkpoint of another seed", lambda run: (run.parent / _STATE).rename(run.parent / _STATE.replace("-0", "-1")),
     "evaluate",
     f"{_STATE}: expected a checkpoint file, got no such file"),
    ("an empty checkpoint", _checkpoint(b""), "evaluate", f"{_STATE}: expected a safetensors file, got"),
    ("a checkpoint cut short", lambda run: _checkpoint((run.parent / _STATE).read_bytes()[:-8])(run), "evaluate",
     f"{_STATE}: expected a safetensors file, got"),
    ("a pickle posing as a checkpoint", _checkpoint(_NO_CODE), "evaluate", f"{_STATE}: expected a safetensors file, got"),
    ("a pickle to resume from", _unfinished(_checkpoint(_NO_CODE)), "resume", f"{_STATE}: expected a safetensors file, got"),
    ("a checkpoint of another program", _state("someone-else"), "evaluate",
     f"{_STATE}: expected a checkpoint of schema auctionsim-checkpoint-1, got 'someone-else'"),
    ("a checkpoint with NaN", _state(mean=np.full((5, 3), np.nan)), "evaluate",
     f"{_STATE}: array 'mean': expected finite numbers, got NaN or infinity"),
    ("a checkpoint of more advertisers", _unfinished(_state(mean=np.zeros((6, 3)))), "resume",
     f"{_STATE}: array 'mean': expected float64 of shape [5, 3], got float64 of shape [6, 3]"),
    ("a checkpoint of half precision", _state(mean=np.zeros((5, 3), dtype=np.float16)), "evaluate",
     f"{_STATE}: array 'mean': expected float64 of shape [5, 3], got float16 of shape [5, 3]"),
    ("a checkpoint that lacks an array", _unfinished(_state(mean=None)), "resume",
     f"{_STATE}: expected an array 'mean', got none"),
    ("a checkpoint with an array more", _state(more=np.zeros(3)), "evaluate", f"{_STATE}: expected the arrays "),
    ("a metric of no number in a run to resume", _unfinished(_written("metrics.jsonl", "null\n")), "resume",
     "run/metrics.jsonl: row 1: expected a number as iteration, got 'null'"),
    ("a seed that no table can hold", manifest(seeds=[2**63]), "report",
     "run/manifest.json: seeds: expected a list of different whole numbers >= 0 and < 2^63, got [9223372036854775808]"),
    ("a run of a newer version", manifest(version="99.0.0"), "resume",
     "run/manifest.json: version: expected a run of auctionsim 0.1.0 or older, got one of '99.0.0' (install a newer"),
    ("a version that is none", manifest(version="<b>"), "report",
     "run/manifest.json: version: expected a version such as 0.1.0, got '<b>'"),
    ("a folder with a zero byte", manifest(started_in="a\0b"), "evaluate",
     "run/manifest.json: started_in: expected a path, got"),
    ("a manifest with NaN", manifest(more=float("nan")), "report",
     "run/manifest.json: expected JSON, got 'NaN, which is no number of JSON'"),
    ("a manifest with a key twice", _written("manifest.json", '{"seeds": [0], "seeds": [1]}'), "report",
     "run/manifest.json: expected JSON, got \"the key 'seeds' twice\""),
    ("a manifest nested deeply", _written("manifest.json", "[" * 100_000), "report", "run/manifest.json: expected JSON, got"),
    ("a metric of NaN", _written("metrics.jsonl", '{"iteration": NaN}\n'), "report",
     "run/metrics.jsonl: row 1: expected a JSON object, got"),
    ("a metric of another seed", _metric(seed=7), "report", "run/metrics.jsonl: row 1: expected a seed of the manifest, got 7"),
    ("a metric beyond all numbers", _metric(iteration=10**400), "report",
     "run/metrics.jsonl: row 1: expected a number as iteration, got"),
    ("a note that is no text", _written("provenance.json", '{"a": 1}'), "report",
     "run/provenance.json: 'a': expected text, got 1"),
    ("outcomes that lack an hour", _table("outcomes", lambda t: t.filter((pl.col("hour") != 7) | (pl.col("arm") != "learned"))),
     "report", "run/outcomes.parquet: column hour: expected 0 to 23 of arm 'learned', seed 0, day 2, advertiser "
     "'seller_0', got 23 rows from 0 to 23"),
    ("outcomes given twice", _table("outcomes", lambda t: pl.concat([t, t.head(1)])), "report",
     "run/outcomes.parquet: row 1: expected one row of arm 'learned', seed 0, day 2, advertiser 'seller_0', hour 0, got"),
    ("outcomes of an hour 24", _table("outcomes", lambda t: t.with_columns(hour=pl.col("hour") + 1)), "report",
     "run/outcomes.parquet: column hour: expected 0 to 23 of arm 'learned', seed 0, day 2, advertiser 'seller_0', got 24 rows"),
    ("an advertiser of one arm", _table("outcomes", lambda t: t.filter(
        (pl.col("arm") == "learned") | (pl.col("advertiser") != "seller_3"))), "report",
     "run/outcomes.parquet: column arm: expected 'learned' and 'reference' of seed 0, day 2, advertiser 'seller_3'"),
    ("outcomes beyond all numbers", _table("outcomes", lambda t: t.with_columns(cost=pl.lit(1e300))), "report",
     "run/outcomes.parquet: row 1, column cost: expected a number >= 0 and <= 1e+30, got 1e+300"),
    ("categories in the place of names", _table("outcomes", lambda t: t.with_columns(pl.col("arm").cast(pl.Categorical))),
     "report", "run/outcomes.parquet: column arm: expected text, got a column of Categorical"),
    ("a name that is missing", _table("outcomes", lambda t: t.with_columns(
        advertiser=pl.when(pl.int_range(pl.len()) != 2).then("advertiser"))), "report",
     "run/outcomes.parquet: row 3, column advertiser: expected a value, got None"),
    ("half days", _table("outcomes", lambda t: t.with_columns(pl.col("day") + 0.5)), "report",
     "run/outcomes.parquet: column day: expected whole numbers, got a column of Float64"),
    ("benchmarks that lack a day", _table("benchmarks", lambda t: t.filter(pl.col("day") == 3)), "report",
     "run/benchmarks.parquet: column day: expected the days of outcomes.parquet, 2, 3, got 3 for"),
    ("a verdict of text in its numbers", _table("collusion", lambda t: t.with_columns(giving_way=pl.lit("x"))), "report",
     "run/collusion.parquet: column giving_way: expected numbers, got a column of String"),
    ("a verdict on another seed", _table("collusion", lambda t: t.with_columns(seed=pl.lit(5))), "report",
     "run/collusion.parquet: column seed: expected the seeds of the manifest, 0, got 5"),
    ("a deviation given twice", _table("punishment", lambda t: pl.concat([t, t])), "report",
     "run/punishment.parquet: row 1: expected one row of seed 0, hours_since"),
    ("a report that leads elsewhere", lambda run: (run / "report").symlink_to(run.parent), "report",
     "run/report: expected a file or folder of the run, got a link that leads out of it"),
    ("a table that leads elsewhere", lambda run: (run / "provenance.json").rename(run.parent / "x") and
     (run / "provenance.json").symlink_to(run.parent / "x"), "resume",
     "run/provenance.json: expected a file or folder of the run, got a link that leads out of it"),
    ("a link that leads to itself", lambda run: (run / "control").symlink_to(run / "control"), "evaluate",
     "run/control: expected a file or folder of the run, got a link that leads out of it"),
    ("a checkpoint of a later iteration", lambda run: (run / "checkpoints" / "000006").rename(run / "checkpoints" / "000099"),
     "evaluate",
     "run/checkpoints/000099: expected a checkpoint of an iteration <= train.iterations = 6, got a later one"),
    ("a run compared with itself", lambda run: None, "compare run", "run: expected each run once, got it twice"),
    ("a run compared with nothing", lambda run: None, "compare", "compare: expected two or more run folders, got one"),
]  # fmt: skip

CASES = {
    **{name: Broken(f"{command} run", says, on_run=change) for name, change, command, says in _RUNS},
    "no such run": Broken("report nowhere", "nowhere: expected a run folder with manifest.json, got no such folder"),
    "a file for a run": Broken(
        "resume file", "file: expected a run folder with manifest.json, got another file", {"file": "x"}
    ),
}
