"""Measure what bidders, the platform and welfare get as learning bidders know more, and as reports are late.

Bidders learn a multiplier on their value from scratch, in the same auctions with the same number of trials; only what a trial
teaches differs. Decarolis, Rovigatti, Rovigatti and Shakhgildyan (2023, Artificial intelligence and data obfuscation) find that
auctioneers earn less as bidding algorithms know more, while efficiency and bidders' rewards rise; they simulate position
auctions. Banchio and Skrzypacz (2022) find the opposite in first-price auctions. Pacing rules bid by reports that are late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from auctionsim.jobs.studies.base import Findings, Options, Unit

if TYPE_CHECKING:
    import polars as pl

    from auctionsim.agents.policies.base import Policy
    from auctionsim.analysis.documents.sections import Section
    from auctionsim.market.market import Market
    from auctionsim.scenario import Scenario

OWN, PRICE, LEAST, FULL = "own-wins", "winning-price", "least-winning-cost", "full"
NOISY = "least-winning-cost, noise 0.5"
FIRST, GSP, GSP2, VCG2 = "first price", "second price", "gsp, two slots", "vcg, two slots"
LATE = "pacing with late reports"
LEARNING: Mapping[str, tuple[str, ...]] = {
    FIRST: (OWN, LEAST, NOISY), GSP: (OWN, PRICE, LEAST), GSP2: (OWN, FULL), VCG2: (OWN, FULL),
}  # fmt: skip
"""Arms by mechanism, the least informed first."""
DELAYS = {f"{delay} h": delay for delay in (0, 2, 6, 12)}
METRICS = {"revenue": "revenue", "welfare": "welfare", "profit": "advertisers' profit", "level": "mean multiplier"}
LATE_METRICS = {"revenue": "revenue", "profit": "advertisers' profit", "spent": "spent share of budgets"}
_MECHANISMS = {FIRST: ("first", "[1.0]"), GSP: ("gsp", "[1.0]"), GSP2: ("gsp", "[1.0, 0.6]"), VCG2: ("vcg", "[1.0, 0.6]")}
_FEEDBACK = {OWN: OWN, PRICE: PRICE, LEAST: LEAST, NOISY: LEAST, FULL: LEAST}
_TRAFFIC = """
name = "information"
[traffic]
days = 4
auctions_per_day = {auctions}
queries = 10
candidates = 4
train_days = [0, 1]
test_days = [2, 3]
"""
_LEARNERS = """
[mechanism]
pricing = "{pricing}"
slot_effect = {slots}
reserve = 0.01
[information]
regime = "{regime}"
{blur}
[[advertisers]]
group = "ad"
count = 4
[learner]
algorithm = "auctionsim.agents.learners.bandits.multiplier_bandit:MultiplierBandit"
global_weight = 0.0
population = 4
[learner.constants]
feedback = "{feedback}"
[train]
iterations = {iterations}
"""
_PACED = """
[mechanism]
reserve = 0.01
[information]
regime = "own-wins"
delay = {delay}
"""
_CONTROLLERS = ("pid", "dual-pacing", "throttle", "max-value")


class Information:
    """The study; see the module's text."""

    title = "Information: what the platform and bidders earn as bidders know more"
    n_seeds = 10

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every arm of every mechanism, and every delay, seed after seed."""
        arms = [(name, arm) for name, own in LEARNING.items() for arm in own] + [(LATE, arm) for arm in DELAYS]
        return [Unit(name, arm, seed) for seed in options.seeds for name, arm in arms]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Learn on training days, or take the rules, and measure the test days of one seed."""
        from auctionsim.agents.build import build_market
        from auctionsim.agents.learners.base import trained
        from auctionsim.agents.learners.registry import make_learner
        from auctionsim.agents.policies.base import Constant

        if unit.scenario == LATE:
            market = build_market(_paced(DELAYS[unit.arm], options.quick), unit.seed)
            found = _measured(market, Constant(market.fixed[:, :, None]), ("revenue", "profit"))
            return Findings([("test", metric, value) for metric, value in {**found, "spent": _spent(market)}.items()])
        scenario = _learning(unit.scenario, unit.arm, options.quick)
        market, learner = build_market(scenario, unit.seed), make_learner(scenario)
        policy = learner.policy(market, trained(learner, market, scenario.train.iterations))
        assert isinstance(policy, Constant)
        found = _measured(market, policy, ("revenue", "welfare", "profit"))
        level = float(policy.theta.max(axis=1).mean())
        return Findings([("test", metric, value) for metric, value in {**found, "level": level}.items()])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (there are none)
        """Return the document: the findings, and a table for each mechanism."""
        from auctionsim.analysis.documents.results import arms_table, paired_table
        from auctionsim.analysis.documents.sections import Text

        parts: list[Section] = [Text(verdict(results, name)) for name in LEARNING]
        parts.append(
            Text(
                "Totals of two test days over those of keyword bids on the same seed. Four bidders learn a multiplier on their "
                "value by Q-learning; `mean multiplier` is what they bid in the end. With one slot the full landscape teaches "
                "a bidder what least winning costs do. Pacing: pid, dual-pacing, throttle and max-value on half of their "
                "spend, two of each."
            )
        )
        for name, arms in LEARNING.items():
            changes = {metric: METRICS[metric] for metric in ("revenue", "welfare", "profit")}
            parts += [arms_table(results, name, METRICS, arms=arms), paired_table(results, name, OWN, arms[1:], changes)]
        late = tuple(DELAYS)
        parts.append(arms_table(results, LATE, LATE_METRICS, arms=late))
        parts.append(paired_table(results, LATE, late[0], late[1:], LATE_METRICS))
        return parts


def verdict(results: pl.DataFrame, name: str) -> str:
    """Return in words whether more information lowered revenue and raised welfare and profit, for each arm that knows more."""
    from auctionsim.analysis.documents.results import paired_differences
    from auctionsim.analysis.statistics import mean_interval

    claims = {"revenue": ("lower", -1.0), "welfare": ("higher", 1.0), "profit": ("higher", 1.0)}
    said = []
    for arm in LEARNING[name][1:]:
        parts = []
        for metric, (word, sign) in claims.items():
            differences = paired_differences(results, name, arm, OWN, metric).tolist()
            if len(differences) < 2:
                continue
            interval = mean_interval(differences)
            parts.append(f"{METRICS[metric]} {word}: {_judged(sign * interval.low, sign * interval.high)} ({interval})")
        said.append(f"{arm} against {OWN}: {'; '.join(parts) if parts else 'not measured'}.")
    return f"{name.capitalize()}. " + " ".join(said)


def _judged(one: float, other: float) -> str:
    """Return what an interval says of a claim that the figure is > 0."""
    low, high = sorted((one, other))
    return "holds" if low > 0 else "does not hold" if high < 0 else "unclear"


def _learning(name: str, arm: str, is_quick: bool) -> Scenario:
    from auctionsim.scenario.file import parse_scenario

    pricing, slots = _MECHANISMS[name]
    text = _TRAFFIC.format(auctions=60 if is_quick else 300) + _LEARNERS.format(
        pricing=pricing, slots=slots, regime=LEAST if arm == NOISY else arm, blur="noise = 0.5" if arm == NOISY else "",
        feedback=_FEEDBACK[arm], iterations=2 if is_quick else 40,
    )  # fmt: skip
    return parse_scenario(text, "information")


def _paced(delay: int, is_quick: bool) -> Scenario:
    from auctionsim.scenario.file import parse_scenario

    groups = "".join(
        f'[[advertisers]]\ngroup = "{name}"\ncount = 2\ncontroller = "{name}"\nbudget = "baseline*0.5"\n'
        for name in _CONTROLLERS
    )
    text = _TRAFFIC.format(auctions=200 if is_quick else 5000) + _PACED.format(delay=delay) + groups
    return parse_scenario(text, "information")


def _measured(market: Market, policy: Policy, metrics: Sequence[str]) -> dict[str, float]:
    """Return totals of the test days over those of keyword bids."""
    from auctionsim.market.simulate import simulate_day

    days = market.scenario.traffic.test_days
    totals = [
        _totals([simulate_day(market, day, policy).outcome for day in days]),
        _totals([market.baseline[day] for day in days]),
    ]
    return {metric: totals[0][metric] / totals[1][metric] for metric in metrics}


def _totals(outcomes: Sequence[Any]) -> dict[str, float]:
    cost, gmv = (float(np.sum([getattr(one, name).sum() for one in outcomes])) for name in ("cost", "gmv"))
    return {"revenue": cost, "welfare": gmv, "profit": gmv - cost}


def _spent(market: Market) -> float:
    """Return the share of the budgets that is spent on test days."""
    from auctionsim.agents.policies.base import Constant
    from auctionsim.market.simulate import simulate_day

    days, policy = market.scenario.traffic.test_days, Constant(market.fixed[:, :, None])
    costs = [simulate_day(market, day, policy).outcome.cost.sum() for day in days]
    return float(np.sum(costs) / (len(days) * market.budgets.sum()))


STUDY = Information()
