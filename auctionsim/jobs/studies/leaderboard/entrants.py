"""The entrants of the leaderboard, and the policy that each of them bids by."""

from __future__ import annotations

from contextlib import AbstractContextManager, chdir, nullcontext

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.learners.base import METHODS, trained
from auctionsim.agents.learners.registry import learner_names, make_learner
from auctionsim.agents.policies.base import Constant, Policy
from auctionsim.agents.policies.registry import find_rule
from auctionsim.errors import InputError
from auctionsim.jobs.studies.base import Options
from auctionsim.market.market import Market
from auctionsim.plugins import CLASS_PATH, constructing, expect_methods, load_class
from auctionsim.scenario import CONTROLLERS

HINDSIGHT = ("uscb-oracle",)
"""Entrants that know the test day: shown, not ranked."""
_ENTRANT = "--entrant"


def entrants() -> tuple[str, ...]:
    """Return the names of all built-in entrants: learners, then rules."""
    return (*learner_names(), *(name for name in CONTROLLERS if name != "learner"))


def is_learner(entrant: str) -> bool:
    """Return whether an entrant is trained; a class of the user's own is a rule if it has `begin`, else a learner."""
    if not CLASS_PATH.match(entrant):
        return entrant in learner_names()
    return not hasattr(load_class(entrant, _ENTRANT), "begin")


def expect_class(entrant: str) -> None:
    """Refuse a class of the user's own that is neither a rule nor a learner.

    Raises:
        InputError: It cannot be imported, or lacks a method.
    """
    found = load_class(entrant, _ENTRANT)
    if not hasattr(found, "begin"):
        if not any(hasattr(found, name) for name in METHODS):
            raise InputError(
                f"{_ENTRANT}: {entrant}: expected a rule with the method begin, or a learner with the methods "
                f"{', '.join(METHODS)}, got a class with none of them"
            )
        expect_methods(found, METHODS, entrant, _ENTRANT)
    else:
        expect_methods(found, ("begin",), entrant, _ENTRANT)


def expect_made(market: Market, entrant: str) -> None:
    """Refuse a class of the user's own that cannot be made.

    Args:
        market: A small market, whose scenario names the entrant as its algorithm where it is a learner.
        entrant: The class as `package.module:Class`.

    Raises:
        InputError: Making it raised an error, or its constants are wrong.
    """
    if not is_learner(entrant):
        with constructing(entrant, _ENTRANT, "(market, advertisers)"):
            market.under(find_rule(entrant, _ENTRANT), market.learners[:1])
        return
    try:
        make_learner(market.scenario)
    except InputError as error:
        raise InputError(f"{_ENTRANT}: {error}") from error


def in_folder(entrant: str, options: Options) -> AbstractContextManager[None]:
    """Return a context in which an entrant's own class is found: the folder that the command was given in."""
    return chdir(options.folder) if CLASS_PATH.match(entrant) and options.folder else nullcontext()


def with_entrant(market: Market, entrant: str, members: NDArray[np.int64]) -> tuple[Market, Policy]:
    """Return the market in which the members follow the entrant, and the policy of all advertisers in it."""
    if is_learner(entrant):
        return market, _trained(market)
    followed = market.under(find_rule(entrant, _ENTRANT), members)
    return followed, Constant(followed.fixed[:, :, None])


def policy_of(market: Market, entrant: str) -> Policy:
    """Return the entrant's policy of everybody, trained where it learns with all learners following it.

    Args:
        market: The market, whose scenario names the entrant as its algorithm where it is a learner.
        entrant: The entrant's name.
    """
    if is_learner(entrant):
        return _trained(market)
    rule = find_rule(entrant, _ENTRANT)
    if isinstance(rule, str):
        return Constant(market.static(rule))
    return rule(market, np.arange(len(market.advertisers)))


def _trained(market: Market) -> Policy:
    learner = make_learner(market.scenario)
    return learner.policy(market, trained(learner, market, market.scenario.train.iterations))
