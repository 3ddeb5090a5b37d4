"""The demo on public files: a table and budgets per seed, and the scenario that names them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

from auctionsim.files import write_text
from auctionsim.market.real_table import build_real_table
from auctionsim.traffic.files import save_budgets, save_traffic


def write_tables(data: Path, out: Path, seeds: tuple[int, ...], tell: Callable[[int], None] = lambda _: None) -> Path:
    """Build the traffic tables of all seeds under `out`; returns the scenario file beside them.

    `tell` is told after each how many are built. The scenario is written last, so that where it stands its tables are whole.
    """
    for done, seed in enumerate(seeds, start=1):
        traffic = build_real_table(data, seed)
        save_traffic(traffic, out / f"traffic-{seed}.parquet")
        save_budgets(traffic, out / f"budgets-{seed}.csv")
        tell(done)
    scenario = out / "real-table.toml"
    write_text(scenario, resources.files("auctionsim.jobs.demos").joinpath("real-table.toml").read_text(encoding="utf-8"))
    return scenario
