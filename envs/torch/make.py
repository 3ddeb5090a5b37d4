"""Make environments in torch, which is imported by the call and not by the package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from auctionsim.envs.markets import DEFAULT_SCENARIO, AnyScenario
from auctionsim.extras import expect_library

if TYPE_CHECKING:
    import torch

    from auctionsim.envs.torch.env import AuctionTorchEnv


def torch_env(
    scenario: AnyScenario = DEFAULT_SCENARIO,
    num_envs: int = 1,
    device: torch.device | str = "cpu",
    *,
    auctions_on: str | None = None,
    overrides: Sequence[str] = (),
    **arguments: Any,
) -> AuctionTorchEnv:
    """Make parallel environments whose observations, actions, rewards and infos are tensors on a device.

    Args:
        scenario: A scenario, path or name, or a market.
        num_envs: P, the number of environments, >= 1.
        device: Device of all tensors: `cpu`, `cuda` or `cuda:N`.
        auctions_on: Device that clears the auctions, `cpu`, `cuda` or `cuda:N`; that of the tensors where None. It never
            changes a result. A GPU takes the extra `gpu`.
        overrides: Items `key.path=value` that replace values of the scenario.
        arguments: Further arguments of `AuctionVectorEnv`: `same_day`, `threads`, `autoreset_mode`, `bid_model`, `action_mode`,
            `levels`, `max_multiplier`, `penalty`, `reward`, `split`, `max_cycles`.

    Raises:
        InputError: There is no such device, what clears auctions there is not installed, or an argument is wrong.
        MissingExtra: torch is not installed.
    """
    expect_library("torch", "torch_env")
    from auctionsim.envs.torch.env import AuctionTorchEnv

    return AuctionTorchEnv(scenario, num_envs, device, auctions_on=auctions_on, overrides=overrides, **arguments)
