"""Offer vector environments to Stable-Baselines3, whose `VecEnv` came before Gymnasium's.

```python
from stable_baselines3 import PPO

from auctionsim.envs.adapters.sb3 import single_bidder

model = PPO("MlpPolicy", single_bidder("three-arms", 64), n_steps=24)
model.learn(2 * 64 * 24)
```

The only module that imports stable_baselines3, and the reason to import it by itself: `pip install 'auctionsim[sb3]'`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from auctionsim.arguments import instance_of
from auctionsim.envs.flatten_agents import FlattenAgents
from auctionsim.envs.markets import DEFAULT_SCENARIO
from auctionsim.envs.single_agent import single_bidder_vector
from auctionsim.envs.vector_env import AuctionVectorEnv
from auctionsim.errors import InputError, shown
from auctionsim.extras import expect_library
from auctionsim.market.market import Market
from auctionsim.numbers import checked_seed
from auctionsim.scenario import Scenario

try:
    from stable_baselines3.common.vec_env import VecEnv
except ImportError:
    expect_library("stable_baselines3", __name__)
    raise

Infos = dict[str, Any]


def single_bidder(
    scenario: Market | Scenario | str | Path = DEFAULT_SCENARIO, num_envs: int = 1, **arguments: Any
) -> AuctionVecEnv:
    """Make environments of `auctionsim/SingleBidder-v0` that share calls of the kernel: one learner among fixed rivals.

    Args:
        scenario: A `Scenario`, a path, or the name of a built-in scenario; or a `Market`.
        num_envs: Number of environments, >= 1.
        arguments: Further arguments, as `gymnasium.make_vec` takes them: `bidder`, `rivals`, `bid_model`, `split` and so on.

    Raises:
        InputError: The scenario is wrong, or an argument is unknown or outside its range.
    """
    return AuctionVecEnv(single_bidder_vector(num_envs, scenario, autoreset_mode=AutoresetMode.SAME_STEP, **arguments))


def shared_policy(
    scenario: Market | Scenario | str | Path = DEFAULT_SCENARIO, num_envs: int = 1, **arguments: Any
) -> AuctionVecEnv:
    """Make environments in which all learners of a scenario bid by one policy, `num_envs` x A rows for A learners.

    Args:
        scenario: A `Scenario`, a path, or the name of a built-in scenario; or a `Market`.
        num_envs: Number of days side by side, >= 1.
        arguments: Further arguments, as `AuctionVectorEnv` takes them.

    Raises:
        InputError: The scenario is wrong or has no learner, or an argument is unknown.
    """
    return AuctionVecEnv(
        FlattenAgents(AuctionVectorEnv(scenario, num_envs, autoreset_mode=AutoresetMode.SAME_STEP, **arguments))
    )


class AuctionVecEnv(VecEnv):
    """A Gymnasium vector environment as Stable-Baselines3's `VecEnv`, each of its rows as an environment.

    Rewards are float32, as in the library's own vector environments. `infos[i]` has what the environment's infos have for row
    i, `TimeLimit.truncated`, and `terminal_observation` where the episode ended: it is then the info of the end, and
    `reset_infos[i]` that of the episode which began in the same step. `VecMonitor`, `VecNormalize` and the other wrappers go
    around it.

    Args:
        env: The vector environment, with `autoreset_mode` `SAME_STEP`: `FlattenAgents`, or what `gymnasium.make_vec` made.

    Raises:
        InputError: `env` is no vector environment, has another `autoreset_mode`, or gives more than one reward a row.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        # Any: seeds may be lists and pictures are arrays, which Gymnasium's types do not say.
        self.env: Any = instance_of("env", env, VectorEnv, "a vector environment of Gymnasium")
        mode = env.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise InputError(f"env: expected autoreset_mode SAME_STEP, got {shown(getattr(mode, 'name', mode))}")
        if isinstance(env.unwrapped, AuctionVectorEnv):
            raise InputError("env: expected one reward a row, got AuctionVectorEnv (wrap it in FlattenAgents)")
        if env is env.unwrapped and getattr(env, "reward", "scalar") != "scalar":  # a wrapper may weigh them
            raise InputError("env: expected one reward a row, got vectors of rewards (make it with reward='scalar')")
        self.spec = getattr(env, "spec", None)
        flat = [layer for layer in self._layers() if isinstance(layer, FlattenAgents)]
        self._rows_per_day = env.num_envs // flat[0].env.num_envs if flat else 1
        self._actions: NDArray[Any] | None = None
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the next `reset`: the environment that row i belongs to, number e, gets seed + e.

        Args:
            seed: Seed of the first environment, >= 0; drawn from numpy's global generator where None, as the library does.

        Returns:
            The seed of each row.

        Raises:
            InputError: The seed is no whole number >= 0 and < 2^63.
        """
        first = int(np.random.randint(0, 2**32, dtype=np.uint64)) if seed is None else checked_seed("seed", seed)  # noqa: NPY002
        self._seeds = [first + row // self._rows_per_day for row in range(self.num_envs)]
        return self._seeds

    def reset(self) -> NDArray[np.float32]:
        """Begin an episode in every row, with the seeds and options that were set since the last reset.

        Returns:
            Observations, `[rows, features]`.

        Raises:
            InputError: A seed or an option does not fit.
        """
        seeds = self._seeds[:: self._rows_per_day]
        seed = None if all(given is None for given in seeds) else seeds
        observations, infos = self.env.reset(seed=seed, options=self._merged_options())
        self.reset_infos = _rows(infos, self.num_envs)
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take note of the actions of the next `step_wait`, `[rows, ...]`."""
        self._actions = actions

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[Infos]]:
        """Replay an hour.

        Returns:
            Observations, `[rows, features]`; rewards, `[rows]`; whether each episode ended, `[rows]`; and an info for each row.

        Raises:
            InputError: No episode is running, the actions are not in the action space, or rewards are vectors.
        """
        actions, self._actions = self._actions, None
        if actions is None:
            raise InputError("step_wait: expected actions, got none (call step_async first)")
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        if rewards.ndim != 1:
            raise InputError(f"env: expected one reward a row, got vectors of {rewards.shape[-1]} (weigh them in a wrapper)")
        dones = terminations | truncations
        ended, final_infos = np.flatnonzero(dones).tolist(), infos.pop("final_info", {})
        final_observations = infos.pop("final_obs", None)
        rows = _rows(infos, self.num_envs)
        if ended:
            ends = _rows(final_infos, self.num_envs)
            for i in ended:
                self.reset_infos[i], rows[i] = rows[i], ends[i] | {"terminal_observation": final_observations[i]}
        for row, is_cut in zip(rows, (truncations & ~terminations).tolist(), strict=True):
            row["TimeLimit.truncated"] = is_cut
        return observations, rewards.astype(np.float32), dones, rows

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Return a picture of each row's day, `[height, width, 3]`; None without the render mode `rgb_array`."""
        frames = self.env.render() if self.render_mode == "rgb_array" else None
        return [None] * self.num_envs if frames is None else list(frames)

    def get_attr(self, attr_name: str, indices: int | Iterable[int] | None = None) -> list[Any]:
        """Return an attribute for each row: the spaces are those of a row, anything else the environment's own.

        Raises:
            AttributeError: Neither the environment nor one that it wraps has the attribute.
        """
        of_a_row = {"observation_space": self.env.single_observation_space, "action_space": self.env.single_action_space}
        value = of_a_row[attr_name] if attr_name in of_a_row else getattr(self._owner(attr_name), attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: int | Iterable[int] | None = None) -> None:
        """Set an attribute of the environment and of what it wraps, for all rows at once; of the environment if none has it.

        Raises:
            InputError: `indices` are not all rows: they are one object and have their attributes together.
        """
        if sorted(self._get_indices(indices)) != list(range(self.num_envs)):
            raise InputError(f"indices: expected all {self.num_envs} rows, which have one environment, got {shown(indices)}")
        # A layer may hold a copy of what an inner one has and uses, as FlattenAgents does of max_cycles.
        for layer in [layer for layer in self._layers() if attr_name in vars(layer)] or [self.env]:
            setattr(layer, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: int | Iterable[int] | None = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the environment once, and return its result for each row.

        A tuple, a list or an array of as many entries as there are rows has one for each row: `render` gives its pictures so,
        and a wrapper's `action_masks`, `[rows, actions]`, its masks. Any other result is the same for all rows.

        Raises:
            AttributeError: Neither the environment nor one that it wraps has the method.
        """
        result = getattr(self._owner(method_name), method_name)(*method_args, **method_kwargs)
        is_split = isinstance(result, tuple | list | np.ndarray) and np.ndim(result) > 0 and len(result) == self.num_envs
        return [result[i] if is_split else result for i in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: int | Iterable[int] | None = None) -> list[bool]:
        """Return for each row whether the environment is wrapped in a class: the same for all of them."""
        is_wrapped = any(isinstance(layer, wrapper_class) for layer in self._layers())
        return [is_wrapped for _ in self._get_indices(indices)]

    def _layers(self) -> Iterator[Any]:
        """Yield the environment, what it wraps, and so on."""
        layer: Any = self.env
        while layer is not None:
            yield layer
            layer = vars(layer).get("env")

    def _owner(self, name: str) -> Any:
        """Return the outermost layer that has an attribute itself."""
        for layer in self._layers():
            if name in vars(layer) or hasattr(type(layer), name):
                return layer
        raise AttributeError(f"{type(self.env).__name__} has no attribute {name!r}")

    def _merged_options(self) -> dict[str, Any] | None:
        """Return the options of all rows as those of the vector environment: a day for each of its environments."""
        options = self._options[:: self._rows_per_day]
        if all(given == options[0] for given in options):
            return options[0] or None
        unknown = sorted({name for given in options for name in given} - {"day"})
        if unknown:
            raise InputError(f"options: expected the same {unknown[0]!r} for all rows, got different ones")
        return {"day": [given.get("day") for given in options]}


def _rows(infos: Mapping[str, Any], n_rows: int) -> list[Infos]:
    """Return infos of all rows, arrays `[rows, ...]`, as one of each row.

    `_name` says for which rows `name` holds, all where there is none. Entries that are dicts are taken apart likewise.
    """
    rows: list[Infos] = [{} for _ in range(n_rows)]
    for name, values in infos.items():
        if name.startswith("_"):
            continue
        if isinstance(values, Mapping):
            of_rows: Sequence[Any] = _rows(values, n_rows)
        else:
            # Numbers become Python's own, as in the infos of a single environment.
            of_rows = values.tolist() if values.ndim == 1 else list(values)
        mask = infos.get(f"_{name}")
        for row, value, holds in zip(rows, of_rows, [True] * n_rows if mask is None else mask, strict=True):
            if holds:
                row[name] = value
    return rows
