"""Build the demo on public files: a traffic table and budgets per seed, and the scenario that names them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

from auctionsim.files import write_text
from auctionsim.market.real_table import build_real_table
from auctionsim.traffic.files import save_budgets, save_traffic


def write_tables(data: Path, out: Path, seeds: tuple[int, ...], progress: Callable[[int], None] = lambda _: None) -> Path:
    """Build the traffic tables of all seeds, and write the scenario beside them.

    Tables that are there already, after an interruption, are kept: a seed's budgets are written after its traffic, and the
    scenario after all tables.

    Args:
        data: The folder of the public files.
        out: The folder to write to.
        seeds: The seeds to build a table for.
        progress: Called after each table with the number of tables built.

    Returns:
        The path of the scenario file.
    """
    for done, seed in enumerate(seeds, start=1):
        budgets = out / f"budgets-{seed}.csv"
        if not budgets.exists():
            traffic = build_real_table(data, seed)
            save_traffic(traffic, out / f"traffic-{seed}.parquet")
            save_budgets(traffic, budgets)
        progress(done)
    scenario = out / "real-table.toml"
    write_text(scenario, resources.files("auctionsim.jobs.demos").joinpath("real-table.toml").read_text(encoding="utf-8"))
    return scenario
