"""Observe in the layout of AuctionNet: 16 numbers of the day so far, the last three steps and the coming one.

The layout is that of the benchmark's published code (alimama-tech/AuctionNet, the state of its IQL baseline). Two things
differ. Steps are hours, 24 a day, where AuctionNet has 48. And no replay keeps the lowest winning bid of every auction: the
mean price that the market paid per impression stands in its place.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorWrapper
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.outcome import CONVERSIONS, COST, IMPRESSIONS
from auctionsim.envs.vector_env import AuctionVectorEnv
from auctionsim.errors import InputError, shown
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Observation = NDArray[np.float32]

LAYOUT = (
    "time_left", "budget_left", "bid_mean", "last_bid_mean", "price_mean", "pcvr_mean", "conversion_mean", "win_mean",
    "last_price_mean", "last_pcvr_mean", "last_conversion_mean", "last_win_mean", "next_pcvr_mean", "next_auctions",
    "last_auctions", "auctions",
)  # fmt: skip
"""Names in order. `time_left` and `budget_left` are shares. A mean is over steps, of a step's mean over the auctions in which
the advertiser is a candidate: its bid (without floor and cap), price, predicted conversion rate, conversions, impressions.
`last_` is over the last 3 steps, `next_` of the coming one; auctions are counts. Before the first step all of the past is 0.
Prices, the market's, are 0 where `[information]` has another regime than `full`."""
_LAST = 3
_BID, _PRICE, _PCVR, _CONVERSION, _WIN, _AUCTIONS = range(6)


class AuctionNetObservations(VectorWrapper):
    """Replace the observations of `AuctionVectorEnv` by AuctionNet's 16 numbers of each agent, `[P, A, 16]`, in `LAYOUT`.

    Args:
        env: The vector environment, whose `autoreset_mode` is not `SAME_STEP`: its `final_obs` would be of another layout.

    Raises:
        InputError: It is another environment, has that mode, or its bidders' reports are late.
    """

    def __init__(self, env: AuctionVectorEnv) -> None:
        if not isinstance(env, AuctionVectorEnv):
            raise InputError(f"env: expected an AuctionVectorEnv, got {shown(env)}")
        if env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP:
            raise InputError("env: expected autoreset_mode = 'NEXT_STEP' or 'DISABLED', got 'SAME_STEP'")
        env.market.expect_no_late_reports("AuctionNetObservations")
        super().__init__(env)
        information = env.market.information
        self._shows_prices = information is None or information.shows("full")
        self._inner = env
        self._days, self._market, shape = env.batched_days, env.market, (len(env.agents), len(LAYOUT))
        self._by_day: dict[int, tuple[Array, Array]] = {}
        self._past = np.zeros((len(env.agents), 6, env.num_envs))
        self._steps: deque[Array] = deque(maxlen=_LAST)
        self.single_observation_space = spaces.Box(0.0, np.inf, shape)
        self.observation_space = spaces.Box(0.0, np.inf, (env.num_envs, *shape))

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin days as the environment does; return the observations and its infos."""
        _, infos = self._inner.reset(seed=seed, options=options)
        self._forget()
        return self._observations(), infos

    def step(self, actions: Any) -> tuple[Observation, Any, Any, Any, dict[str, Any]]:
        """Replay an hour as the environment does; return the observations and its rewards, ends and infos."""
        before = self._days.hour.copy()
        _, rewards, terminations, truncations, infos = self._inner.step(actions)
        self._remember(np.flatnonzero(self._days.hour == before + 1))
        self._forget()
        return self._observations(), rewards, terminations, truncations, infos

    def _forget(self) -> None:
        """Forget the past of the environments that are at the start of a day."""
        begun = self._days.hour == 0
        self._past[:, :, begun] = 0.0
        for step in self._steps:
            step[:, :, begun] = 0.0

    def _remember(self, envs: NDArray[np.int64]) -> None:
        """Add the hour that was replayed in some environments to their past."""
        step = np.zeros_like(self._past)
        learners, last = self._market.learners, self._days.last_step
        shown_ads = last[:, IMPRESSIONS].sum(axis=0)
        price = np.divide(last[:, COST].sum(axis=0), shown_ads, out=np.zeros_like(shown_ads), where=shown_ads > 0)
        for p in envs.tolist():
            features, auctions = self._hour(p, int(self._days.hour[p]) - 1)
            theta, count = (
                self._days.coefficients[learners, :, p % self._days.coefficients.shape[-1]],
                np.maximum(auctions, 1.0),
            )
            step[:, _BID, p] = (theta * features).sum(axis=1)
            step[:, _PRICE, p] = price[p] if self._shows_prices else 0.0
            step[:, _PCVR, p] = features[:, FEATURES.index("pcvr")]
            step[:, _CONVERSION, p] = last[learners, CONVERSIONS, p] / count
            step[:, _WIN, p] = last[learners, IMPRESSIONS, p] / count
            step[:, _AUCTIONS, p] = auctions
        self._past += step
        self._steps.append(step)

    def _hour(self, env: int, hour: int) -> tuple[Array, Array]:
        """Return the agents' mean bid features `[A, 4]` and auctions `[A]` in an hour; 0 after the day's end."""
        day, learners = int(self._days.day[env]), self._market.learners
        if day not in self._by_day:
            self._by_day[day] = (
                self._market.hourly_features(day)[:, learners], self._market.hourly_auctions(day)[:, learners],
            )  # fmt: skip
        if hour >= HOURS:
            return np.zeros((len(learners), len(FEATURES))), np.zeros(len(learners))
        return self._by_day[day][0][hour], self._by_day[day][1][hour]

    def _observations(self) -> Observation:
        hour = self._days.hour
        past, last = self._past / np.maximum(hour, 1), sum(self._steps, np.zeros_like(self._past))
        recent = last / np.clip(hour, 1, _LAST)
        coming = [self._hour(p, int(hour[p])) for p in range(len(hour))]
        left = self._days.observations()[:, :, 1].T
        rows: dict[str, Array] = {
            "time_left": np.broadcast_to(1 - hour / HOURS, left.shape),
            "budget_left": left.astype(np.float64),
            "next_pcvr_mean": np.stack([features[:, FEATURES.index("pcvr")] for features, _ in coming], axis=-1),
            "next_auctions": np.stack([auctions for _, auctions in coming], axis=-1),
            "last_auctions": last[:, _AUCTIONS],
            "auctions": self._past[:, _AUCTIONS],
        }
        kinds = {"bid": _BID, "price": _PRICE, "pcvr": _PCVR, "conversion": _CONVERSION, "win": _WIN}
        rows |= {f"{name}_mean": past[:, k] for name, k in kinds.items()}
        rows |= {f"last_{name}_mean": recent[:, k] for name, k in kinds.items()}
        return np.stack([rows[name] for name in LAYOUT], axis=-1).transpose(1, 0, 2).astype(np.float32, order="C")
