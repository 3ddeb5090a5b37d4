"""Flags with wrong values, named as they are typed, and words of which the nearest valid one is told."""

from __future__ import annotations

from ..conftest import SMALL
from ..logs import MAPPING
from .case import Broken
from .runs import manifest
from .tables import ROWS, csv

_FILES = {"s.toml": SMALL, "t.csv": csv(*ROWS)}

# The command, and how the line begins.
_FLAGS = [
    ("whatif s.toml --set mechanism.reserve=1 --days 99", "--days: expected days of s.toml (0 to 3), got 99\n"),
    ("whatif s.toml --set mechanism.reserve=1 --days x", "--days: expected whole numbers with commas, got 'x'\n"),
    ("landscape t.csv --target-cpa 0", "--target-cpa: expected a finite number > 0, got 0.0\n"),
    ("landscape t.csv --target-roas nan", "--target-roas: expected a finite number > 0, got nan\n"),
    ("experiment s.toml --design USER",
     "--design: unknown 'USER'; choose from user, budget-split, advertiser, switchback, switchback-days (did you mean "
     "'user'?)\n"),
    ("experiment s.toml --period 5", "--period: expected a divisor of 24, < 24, got 5\n"),
    ("experiment s.toml --budgets t.csv",
     "--budgets: expected none with a scenario, which states its budgets itself, got some\n"),
    ("export-dataset s.toml --out new --policy Trutful",
     "--policy: expected a rule or the folder of a run, got 'Trutful'; choose"),
    ("export-dataset s.toml --out new --noise -1", "--noise: expected a number >= 0, got -1.0\n"),
    ("export-dataset s.toml --out new --bidder SELLER_0", "--bidder: unknown 'SELLER_0'; choose from seller_0"),
    ("export-dataset s.toml --out new --bid-model values",
     "--bid-model: unknown 'values'; choose from scale, conversion, value, macg (did you mean 'value'?)\n"),
    ("train s.toml --seed 9223372036854775806 --seeds 5",
     "--seed: expected a whole number <= 9223372036854775803 for 5 seeds < 2^63, got 9223372036854775806\n"),
    ("train s.toml --workers x",
     "auctionsim train: argument --workers: expected a whole number >= 0 and < 10^13, or auto, got 'x' (see"),
    ("train s.toml --workers Auto",
     "auctionsim train: argument --workers: expected a whole number >= 0 and < 10^13, or auto, got 'Auto' (did you mean "
     "'auto'?)"),
    ("check --profile Plain",
     "--profile: expected a profile file or one of alimama, auctionnet, ipinyou, plain, ss-rtb, got no such file 'Plain' (did "
     "you mean 'plain'?)\n"),
    ("landscape t.csv --advertiser acme",
     "--advertiser acme: expected one of the 2 advertisers of t.csv (north, south), got 'acme'\n"),
    ("landscape t.csv --advertiser NORTH",
     "--advertiser NORTH: expected one of the 2 advertisers of t.csv (north, south), got 'NORTH' (did you mean 'north'?)\n"),
    ("whatif t.csv --set advertisers.acme.budget=1",
     "--set advertisers.acme.budget=1: expected a group of advertisers (advertiser) or the name of one of 2 advertisers "
     "(north, south), got 'acme'\n"),
    ("check s.toml --set mechanism.pricing=VCG",
     "s.toml: mechanism.pricing: unknown 'VCG'; choose from gsp, first, vcg (did you mean 'vcg'?)\n"),
    ("check s.toml --set advertisers.0.goal=CPA",
     "s.toml: advertisers[0].goal: unknown 'CPA'; choose from target-cpa, target-roas, max-value, none (did you mean "
     "'target-cpa'?)\n"),
    ("check s.toml --set mechanism.bid_cap=x", "s.toml: mechanism.bid_cap: expected a number or 'none', got 'x'\n"),
    ("check s.toml --set mechanism.reserve=none", "s.toml: mechanism.reserve: expected a number, got 'none'\n"),
    ("Train s.toml", "auctionsim: unknown command 'Train'; choose from bench, check"),
]  # fmt: skip

_FIRST = "run: expected a new or empty folder, got one that holds files (choose another with --out"
_GO_ON = "or go on with that run: auctionsim resume run"

CASES = {
    **{f"a flag: {command}": Broken(command, says, _FILES) for command, says in _FLAGS},
    "an unknown key of a mapping, one of the words of a known one": Broken(
        "ingest t.csv --format auctions-csv --out x.parquet --mapping map.toml",
        "map.toml: columns: unknown key 'bid'; choose from auction, timestamp, day, hour, query, advertiser, manual_bid, "
        "item_price, pctr, pcvr, market_ecpm, weight, clicked, converted, budget, shown, slot, cost_per_click, "
        "cost_per_impression, clicked_at, converted_at (did you mean 'manual_bid'?)\n",
        {"t.csv": csv(*ROWS), "map.toml": MAPPING.replace("manual_bid =", "bid =")},
    ),
    "the folder of a run that ended": Broken("train s.toml --out run", f"{_FIRST})\n", _FILES, lambda run: None),
    "the folder of a run that was interrupted": Broken(
        "train s.toml --out run", f"{_FIRST}, {_GO_ON})\n", _FILES, manifest(status="interrupted")
    ),
    "the folder of a run that failed": Broken(
        "train s.toml --out run", f"{_FIRST}, {_GO_ON})\n", _FILES, manifest(status="failed")
    ),
}
