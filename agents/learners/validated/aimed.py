"""Have a policy that follows the revenue floor within the day aim at a higher one."""

from __future__ import annotations

from dataclasses import dataclass

from auctionsim.agents.policies.base import Actor, Policy
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr
from auctionsim.scenario import Scenario


def with_margin(scenario: Scenario, margin: float) -> Scenario:
    """Return the scenario with a margin above the revenue floor in numbers."""
    return scenario.model_copy(update={"learner": scenario.learner.model_copy(update={"floor_margin": margin})})


def aims_at_floor(policy: Policy) -> bool:
    """Return True if a policy reads the floor that training aims at when a day begins: its attribute `aims_at_floor`."""
    return bool(getattr(policy, "aims_at_floor", False))


@dataclass(frozen=True, eq=False)
class Aimed:
    """Bid as another policy does in the market whose scenario has a margin above the floor."""

    policy: Policy
    """The policy, which reads `trained_revenue_floor` of the market's scenario."""
    margin: float
    """Margin above the revenue floor, as a share of it."""

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> Actor:
        """Begin the day in that market, which is made once: policies keep what they plan by it."""

        def aimed() -> Market:
            return market.with_goals(with_margin(market.scenario, self.margin))

        return self.policy.begin(market.once("aimed", self.margin, aimed), day, n_policies)
