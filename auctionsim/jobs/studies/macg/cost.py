"""Measure the processor time of a generation of `macg-es` as auctions and advertisers grow, on one core in one process."""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np
import polars as pl

from auctionsim import arithmetic
from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import iterate
from auctionsim.agents.learners.registry import make_learner
from auctionsim.analysis.documents.curves import Line
from auctionsim.analysis.documents.plots.lines import lines_figure
from auctionsim.analysis.documents.sections import Heading, Picture, Section, Table, Text
from auctionsim.jobs.studies.macg.arms import LARGE
from auctionsim.scenario.file import load_scenario

AUCTIONS = (25_000, 50_000, 100_000, 200_000)
ADVERTISERS = (50, 100, 200, 400)
_AT_ADVERTISERS, _AT_AUCTIONS = 100, 50_000
_REPEATS = 4
_AXES = {
    "seconds by auctions": f"auctions a day, {_AT_ADVERTISERS} advertisers",
    "seconds by advertisers": f"advertisers, {_AT_AUCTIONS} auctions a day",
}


def generation_costs(
    auctions: Iterable[int] = AUCTIONS, advertisers: Iterable[int] = ADVERTISERS
) -> list[tuple[str, float, float]]:
    """Measure rows (curve, size, processor seconds) of a generation on one training day.

    Each is the shortest of three generations, after one that warms caches and compiles.

    Args:
        auctions: The numbers of auctions a day to measure, at 100 advertisers.
        advertisers: The numbers of advertisers to measure, at 50,000 auctions a day.
    """
    by_auctions = [("seconds by auctions", float(n), _seconds(n, _AT_ADVERTISERS)) for n in auctions]
    return by_auctions + [("seconds by advertisers", float(n), _seconds(_AT_AUCTIONS, n)) for n in advertisers]


def _seconds(auctions: int, advertisers: int) -> float:
    overrides = (f"traffic.auctions_per_day={auctions}", f"advertisers.0.count={advertisers}", "traffic.train_days=[0]")
    scenario = load_scenario(LARGE, overrides=overrides)
    market, learner = build_market(scenario), make_learner(scenario)
    state = learner.start(market)
    seconds = []
    for _ in range(_REPEATS):
        began = time.process_time()
        state, _ = iterate(learner, market, state)
        seconds.append(time.process_time() - began)
    return min(seconds[1:])


def cost_sections(curves: pl.DataFrame) -> list[Section]:
    """Return a table and a figure of times relative to the smallest market; nothing if they were not measured."""
    rows, lines = [], {}
    for name, axis in _AXES.items():
        own = curves.filter(scenario=LARGE, curve=name).sort("x")
        if own.is_empty():
            return []
        size, seconds = own["x"].to_numpy(), own["y"].to_numpy()
        ratio = seconds / seconds[0]
        lines[axis] = Line(size / size[0], ratio, ratio, ratio)
        # The exponent of a power law through the points: 1 is linear.
        exponent = np.polyfit(arithmetic.log(size), arithmetic.log(seconds), 1)[0]
        rows += [[axis, f"{n:,.0f}", f"{s:.3f}", f"{r:.2f}"] for n, s, r in zip(size, seconds, ratio, strict=True)]
        rows.append([axis, "grows as size to the power", f"{exponent:.2f}", ""])
    return [
        Heading("Cost of a generation"),
        Text("Processor seconds of a generation of macg-es on one training day of `large`, on the machine of this run."),
        Table(["Varied", "Size", "Seconds", "Ratio to the smallest"], rows),
        Picture(
            "generation-cost",
            lines_figure(lines, "Size (ratio to the smallest)", "Processor seconds (ratio to the smallest)", dots=True),
            "Processor seconds of a generation against the size of the market, both relative to the smallest market measured.",
        ),
    ]
