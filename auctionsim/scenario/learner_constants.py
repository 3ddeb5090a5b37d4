"""Constants of the learners that have many: `[learner.ppo]`, `[learner.dqn]`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from auctionsim.scenario.base import Count, Positive, Section, Share


class PpoSection(Section):
    """Proximal policy optimisation, for `ippo` and `mappo`."""

    hidden: Annotated[tuple[Count, ...], Field(min_length=1)] = (64, 64)
    """Sizes of the hidden layers, actors' and value networks'."""
    learning_rate: Positive = 0.01
    """Adam's step."""
    epochs: Count = 16
    """Steps over everything that was played in a generation."""
    clip: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.2
    """How far the likelihood of an action may move in a generation."""
    gae: Annotated[FiniteFloat, Field(ge=0, le=1)] = 0.95
    """Lambda of the generalised advantage estimate."""
    first_std: Positive = 0.5
    """Standard deviation of the first policy, in log coefficients."""


class DqnSection(Section):
    """The Q-learners of SS-RTB; defaults are the paper's constants where it gives them, else ours (docs/ss-rtb.md)."""

    alphas: Annotated[int, Field(ge=2, le=1000)] = 100
    """Actions: values of alpha, evenly spaced in logs."""
    alpha_range: tuple[Positive, Positive] = (0.1, 5.0)
    """Lowest and highest alpha, over the one whose mean bid is the mean keyword bid."""
    hidden: Annotated[tuple[Count, ...], Field(min_length=1)] = (300, 200)
    """Sizes of the hidden layers, between 15 inputs and one output per alpha."""
    batch: Count = 300
    """Transitions per gradient step and agent."""
    learning_rate: Positive = 1e-4
    """RMSProp's step."""
    gamma: Share = 0.9
    """Discount of the next step's value."""
    replay: Count = 1_000_000
    """Transitions kept per agent."""
    target_every: Count = 10_000
    """Transitions each agent makes, all copies of the day counted, between copies of the target network."""
    copies: Count = 32
    """Copies of a training day that are replayed at once; one such replay is an episode of the episode network."""
    updates: Count = 16
    """Gradient steps after each episode."""
    exploration: Annotated[FiniteFloat, Field(gt=0, le=1)] = 0.8
    """Share of the iterations over which epsilon falls from 1 to 0."""
    overspend: Literal["skip", "stop", "charge"] = "skip"
    """Beyond the cost target: transitions are not learned from (`skip`, the paper's), bidding stops (`stop`), or the day goes
    on and cost is charged in the reward at its worth, on either side of the target (`charge`)."""
    shaping: bool = True
    """`skip` and `stop`: whether the reward is shaped by the worth of the cost that is left, which changes no optimum."""
    step_minutes: Literal[1, 5, 15, 60, 240] = 60
    """Minutes an alpha is held; not of `amdp-dqn`."""
    step_auctions: Count = 100
    """`amdp-dqn`: auctions of an advertiser per step."""
    public_reward: Literal["sum", "mean"] = "sum"
    """`m-rmdp-dqn`: the public reward is the sum or the mean over agents."""
