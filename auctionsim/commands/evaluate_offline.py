"""Estimate a policy's value from a logged dataset alone, and hold the estimates against the simulator's truth.

Importance sampling, its self-normalized and per-decision forms, doubly robust estimates and the fitted model alone, with 95 %
intervals. Where the weights rest on too few days, an estimate says that it is not defined.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from auctionsim.commands import _common
from auctionsim.console import Console

if TYPE_CHECKING:
    from auctionsim.jobs.offline.evaluate import Judged, Row

EXAMPLE = "auctionsim evaluate-offline logs/three-arms --policy manual --factor 1.1 --metric profit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("dataset", type=_common.path_text, help="a folder that export-dataset wrote as Parquet")
    parser.add_argument(
        "--policy", required=True, help="start, a rule (manual, truthful, pid, ...), or a run folder (required)"
    )
    parser.add_argument("--factor", type=_common.number, default=1.0, help="factor on the policy's bids, > 0 (default: 1.0)")
    parser.add_argument("--agent", help="the agent that would follow it, alone (default: the first)")
    parser.add_argument(
        "--metric", default="reward",
        help="reward, profit, gmv, clicks, conversions, impressions or cost, summed over a day (default: reward)",
    )  # fmt: skip
    parser.add_argument(
        "--noise", type=_common.number, help="standard deviation of the policy's actions (default: the dataset's)"
    )
    parser.add_argument(
        "--uniform", type=_common.number, help="probability of its uniform actions, 0 to 1 (default: the dataset's)"
    )
    parser.add_argument(
        "--draws",
        type=_common.positive,
        default=200,
        help="simulated days per logged day that measure the truth (default: 200)",
    )
    _common.add_code(parser, is_allowed=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Judge the policy and print a table."""
    from auctionsim.jobs.offline.dataset import read_dataset
    from auctionsim.jobs.offline.evaluate import judge
    from auctionsim.numbers import number_above

    factor = number_above("--factor", arguments.factor, 0)
    dataset = read_dataset(arguments.dataset)
    with console.steps() as report:
        judged = judge(
            dataset, arguments.policy, agent=arguments.agent, metric=arguments.metric, factor=factor, noise=arguments.noise,
            uniform=arguments.uniform, draws=arguments.draws, report=report,
        )  # fmt: skip
    console.result("\n".join(_lines(judged)), _as_dict(judged))
    return 0


def _lines(judged: Judged) -> list[str]:
    """Return the table as lines of text."""
    from auctionsim.analysis.offline.estimators import ESTIMATORS
    from auctionsim.ratios import NotDefined

    error = judged.truth_error
    of_truth = f"standard error {error}" if isinstance(error, NotDefined) else f"standard error {error:.2g}"
    head = (
        f"{judged.agent}: {judged.metric} of a day, from {judged.episodes} logged days; logged {judged.logged:.4g}, "
        f"truth {judged.truth:.4g} ({of_truth})"
    )
    if judged.is_late:
        head += "; conversions and GMV are those reported on the day"
    lines = [head, f"{'estimator':<38} {'estimate':>10} {'95 % interval':>24} {'error':>8} {'effective days':>15}"]
    return [*lines, *(f"{ESTIMATORS[row.name]:<38} {_cells(row)}" for row in judged.rows)]


def _cells(row: Row) -> str:
    from auctionsim.ratios import NotDefined

    if isinstance(row.found, NotDefined):
        return str(row.found)
    found = row.found
    interval = "none: its bias is unknown" if found.low != found.low else f"[{found.low:.4g}, {found.high:.4g}]"
    error = "n/a" if isinstance(row.error, NotDefined) else f"{row.error:+.1%}"
    return f"{found.value:>10.4g} {interval:>24} {error:>8} {found.effective:>15.1f}"


def _as_dict(judged: Judged) -> dict[str, Any]:
    from auctionsim.ratios import NotDefined

    rows: list[dict[str, Any]] = []
    for row in judged.rows:
        if isinstance(row.found, NotDefined):
            rows.append({"estimator": row.name, "not_defined": row.found.reason})
            continue
        has_interval = row.found.low == row.found.low
        rows.append(
            {
                "estimator": row.name,
                "estimate": row.found.value,
                "low": row.found.low if has_interval else None,
                "high": row.found.high if has_interval else None,
                "relative_error": None if isinstance(row.error, NotDefined) else row.error,
                "effective": row.found.effective,
            }
        )
    return {
        "agent": judged.agent, "metric": judged.metric, "as_reported": judged.is_late, "episodes": judged.episodes,
        "logged": judged.logged,
        "truth": judged.truth, "truth_error": None if isinstance(judged.truth_error, NotDefined) else judged.truth_error,
        "estimates": rows,
    }  # fmt: skip
