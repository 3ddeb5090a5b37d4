"""Name the learners of the study: how each is set, who learns, and how long."""

from __future__ import annotations

from dataclasses import dataclass

from auctionsim.agents.learners.bandits.multiplier_bandit import MultiplierBandit
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

BANDIT = f"{MultiplierBandit.__module__}:{MultiplierBandit.__name__}"
QUICK_ITERATIONS = 8
START_REVENUE = 0.8
"""Revenue of `macg-es`'s first bids over that of keyword bids. The start is fitted to it, which makes it a floor too; it is far
below the equilibrium's, so that it binds nobody there."""


@dataclass(frozen=True)
class Arm:
    """A learner or a rule, its settings, and who of the bidders follows it."""

    name: str
    overrides: tuple[str, ...] = ()
    iterations: int = 1
    is_alone: bool = False
    """Whether the first bidder learns alone, among rivals that keep the equilibrium's bids."""
    controller: str = "learner"

    def scenario(self, n_bidders: int, pricing: str, *, has_budgets: bool = False, is_quick: bool = False) -> Scenario:
        """Return the scenario, without its traffic.

        Args:
            n_bidders: The number of bidders.
            pricing: `first` or `second`.
            has_budgets: Whether the traffic has budgets.
            is_quick: Whether to train for a few iterations only.
        """
        count = 1 if self.is_alone else n_bidders
        budgets = 'budgets = "budgets.csv"' if has_budgets else ""
        text = _TEXT.format(pricing="gsp" if pricing == "second" else pricing, budgets=budgets)
        text += _GROUP.format(group="bidder", count=count, controller=self.controller)
        text += 'budget = "table"\n' if has_budgets else ""
        if count < n_bidders:
            text += _GROUP.format(group="rival", count=n_bidders - count, controller="manual")
        iterations = min(self.iterations, QUICK_ITERATIONS) if is_quick else self.iterations
        return parse_scenario(text, self.name, overrides=[*self.overrides, f"train.iterations={iterations}"])


_ITSELF = ("learner.own_weight=1.0", "learner.global_weight=0.0")
_TOTAL = ("learner.own_weight=0.0", "learner.global_weight=1.0")
# Everybody's perturbation is noise in everybody's bids: the others' best responses are to noisy bids, so it has to end small.
_MACG = (
    'learner.algorithm="macg-es"', "learner.population=32", "learner.learning_rate=0.05", "learner.sigma=0.05",
    "learner.sigma_end=0.01",
)  # fmt: skip
_FROM_VALUES = ('learner.start="value-scale"', f"platform.revenue_floor={START_REVENUE}")
_CMA = ('learner.algorithm="cma-es"', "learner.population=32", "learner.sigma=0.7")
_BANDIT = (f'learner.algorithm="{BANDIT}"', "learner.population=16")

MACG = Arm("macg-es, each for itself", (*_MACG, *_FROM_VALUES, *_ITSELF), 100)
MACG_BENT = Arm(
    "macg-es, each for itself, bent bids", (*_MACG, *_ITSELF, "learner.learning_rate=0.1", "learner.sigma=0.1"), 150
)
# Payoffs of a few goods are steps in the bids, on which a small perturbation sees nothing.
MACG_WIDE = Arm(
    "macg-es, each for itself, wide", (*_MACG, *_FROM_VALUES, *_ITSELF, "learner.sigma=0.3", "learner.sigma_end=0.1"), 100
)
IPPO = Arm("ippo", ('learner.algorithm="ippo"', "learner.population=8", "learner.ppo.hidden_sizes=[16]", *_ITSELF), 30)
Q_LEARNING = Arm("q-learning", _BANDIT, 40)
EXP3 = Arm("exp3", (*_BANDIT, 'learner.constants.rule="exp3"'), 40)
CMA_ALONE = Arm("cma-es, one among equilibrium bids", (*_CMA, *_ITSELF), 40, is_alone=True)
CMA_TOTAL = Arm("cma-es, for the total", (*_CMA, *_TOTAL), 30)
MACG_TOTAL = Arm("macg-es, for the total", (*_MACG, *_TOTAL), 60)
DUAL_PACING = Arm("dual-pacing, a rule", controller="dual-pacing")
EQUILIBRIUM = Arm("equilibrium bids", controller="manual")

FOR_THEMSELVES = (MACG, IPPO, Q_LEARNING, EXP3, CMA_ALONE)
FOR_THE_TOTAL = (MACG_TOTAL, CMA_TOTAL)

_TEXT = """\
name = "learners-and-equilibria"
seed = 0
[traffic]
source = "values.parquet"
{budgets}
train_days = [0]
test_days = [1]
[mechanism]
pricing = "{pricing}"
[platform]
revenue_floor = 0.0
"""
_GROUP = """\
[[advertisers]]
group = "{group}"
count = {count}
controller = "{controller}"
"""
