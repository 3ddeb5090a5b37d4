"""Check the README's claims on finished demos: `python benchmarks/check_story.py DEMO...` (made by `make story`).

Prints every claim with its figure, per seed where it is claimed per seed, and exits with 1 if one does not hold.
"""

from __future__ import annotations

import sys
from pathlib import Path

from auctionsim.analysis.reports.metrics import floor_on_test_days, mean_advertiser_ratios, seed_ratios
from auctionsim.ratios import NotDefined
from auctionsim.runs import Run

Claim = tuple[str, float, bool]


def free_market(competing: Run, colluding: Run, cooperating: Run) -> list[Claim]:
    """Return the claims on demos whose budgets do not bind."""
    cooperation, competition = seed_ratios(cooperating), seed_ratios(competing)
    ratio = (competition["revenue"] / competition["truthful_revenue"]).to_numpy()
    worst = mean_advertiser_ratios(cooperating)["ratio"].to_numpy().min()
    return [
        ("bound G*, lowest seed, >= 1.3", low := cooperation["bound"].to_numpy().min(), low >= 1.3),
        ("colluding revenue, highest seed, < 0.10", high := seed_ratios(colluding)["revenue"].to_numpy().max(), high < 0.10),
        ("share of test days on which cooperating holds the floor, 1", share := held(cooperating), share == 1.0),
        ("gap to G* closed, lowest seed, >= 0.97", low := cooperation["gap_closed"].to_numpy().min(), low >= 0.97),
        ("worst advertiser's mean profit, >= 1.00", worst, worst >= 1.0),
        ("competing over truthful revenue, lowest seed, >= 0.95", low := ratio.min(), low >= 0.95),
        ("competing over truthful revenue, highest seed, <= 1.05", high := ratio.max(), high <= 1.05),
    ]


def held(run: Run) -> float:
    """Return the share of a run's test days on which it holds the revenue floor."""
    found = floor_on_test_days(run)
    if isinstance(found, NotDefined):
        raise SystemExit(f"{run.path}: the revenue floor: not defined: {found}")
    return found.share


def with_budgets(colluding: Run, cooperating: Run) -> list[Claim]:
    """Return the claims on demos whose budgets bind."""
    cooperation = seed_ratios(cooperating)
    return [
        ("colluding revenue, highest seed, < 0.15", high := seed_ratios(colluding)["revenue"].to_numpy().max(), high < 0.15),
        ("cooperating revenue, lowest seed, >= 0.98", low := cooperation["revenue"].to_numpy().min(), low >= 0.98),
        ("cooperating profit, lowest seed, > 1.00", low := cooperation["profit"].to_numpy().min(), low > 1.0),
        ("share of advertisers better off, mean (no limit)", cooperation["better_off"].to_numpy().mean(), True),
    ]


def main(demos: list[str]) -> int:
    """Check every demo folder and return the exit code."""
    failed = False
    for demo in map(Path, demos):
        competing, colluding, cooperating = (Run.open(demo / arm) for arm in ("competing", "colluding", "cooperating"))
        has_budgets = any(group.budget is not None for group in cooperating.scenario().advertisers)
        claims = with_budgets(colluding, cooperating) if has_budgets else free_market(competing, colluding, cooperating)
        print(f"{demo} ({len(cooperating.seeds)} seeds)")
        for text, figure, holds in claims:
            print(f"  {'holds' if holds else 'FAILS'}  {figure:7.3f}  {text}")
            failed |= not holds
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
