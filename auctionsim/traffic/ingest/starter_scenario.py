"""A scenario to start from, on an ingested table."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from auctionsim.scenario.text import toml_string
from auctionsim.slots import MAX_SLOTS
from auctionsim.traffic.delays.fit import FittedDelay, scenario_text
from auctionsim.traffic.ingest.budgets import LoggedAdvertiser
from auctionsim.traffic.ingest.formats.base import Format
from auctionsim.traffic.ingest.outcomes.conversion_delays import ConversionDelays
from auctionsim.traffic.ingest.outcomes.objective import LogObjective
from auctionsim.traffic.ingest.summary import Summary

_MAX_GROUPS = 100


@dataclass(frozen=True)
class FittingMechanism:
    """The mechanism under which the log's own bids reproduce its winners and charges best."""

    pricing: str = "gsp"
    """Pricing rule."""
    squash: float = 1.0
    """Exponent of pctr in the rank score."""
    reserve: float = 0.0
    """Reserve, currency per click, as far as the log's charges show it."""
    words: str = ""
    """Goodness of fit in words, for a comment."""

    def lines(self, slot_effect: str, reserve: float) -> str:
        """Return the keys of the section `[mechanism]`, with a comment on the fit.

        Args:
            slot_effect: The line of the key `slot_effect`.
            reserve: The reserve of the log's format; 0 for that which the charges show.
        """
        comment = [f"# {self.words}"] if self.words else []
        squash = [f"squash = {self.squash}"] if self.squash != 1.0 else []
        keys = [f"pricing = {toml_string(self.pricing)}", slot_effect, *squash, f"reserve = {reserve or self.reserve}"]
        return "\n".join([*comment, *keys])


def starter_scenario(
    summary: Summary,
    form: Format,
    table: Path,
    scenario: Path,
    budgets: Path | None = None,
    mechanism: FittingMechanism | None = None,
) -> str:
    """Write a scenario on a table as TOML text. The last third of the days is held out for testing.

    If the log has budgets, each advertiser is a group with its own budget. More than 100 advertisers are one group, whose
    budgets are in the file `budgets`.

    Args:
        summary: The summary of the log, which must have two or more days.
        form: The log's format.
        table: The traffic table.
        scenario: The scenario file to be written. Paths in it are relative to its folder.
        budgets: The file of budgets, if one was written.
        mechanism: The mechanism that fits the log best; None for the usual one.
    """
    mechanism = mechanism or FittingMechanism()
    days = list(summary.days)
    n_test = max(len(days) // 3, 1)
    source = _from(scenario, table)
    if summary.logged and summary.advertisers <= _MAX_GROUPS:
        budgets = None
        delays = summary.conversion_delays
        advertisers = "\n".join(_own_group(one, summary.objective, delays.delay_of(one.name)) for one in summary.logged)
    else:
        budget = '"table"' if budgets else '"baseline*0.5"'
        words = "the log's" if budgets else "per day, as a share of what the logged bids spend"
        advertisers = _group("advertiser", summary.advertisers, summary.objective, f"budget = {budget:<24}# {words}")
    budgets_line = "" if budgets is None else f"budgets = {toml_string(_from(scenario, budgets))}\n"
    return f"""\
# Written by `auctionsim ingest --scenario`; every key: docs/scenario.md.
name = {toml_string(scenario.stem)}
seed = 0

[traffic]
source = {toml_string(source)}
{budgets_line}train_days = {days[:-n_test]}
test_days = {days[-n_test:]}

[mechanism]
{mechanism.lines(_slot_effect(summary, form), form.reserve)}

[platform]
baseline = "manual"             # the logged bids

{_delays(summary.conversion_delays)}{advertisers}
[learner]
algorithm = "macg-es"
own_weight = 1.0
global_weight = 0.0

[train]
iterations = 100
"""


def _from(scenario: Path, file: Path) -> str:
    """Return the path of `file` relative to the scenario's folder."""
    return os.path.relpath(file.absolute(), scenario.absolute().parent)


def _slot_effect(summary: Summary, form: Format) -> str:
    """Return the key `slot_effect`: the format's, or as the log's position effects say, with their standard errors."""
    effects = summary.position_effects
    if form.slot_effect != (1.0,) or effects.shown_slots == 1:
        return f"slot_effect = {list(form.slot_effect)}"
    if not effects.slots:
        assumed = f"# Assumed: as many slots as the log shows. Their effects are not known: {effects.reason}."
        return f"{assumed}\nslot_effect = {[1.0] * min(effects.shown_slots, MAX_SLOTS)}"
    values = effects.slot_effect()
    errors = ", ".join(f"{one.error:.3g}" for one in effects.slots[1 : len(values)])
    beyond = len(effects.slots) - len(values)
    cut = f"; {beyond} lower slots without an estimate, or beyond {MAX_SLOTS}, are left out" if beyond else ""
    estimated = f"Estimated from clicks by slot, standard errors {errors}" if errors else "Estimated from clicks by slot"
    return f"# {estimated}{cut}.\nslot_effect = {list(values)}"


def _group(name: str, count: int, objective: LogObjective, *lines: str) -> str:
    return "\n".join(
        [
            "[[advertisers]]",
            f"group = {toml_string(name)}",
            f"count = {count}",
            'controller = "learner"',
            *([f"# {objective.reason[0].upper()}{objective.reason[1:]}."] if objective.reason else []),
            f"objectives = {{ {objective.name} = 1.0 }}",
            *lines,
            "",
        ]
    )


def _delays(delays: ConversionDelays) -> str:
    """Return the section `[delays]`, or nothing where the log does not tell them.

    Learners are paid by the estimate that is right on average: by what has arrived they would bid too little.
    """
    if delays.common is None:
        return ""
    paid = 'rewards = "delay-corrected"     # or naive: paid by what was reported on the day alone'
    return f"# Fitted to the log's conversions, see docs/delays.md.\n{scenario_text([delays.common])}{paid}\n\n"


def _own_group(one: LoggedAdvertiser, objective: LogObjective, delay: FittedDelay | None) -> str:
    lines = [] if one.budget is None else [f"budget = {one.budget!r:<24}# per day, the log's"]
    if one.has_cpa:
        lines.append(f"roi_floor = {0.0!r:<21}# soft: a conversion costs no more than item_price, the log's CPA constraint")
    if delay is not None:
        lines.append(f"delay = {delay.toml}    # hours, fitted to its conversions")
    return _group(one.name, 1, objective, *lines)
