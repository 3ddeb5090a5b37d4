"""Offer the auction to BenchMARL as a task, for MAPPO, MADDPG, IQL and its other algorithms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from auctionsim.auction.bid_formula import BID_MODELS
from auctionsim.errors import unknown
from auctionsim.extras import MissingExtra
from auctionsim.scenario import Scenario

try:
    import torch
    from benchmarl.environments.common import Task, TaskClass
    from benchmarl.utils import _read_yaml_config
    from torchrl.data import Composite
    from torchrl.envs import EnvBase

    from auctionsim.envs.adapters.torchrl import AuctionEnv
except ImportError as error:
    raise MissingExtra(f"{__name__} needs benchmarl: pip install benchmarl") from error

DEFAULTS: dict[str, Any] = {
    "scenario": "three-arms",
    "overrides": [],
    "bid_model": "value",
    "levels": 21,
    "max_multiplier": 50.0,
    "penalty": "capped",
    "split": "train",
    "same_day": False,
    "max_cycles": None,
}
"""Every key of a task's configuration with its value in the file beside this module, which says what each is."""


def auction_task(**config: Any) -> AuctionTaskClass:
    """Make the task of any scenario.

    Args:
        config: Keys of `DEFAULTS` that differ, for example `scenario="ss-rtb"`; a `Scenario` is taken as it is, without
            `overrides`.

    Raises:
        InputError: There is no such key.
    """
    scenario = config.get("scenario", DEFAULTS["scenario"])
    return AuctionTaskClass(scenario.name if isinstance(scenario, Scenario) else Path(str(scenario)).stem, config)


class AuctionTaskClass(TaskClass):
    """The auction in BenchMARL's manner: `num_envs` markets in one tensor, agents in the scenario's groups.

    Actions are continuous; with a bid model of one coefficient there are discrete ones too. The state of centralized critics is
    `"state"`, the observations of all agents.

    Args:
        name: Name of the task, under which BenchMARL logs it.
        config: Keys of `DEFAULTS` that differ.

    Raises:
        InputError: There is no such key.
    """

    def __init__(self, name: str, config: Mapping[str, Any] | None) -> None:
        given = dict(config or {})
        for key in given:
            if key not in DEFAULTS:
                raise unknown("BenchMARL task", key, DEFAULTS, what="unknown key")
        super().__init__(name, DEFAULTS | given)

    def get_env_fun(
        self, num_envs: int, continuous_actions: bool, seed: int | None, device: torch.device | str
    ) -> Callable[[], EnvBase]:
        """Return a function that makes `num_envs` markets."""
        config = dict(self.config)
        scenario, mode = config.pop("scenario"), "box" if continuous_actions else "discrete"
        return lambda: AuctionEnv(scenario, num_envs, action_mode=mode, seed=seed, device=device, **config)

    def supports_continuous_actions(self) -> bool:
        """Return True."""
        return True

    def supports_discrete_actions(self) -> bool:
        """Return whether an agent has one number to choose: BenchMARL knows no several choices at once."""
        return len(BID_MODELS[self.config["bid_model"]]) == 1

    def max_steps(self, env: EnvBase) -> int:
        """Return the number of steps of an episode."""
        return int(env.max_steps)

    def has_render(self, env: EnvBase) -> bool:  # noqa: ARG002
        """Return False: the markets in one tensor draw no pictures."""
        return False

    def group_map(self, env: EnvBase) -> dict[str, list[str]]:
        """Return the agents of each group."""
        return dict(env.group_map)

    def state_spec(self, env: EnvBase) -> Composite | None:
        """Describe the state of one market, `[15 A]`."""
        return Composite({"state": env.full_observation_spec_unbatched["state"].clone()})

    def observation_spec(self, env: EnvBase) -> Composite:
        """Describe what the agents of each group observe."""
        return self._by_group(env, "observation")

    def info_spec(self, env: EnvBase) -> Composite | None:
        """Describe objectives and costs of each group."""
        return self._by_group(env, "info")

    def action_spec(self, env: EnvBase) -> Composite:
        """Describe the actions."""
        return env.full_action_spec_unbatched

    def action_mask_spec(self, env: EnvBase) -> Composite | None:  # noqa: ARG002
        """Return None: every action is allowed at any time."""
        return None

    @staticmethod
    def env_name() -> str:
        """Return the name under which BenchMARL files the task."""
        return "auctionsim"

    def _by_group(self, env: EnvBase, key: str) -> Composite:
        """Return one entry of each group's description, of one market as BenchMARL takes it."""
        of_all = env.full_observation_spec_unbatched
        return Composite(
            {
                group: Composite({key: of_all[group, key].clone()}, shape=(len(members),))
                for group, members in env.group_map.items()
            }
        )


class AuctionTask(Task):
    """The tasks that are ready made. `auction_task` makes others."""

    THREE_ARMS = None

    @staticmethod
    def associated_class() -> type[AuctionTaskClass]:
        """Return the class of the tasks."""
        return AuctionTaskClass

    def get_from_yaml(self, path: str | None = None) -> AuctionTaskClass:
        """Read the task's configuration from a file.

        Args:
            path: The file; None for the one beside this module.

        Raises:
            InputError: The file holds an unknown key.
        """
        own = Path(__file__).with_name(f"benchmarl_{self.name.lower()}.yaml")
        return AuctionTaskClass(self.name, _read_yaml_config(str(own if path is None else path)))
