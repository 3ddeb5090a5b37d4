"""Train the control of a run: the same learner, traffic, seeds and settings without budgets.

Pacing under budgets and collusion both lower bids. With the control, written to RUN/control, the run's report can tell them
apart and gives a verdict. After an interruption, the same command continues.
"""

from __future__ import annotations

import argparse
import shlex

from auctionsim.commands import _common
from auctionsim.console import Console

EXAMPLE = "auctionsim control runs/mine --workers 2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("run", type=_common.path_text, help="the folder of a finished run whose scenario has budgets")
    _common.add_workers(parser)
    _common.add_code(parser, is_allowed=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Train the control and write the run's report again."""
    from auctionsim.agents.learners.registry import expect_installed
    from auctionsim.analysis.reports.report import expect_reportable, write_report
    from auctionsim.analysis.reports.run_collusion import CONTROL, collusion_sentence
    from auctionsim.errors import InputError, shown
    from auctionsim.runs import Run
    from auctionsim.scenario.file import parse_scenario, read_scenario

    opened = Run.open(arguments.run)
    opened.expect_trained_here("train its control")
    if opened.status != "finished":
        raise InputError(
            f"{opened.path}: expected a finished run, got one that is {opened.status} (continue: auctionsim resume)"
        )
    scenario, manifest = opened.scenario(), opened.manifest()
    scenario.expect_code_allowed()
    expect_installed(scenario)
    _common.expect_ray(arguments, scenario.cluster.workers)
    if all(group.controller != "learner" for group in scenario.advertisers):
        raise InputError(f"{opened.path}: expected a run with learners, got one in which every advertiser follows a rule")
    if scenario.accounts:
        name = scenario.accounts[0].account
        raise InputError(f"{opened.path}: accounts: expected none with a control, which has no budgets, got {shown(name)}")
    limited = [f"advertisers.{i}" for i, group in enumerate(scenario.advertisers) if group.budget is not None]
    limited += [f"agencies.{k}" for k, agency in enumerate(scenario.agencies) if agency.budget is not None]
    if not limited:
        raise InputError(f"{opened.path}: expected a run with budgets, got one without: its report needs no control")
    # What the report would refuse is refused before anything is trained.
    expect_reportable([opened])
    folder = opened.path / CONTROL
    if not (folder / "manifest.json").is_file():
        text, source = read_scenario(opened.path / "scenario.toml")
        overrides = (*manifest["overrides"], *(f'{one}.budget="none"' for one in limited))
        free = parse_scenario(text, source, overrides=overrides, folder=scenario.folder)
        started_in = scenario.code_folders[-1] if scenario.code_folders else None
        command = _common.command_line()
        Run.create(folder, free, text, seeds=opened.seeds, command=command, overrides=overrides, started_in=started_in)
    control = Run.open(folder)
    if control.status != "finished":
        with _common.pool_of(arguments, scenario.cluster.workers) as pool:
            _common.train_run(control, console, pool, title=f"{scenario.name}, control")
    write_report([control], folder / "report")
    page = write_report([opened], opened.path / "report")
    sentence = collusion_sentence(opened, opened.path.name)
    value = {"run": str(opened.path), "control": str(folder), "collusion": sentence}
    console.result(f"{sentence}\nreport: {page}", value, kept=folder)
    console.next_command(f"auctionsim report {shlex.quote(str(opened.path))}")
    return 0
