"""Build the market of a scenario, with the policies that its groups name."""

from __future__ import annotations

from auctionsim.agents.policies.registry import find_rule
from auctionsim.arguments import instance_of
from auctionsim.market.build import make_market
from auctionsim.market.market import Market
from auctionsim.numbers import checked_seed
from auctionsim.scenario import Scenario


def build_market(scenario: Scenario, seed: int | None = None) -> Market:
    """Build the market of a scenario for one seed.

    Args:
        scenario: The scenario.
        seed: The seed that draws the synthetic traffic; the scenario's own where None.

    Raises:
        InputError: The traffic table, profile or budgets file is wrong or does not fit the scenario, or the rule that a group
            names cannot be found, or the scenario names a class where no code may run.
    """
    instance_of("scenario", scenario, Scenario, "a Scenario (auctionsim.load_scenario)")
    seed = None if seed is None else checked_seed("seed", seed)
    scenario.expect_code_allowed()
    return make_market(scenario, seed, lambda name, source: find_rule(name, source, *scenario.code_folders))
