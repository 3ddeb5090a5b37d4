"""What advertisers do about a change: rules are fitted again; those with bids of their own take best responses, or learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.learners.registry import expect_installed, make_learner, with_constants
from auctionsim.analysis.economics.deviations import best_responses
from auctionsim.analysis.whatif.replays import Replays
from auctionsim.auction.outcome import GMV
from auctionsim.errors import InputError
from auctionsim.jobs.training.divergence import expect_finite, reported_if_diverging
from auctionsim.jobs.whatif.change import Change
from auctionsim.jobs.whatif.changed import changed_market
from auctionsim.jobs.whatif.opened import Opened
from auctionsim.jobs.whatif.replaying import own_bids
from auctionsim.jobs.whatif.settling import settle
from auctionsim.market.market import Market
from auctionsim.market.policy import Constant, Policy
from auctionsim.names.display import ranges, short_repr

Array = NDArray[np.float64]

REACTIONS = ("rules", "best-response", "learners")
"""Reactions of advertisers: rules are fitted again; that, and everybody else takes the best multiple of its own bids; or that,
and the scenario's learner is trained on the changed market."""


@dataclass(frozen=True, eq=False)
class Reacted:
    """A market and everybody's bids after a reaction."""

    market: Market
    policy: Policy
    """The policy that bids for everybody; it leaves those to their rule who have one."""
    found: dict[str, Any]
    """The reaction for JSON."""
    said: str
    """The reaction in one sentence."""

    __repr__ = short_repr


def unchanged_reaction(opened: Opened) -> Change:
    """Return the change that changes nothing: what advertisers would do in the market as it is."""
    return Change("unchanged, advertisers react", opened.basis.mechanism)


def expect_values(opened: Opened, unchanged: Replays, how: str) -> None:
    """Check that there are values of conversions, whose profit best responses raise.

    Raises:
        InputError: There are none.
    """
    if how != "rules" and not unchanged.sums[:, GMV].sum() > 0:
        raise InputError(f"--react {how}: expected conversions with a value in {opened.name}, got none")


def react(opened: Opened, change: Change, how: str, progress: Callable[[], None] = lambda: None) -> Reacted:
    """Let advertisers react to a change on the training days.

    Args:
        opened: The market as it is.
        change: The change.
        how: One of `REACTIONS`.
        progress: Function that is called after each round of best responses.
    """
    market = changed_market(opened.market, change, is_refitted=True)
    days = tuple(sorted(market.scenario.traffic.train_days))
    own, ruled = own_bids(market), int(market.is_ruled.sum())
    found: dict[str, Any] = {"how": how, "days": list(days), "rules_refitted": ruled}
    if how == "rules":
        said = f"{ruled} advertisers' rules were fitted again to days {ranges(days)}; the others bid as before"
        return Reacted(market, Constant(own), found, said)
    if how == "learners":
        return _trained(opened, market, change, found, progress)
    # Who bids by a rule reacts by the rule; everybody else by its bids.
    who = np.flatnonzero(~market.is_ruled)
    settled = settle(market, days, own, who, progress=progress)
    left = float(settled.exploitability[0])
    found |= {
        "settled": settled.is_settled, "rounds": settled.rounds, "exploitability": left,
        "multipliers": dict(zip(market.advertisers, settled.multiplier[:, 0].tolist(), strict=True)),
    }  # fmt: skip
    how_it_ended = "settled" if settled.is_settled else "did not settle"
    said = (
        f"best responses of {len(who)} advertisers on days {ranges(days)} {how_it_ended} after {settled.rounds} rounds; "
        f"deviating alone would still gain {left:.2%} of all profits"
    )
    return Reacted(market, Constant(settled.bids(own)), found, f"{said}; {ruled} rules were fitted again" if ruled else said)


def _trained(opened: Opened, market: Market, change: Change, found: dict[str, Any], progress: Callable[[], None]) -> Reacted:
    """Train the scenario's learner on the changed market."""
    scenario = with_constants(market.scenario.model_copy(update={"mechanism": change.mechanism}))
    if not len(market.learners):
        raise InputError(f"--react learners: expected advertisers in {opened.name} that learn, got rules alone")
    expect_installed(scenario)
    market = market.with_goals(scenario)
    learner, algorithm, iterations = make_learner(scenario), scenario.learner.algorithm, scenario.train.iterations
    state = learner.start(market)
    for iteration in range(1, iterations + 1):
        with reported_if_diverging(scenario, iteration):
            state, _ = learner.tell(market, state, learner.ask(market, state).results(market))
            expect_finite(scenario, iteration, {market.seed: state})
        progress()
    policy, day = learner.policy(market, state), min(scenario.traffic.train_days)
    left = best_responses(market, day, policy).exploitability
    found |= {"algorithm": algorithm, "iterations": iterations, "exploitability": left}
    said = (
        f"{algorithm} was trained for {iterations} iterations on days {ranges(found['days'])}; deviating alone would still "
        f"gain {left:.2%} of all profits on day {day}"
    )
    return Reacted(market, policy, found, said)
