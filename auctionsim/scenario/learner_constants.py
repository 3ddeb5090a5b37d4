"""Constants of the built-in learners that have many, each in a section of its own, such as `[learner.ppo]`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from auctionsim.scenario.base import Count, NotNegative, Positive, Repeats, Section, Share

Sizes = Annotated[tuple[Annotated[int, Field(ge=1, le=10**4)], ...], Field(min_length=1, max_length=20)]
"""Units of each hidden layer."""


class PpoSection(Section):
    """Proximal policy optimisation, for `ippo` and `mappo`."""

    hidden_sizes: Sizes = (64, 64)
    """Units of the hidden layers, of actors and of value networks."""
    learning_rate: Positive = 0.01
    """Adam's step."""
    epochs: Repeats = 16
    """Gradient steps over everything that was played in an iteration."""
    clip: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.2
    """Largest move of an action's likelihood ratio in an iteration."""
    gae_lambda: Annotated[FiniteFloat, Field(ge=0, le=1)] = 0.95
    """Lambda of the generalised advantage estimate."""
    init_std: Positive = 0.5
    """Standard deviation of the initial policy, in log coefficients."""


class MaabSection(Section):
    """`maab`; defaults are the paper's constants where it gives them and they suit hourly steps (docs/learners.md)."""

    temperature: Positive = 4.0
    """tau of the softmax over multipliers by which the groups share what all earn: small competes, large cooperates."""
    bid_floors: bool = True
    """Whether bar agents withhold rewards from bids below a bid floor that they learn to set."""
    n_actions: Annotated[int, Field(ge=2, le=1000)] = 21
    """Actions: multipliers, evenly from 0."""
    max_multiplier: Positive = 5.0
    """The largest multiplier; 1 bids the keyword bid on average."""
    hidden_sizes: Sizes = (64, 64)
    """Units of the hidden layers."""
    batch_size: Annotated[int, Field(ge=1, le=10**7)] = 256
    """Transitions per gradient step and agent."""
    learning_rate: Positive = 5e-4
    """RMSProp's step, falling over the second half."""
    gamma: Share = 0.99
    """Discount of the next step's value."""
    buffer_size: Annotated[int, Field(ge=1, le=10**9)] = 5000
    """Days that the replay buffer holds."""
    target_update_interval: Count = 200
    """Days between updates of the target network."""
    gradient_steps: Repeats = 16
    """Gradient steps after an iteration's days; twice as many of the bid floors."""
    exploration_fraction: Annotated[FiniteFloat, Field(gt=0, le=1)] = 0.5
    """Share of the iterations over which epsilon falls from 1 to `epsilon_end`."""
    epsilon_end: Share = 0.05
    """Chance of a random action from then on."""


class DcmabSection(Section):
    """`dcmab`; the paper gives the form, the constants are ours (docs/learners.md)."""

    clusters: Annotated[int, Field(ge=1, le=10**6)] = 4
    """Clusters of advertisers; fewer where there are not as many."""
    max_adjustment: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.9
    """Largest move of the bid on a mean auction from the keyword bid, as a share of it."""
    hidden_sizes: Sizes = (64, 64)
    """Units of the hidden layers, of actors and of critics."""
    batch_size: Annotated[int, Field(ge=1, le=10**7)] = 256
    """Transitions per gradient step, the same for all clusters."""
    actor_rate: Positive = 1e-3
    """Adam's step of the actors, falling over the second half."""
    critic_rate: Positive = 3e-3
    """Adam's step of the critics, likewise."""
    gamma: Share = 0.9
    """Discount of the next step's value."""
    tau: Annotated[FiniteFloat, Field(gt=0, le=1)] = 0.02
    """Soft update of the target networks: the share of the way they go towards the others with every gradient step."""
    buffer_size: Annotated[int, Field(ge=1, le=10**9)] = 5000
    """Days that the replay buffer holds."""
    gradient_steps: Repeats = 16
    """Gradient steps after an iteration's days."""
    noise: Positive = 0.5
    """Standard deviation of the initial exploration, as a share of the largest adjustment."""
    noise_end: NotNegative = 0.05
    """Standard deviation that `noise` falls to, evenly, over the iterations."""


class DqnSection(Section):
    """The Q-learners of SS-RTB; defaults are the paper's constants where it gives them, else ours (docs/ss-rtb.md)."""

    alphas: Annotated[int, Field(ge=2, le=1000)] = 100
    """Actions: values of alpha, evenly spaced in logs."""
    alpha_range: tuple[Positive, Positive] = (0.1, 5.0)
    """Lowest and highest alpha, over the one whose mean bid is the mean keyword bid."""
    hidden_sizes: Sizes = (300, 200)
    """Units of the hidden layers, between 15 inputs and one output per alpha."""
    batch_size: Annotated[int, Field(ge=1, le=10**7)] = 300
    """Transitions per gradient step and agent."""
    learning_rate: Positive = 1e-4
    """RMSProp's step."""
    gamma: Share = 0.9
    """Discount of the next step's value."""
    buffer_size: Annotated[int, Field(ge=1, le=10**9)] = 1_000_000
    """Transitions that the replay buffer holds for each agent."""
    target_update_interval: Count = 10_000
    """Transitions each agent makes, all parallel copies of the day counted, between updates of the target network."""
    num_envs: Annotated[int, Field(ge=1, le=10**5)] = 32
    """Copies of a training day that are replayed in parallel; one such replay is an episode of the episode network."""
    gradient_steps: Repeats = 16
    """Gradient steps after each episode."""
    exploration_fraction: Annotated[FiniteFloat, Field(gt=0, le=1)] = 0.8
    """Share of the iterations over which epsilon falls from 1 to 0."""
    overspend: Literal["skip", "stop", "lagrangian"] = "skip"
    """Beyond the cost target: transitions are masked (`skip`, the paper's), bidding stops (`stop`), or the day goes on and the
    reward is the constraint's Lagrangian, with cost charged at its marginal value on either side of the target
    (`lagrangian`)."""
    shaping: bool = True
    """`skip` and `stop`: whether the reward is shaped by the value of the cost that is left, which changes no optimum."""
    step_minutes: Literal[1, 5, 15, 60, 240] = 60
    """Minutes an alpha is held; not of `amdp-dqn`."""
    step_auctions: Count = 100
    """`amdp-dqn`: auctions of an advertiser per step."""
    time_waves: bool = True
    """`amdp-dqn`: whether the state also holds the time as phases of 1, 8, 64 and 512 waves a day, which tell two steps apart.
    Without them it is the paper's: cost left, time, and the auction."""
    public_reward: Literal["sum", "mean"] = "sum"
    """`m-rmdp-dqn`: the public reward is the sum or the mean over agents."""


class ValueScaleSection(Section):
    """The fitted rules `value-scale`, `value-scale-paced` and `objective-scale`."""

    pacing_rounds: Repeats = 15
    """Iterations in which paced advertisers adjust before the bracket shrinks; not of `value-scale`."""
    tolerance: Positive = 1e-4
    """Relative width of the bracket at which the search is over; further iterations replay nothing."""
