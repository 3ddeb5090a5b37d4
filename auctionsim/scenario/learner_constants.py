"""Constants of the learners that have many: `[learner.ppo]`, `[learner.maab]`, `[learner.dcmab]`, `[learner.dqn]`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from auctionsim.scenario.base import Count, NotNegative, Positive, Section, Share


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


class MaabSection(Section):
    """`maab`; defaults are the paper's constants where it gives them and they suit hourly steps (docs/learners.md)."""

    temperature: Positive = 4.0
    """tau of the softmax over multipliers by which the groups share what all earn: small competes, large cooperates."""
    bars: bool = True
    """Whether bar agents withhold rewards from bids below a bar that they learn to set."""
    levels: Annotated[int, Field(ge=2, le=1000)] = 21
    """Actions: multipliers, evenly from 0."""
    max_multiplier: Positive = 5.0
    """The largest multiplier; 1 bids the keyword bid on average."""
    hidden: Annotated[tuple[Count, ...], Field(min_length=1)] = (64, 64)
    """Sizes of the hidden layers."""
    batch: Count = 256
    """Transitions per gradient step and agent."""
    learning_rate: Positive = 5e-4
    """RMSProp's step, falling over the second half."""
    gamma: Share = 0.99
    """Discount of the next step's value."""
    replay_days: Count = 5000
    """Days kept."""
    target_every: Count = 200
    """Days between copies of the target network."""
    updates: Count = 16
    """Gradient steps after a generation; twice as many of the bars."""
    exploration: Annotated[FiniteFloat, Field(gt=0, le=1)] = 0.5
    """Share of the iterations over which epsilon falls from 1 to its last value."""
    last_epsilon: Share = 0.05
    """Chance of a random action from then on."""


class DcmabSection(Section):
    """`dcmab`; the paper gives the form, the constants are ours (docs/learners.md)."""

    clusters: Count = 4
    """Clusters of advertisers; fewer where there are not as many."""
    max_adjustment: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.9
    """How far the bid on a mean auction moves from the keyword bid, as a share of it."""
    hidden: Annotated[tuple[Count, ...], Field(min_length=1)] = (64, 64)
    """Sizes of the hidden layers, actors' and critics'."""
    batch: Count = 256
    """Transitions per gradient step, the same for all clusters."""
    actor_rate: Positive = 1e-3
    """Adam's step of the actors, falling over the second half."""
    critic_rate: Positive = 3e-3
    """Adam's step of the critics, likewise."""
    gamma: Share = 0.9
    """Discount of the next step's value."""
    soft: Annotated[FiniteFloat, Field(gt=0, le=1)] = 0.02
    """Share of the way that the target networks go towards the others with every gradient step."""
    replay_days: Count = 5000
    """Days kept."""
    updates: Count = 16
    """Gradient steps after a generation."""
    noise: Positive = 0.5
    """Standard deviation of the first exploration, as a share of the largest adjustment."""
    last_noise: NotNegative = 0.05
    """What it falls to, evenly, over the iterations."""


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
