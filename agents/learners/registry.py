"""Find learners by name."""

from __future__ import annotations

from importlib import import_module

from auctionsim.agents.learners.base import Learner
from auctionsim.scenario import Scenario

_LEARNERS = {
    "macg-es": "auctionsim.agents.learners.es.macg:MacgES",
    "openai-es": "auctionsim.agents.learners.es.openai_es:OpenAIES",
    "cma-es": "auctionsim.agents.learners.es.cma_es:CmaES",
    "ippo": "auctionsim.agents.learners.rl.ppo:Ppo",
    "mappo": "auctionsim.agents.learners.rl.ppo:Ppo",
    "maab": "auctionsim.agents.learners.grouped.maab:Maab",
    "dcmab": "auctionsim.agents.learners.grouped.dcmab:Dcmab",
    "rmdp-dqn": "auctionsim.agents.learners.ss_rtb.rmdp:Rmdp",
    "m-rmdp-dqn": "auctionsim.agents.learners.ss_rtb.rmdp:Rmdp",
    "amdp-dqn": "auctionsim.agents.learners.ss_rtb.rmdp:Rmdp",
}


def make_learner(scenario: Scenario) -> Learner:
    """The learner that `learner.algorithm` names."""
    module, _, name = _LEARNERS[scenario.learner.algorithm].partition(":")
    learner: Learner = getattr(import_module(module), name)(scenario)
    return learner


def learner_names() -> tuple[str, ...]:
    """Names of all learners."""
    return tuple(_LEARNERS)
