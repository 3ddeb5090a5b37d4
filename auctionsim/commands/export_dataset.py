"""Log days with exploration and propensities, for offline learners and off-policy evaluation.

The command plays days under a behavior policy whose agents explore, and writes every hour's observation, action, propensity,
reward and outcome with a datasheet: as Parquet for any number of agents, or as a Minari dataset for one.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from auctionsim.commands import _common, _folders
from auctionsim.console import Console
from auctionsim.errors import InputError, shown

if TYPE_CHECKING:
    from auctionsim.runs import Run
    from auctionsim.scenario import Scenario

EXAMPLE = "auctionsim export-dataset three-arms --bidder seller_0 --episodes 50 --out logs/three-arms"
FORMATS = ("parquet", "minari")
_MOST_STEPS = 20_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "source", type=_common.path_text, metavar="run_or_scenario",
        help="a run folder, whose learned policy is logged; or a scenario file, or the name of a built-in scenario",
    )  # fmt: skip
    _common.add_overrides(parser)
    parser.add_argument("--out", required=True, type=_common.utf8_path, help="the folder to write, new or empty (required)")
    parser.add_argument("--format", default="parquet", help="parquet, or minari for one bidder (default: parquet)")
    parser.add_argument(
        "--policy", help="behavior policy: start, a rule (manual, pid, ...), or a run folder (default: the run's, else manual)"
    )
    parser.add_argument("--factor", type=_common.number, default=1.0, help="factor on the policy's bids, > 0 (default: 1.0)")
    parser.add_argument(
        "--bidder", help="log this learner alone, among rivals that follow --rivals (default: all learners, together)"
    )
    parser.add_argument("--rivals", help="rule of the other learners beside --bidder (default: manual)")
    parser.add_argument(
        "--bid-model", default="auto",
        help="coefficients of an action: scale, value, conversion, macg; auto is the least that holds the bids (default: auto)",
    )  # fmt: skip
    parser.add_argument(
        "--noise", type=_common.number, default=0.1,
        help="standard deviation of actions before truncation to [-1, 1], 0.001 to 2; bids vary by 50^noise (default: 0.1)",
    )  # fmt: skip
    parser.add_argument(
        "--uniform", type=_common.number, default=0.05, help="probability of a uniform action, 0 to 1 (default: 0.05)"
    )
    parser.add_argument("--episodes", type=_common.positive, default=20, help="episodes of each day, >= 1 (default: 20)")
    parser.add_argument("--split", default="train", help="days to log: train or test (default: train)")
    _common.add_workers(parser, "0")
    _common.add_code(parser, is_allowed=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Log the days, write the dataset, and print its folder."""
    from auctionsim.agents.build import build_market
    from auctionsim.analysis.offline.exploration import Exploration
    from auctionsim.arguments import one_of
    from auctionsim.envs.episode_sampler import SPLITS, days_of
    from auctionsim.jobs.offline.export import log_days, write_dataset
    from auctionsim.jobs.offline.minari_export import expect_minari, write_minari
    from auctionsim.jobs.offline.plan import make_plan
    from auctionsim.market.warnings import market_warnings
    from auctionsim.numbers import number_above

    one_of("--format", arguments.format, FORMATS)
    one_of("--split", arguments.split, SPLITS)
    factor = number_above("--factor", arguments.factor, 0)
    if arguments.rivals is not None and arguments.bidder is None:
        raise InputError(f"--rivals: expected --bidder beside it, got {shown(arguments.rivals)} without one")
    exploration = Exploration(arguments.noise, arguments.uniform)
    out = _folders.new_folder(arguments.out)
    if arguments.format == "minari":
        expect_minari()
    scenario, seed, opened = _source(arguments)
    market = build_market(scenario, seed)
    console.warn(scenario.source, market_warnings(market))
    name = arguments.policy or ("manual" if opened is None else str(opened.path.resolve()))
    is_own = arguments.policy is None
    plan = make_plan(
        market, name, run=opened if is_own else None, bidder=arguments.bidder, rivals=arguments.rivals or "manual",
        bid_model=arguments.bid_model, factor=factor,
    )  # fmt: skip
    steps = len(days_of(market, arguments.split)) * arguments.episodes * 24 * len(plan.agents)
    if steps > _MOST_STEPS:
        raise InputError(f"--episodes: expected a dataset of <= {_MOST_STEPS} steps, got {steps}")
    with _common.pool_of(arguments, 0) as pool, console.steps() as report:
        logged = log_days(plan, exploration, split=arguments.split, per_day=arguments.episodes, pool=pool, report=report)
    write = write_dataset if arguments.format == "parquet" else write_minari
    settings = write(logged, out, _common.command_line())
    text = (
        f"{out}: {len(settings['days']) * arguments.episodes} days of {len(plan.agents)} agents, {steps} steps, "
        f"sha256 {settings['sha256'][:12]}; described in {Path(out) / 'datasheet.md'}"
    )
    console.result(text, {"dataset": str(out), "steps": steps, **settings}, kept=out)
    if arguments.format == "parquet":
        console.next_command(
            f"auctionsim evaluate-offline {shlex.quote(str(out))} --policy {shlex.quote(plan.name)} --factor 1.1"
        )
    return 0


def _source(arguments: argparse.Namespace) -> tuple[Scenario, int, Run | None]:
    """Return the scenario, the seed and the run that the command line names."""
    from auctionsim.runs import Run
    from auctionsim.scenario.file import load_scenario

    if not Path(arguments.source).is_dir():
        scenario = load_scenario(arguments.source, overrides=_common.overrides_of(arguments))
        return scenario, scenario.seed, None
    opened = Run.open(arguments.source)
    if arguments.overrides:
        raise InputError(f"--set: expected none beside a run, got {arguments.overrides[0]}")
    seed = opened.seeds[0] if arguments.seed is None else arguments.seed
    if seed not in opened.seeds:
        raise InputError(f"--seed: expected a seed of the run, one of {list(opened.seeds)}, got {seed}")
    return opened.scenario(), seed, opened
