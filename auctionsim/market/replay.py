"""Replay a day of traffic, hour by hour, for many policies at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numba import config
from numpy.typing import ArrayLike, NDArray

from auctionsim.market.bids import FEATURES, feature_columns, over_all_features
from auctionsim.market.budget import spent_below
from auctionsim.market.controllers import Bid, Controller, checked_bid
from auctionsim.market.engine import OUTCOMES, padded, replay_cells
from auctionsim.market.luck import hour_key
from auctionsim.market.rules import Rules
from auctionsim.market.traffic import HOURS, Traffic

Part = TypeVar("Part")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a day brought, each array `[hours, advertisers, P]`."""

    impressions: NDArray[np.float64]
    clicks: NDArray[np.float64]
    conversions: NDArray[np.float64]
    gmv: NDArray[np.float64]
    """Currency."""
    cost: NDArray[np.float64]
    """Currency charged to the advertiser."""

    @property
    def revenue(self) -> NDArray[np.float64]:
        """The platform's receipts, `[hours, P]`."""
        return self.cost.sum(axis=1)

    @property
    def profit(self) -> NDArray[np.float64]:
        """GMV less cost, `[hours, advertisers, P]`."""
        return self.gmv - self.cost


class DayReplay:
    """One day under way: budgets and the hour so far. Environments step it, `replay` runs it to the end.

    Args:
        traffic: The traffic table.
        day: One of its days.
        phi: Its features as `feature_columns` gives them.
        policies: How many policies are replayed side by side.
        budgets: Daily budgets, currency: a number, `[advertisers]` or `[advertisers, P]`; None for none.
        rules: The auction's.
        quality: `rules.quality(traffic.pctr)`, where the caller has it already.
        seed: Draws the luck of `sampled` outcomes: the same for all policies, or one for each, `[P]`.
        controllers: Advertisers, and who bids for them where their coefficients are NaN.
        local_credit: Whether to sum, for each advertiser, what happens in the auctions it is a candidate in.
    """

    def __init__(
        self,
        traffic: Traffic,
        day: int,
        phi: NDArray[np.float64],
        *,
        policies: int = 1,
        budgets: ArrayLike | None = None,
        rules: Rules | None = None,
        quality: NDArray[np.float64] | None = None,
        seed: int | Sequence[int] = 0,
        controllers: Sequence[tuple[NDArray[np.int64], Controller]] = (),
        local_credit: bool = False,
    ) -> None:
        self._traffic = traffic
        self._day = day
        self._phi = phi
        self._rules = rules or Rules()
        self._quality = self._rules.quality(traffic.pctr) if quality is None else quality
        self._slot_effect = np.array(self._rules.slot_effect)
        self._seeds = [seed] * policies if isinstance(seed, int) else list(seed)
        self._controllers = controllers
        self._bids: list[Bid] = []
        self.hour = 0
        shape = (len(traffic.advertisers), policies)
        self.budget_left = np.ascontiguousarray(_per_policy(np.inf if budgets is None else budgets, shape, "budgets"))
        if not (self.budget_left >= 0).all():
            raise ValueError(f"budgets: expected numbers at least 0, got {self.budget_left.min()}")
        self._shared = np.zeros((shape[0] if local_credit else 0, 2, padded(policies)))
        self._spent_below = np.ascontiguousarray(spent_below(self.budget_left))
        self._last = np.zeros((shape[0], len(OUTCOMES), policies))
        self.coefficients: NDArray[np.float64] | None = None
        """Of the last hour, controllers' included, `[advertisers, 4, P]`."""

    @property
    def is_over(self) -> bool:
        """Whether all 24 hours were replayed."""
        return self.hour == HOURS

    def step(self, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Replay the next hour.

        Args:
            coefficients: theta over `FEATURES`, `[advertisers, 4, P]`, at least 0; NaN where a controller bids.

        Returns:
            `[advertisers, 5, P]`: impressions, clicks, conversions, gmv, cost of the hour.
        """
        self.coefficients = coefficients = self._completed(coefficients)
        n_advertisers, n_policies = self.budget_left.shape
        theta = np.full((n_advertisers, len(FEATURES), padded(n_policies)), np.nan)
        in_play = (self.budget_left > self._spent_below)[:, None, :]
        np.copyto(theta[:, :, :n_policies], coefficients, where=in_play)
        totals = np.zeros((n_advertisers, n_policies, len(OUTCOMES)))
        traffic = self._traffic
        replay_cells(
            traffic.cells_of(self._day, self.hour),
            traffic.cell_start,
            traffic.weight,
            traffic.market_ecpm,
            traffic.advertiser,
            self._quality,
            traffic.ctr,
            traffic.cvr,
            traffic.item_price,
            self._phi,
            theta,
            self.budget_left,
            self._spent_below,
            self._rules.reserve,
            self._rules.pricing_number,
            self._slot_effect,
            self._rules.outcomes == "sampled",
            self._luck(),
            totals,
            self._shared,
        )
        self.hour += 1
        self._last = totals.transpose(0, 2, 1)
        return self._last

    def _completed(self, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coefficients with the bids of controllers in place of NaN."""
        if not any(np.isnan(coefficients[who]).any() for who, _ in self._controllers):
            return coefficients
        n_policies = self.budget_left.shape[1]
        self._bids = self._bids or [controller.start(self._day, n_policies) for _, controller in self._controllers]
        theta = np.array(np.broadcast_to(coefficients, (*coefficients.shape[:2], n_policies)))
        for (who, controller), bid in zip(self._controllers, self._bids, strict=True):
            own = bid(self.hour, self.budget_left[who], self._last[who])
            theta[who] = checked_bid(own, theta[who].shape, type(controller).__name__)
        return theta

    def _luck(self) -> NDArray[np.uint64]:
        """The hour's key for each policy; nothing is drawn where outcomes are expected."""
        if self._rules.outcomes != "sampled":
            return np.zeros(len(self._seeds), dtype=np.uint64)
        key = {seed: hour_key(seed, self._day, self.hour) for seed in set(self._seeds)}
        return np.array([key[seed] for seed in self._seeds], dtype=np.uint64)

    @property
    def shared(self) -> NDArray[np.float64]:
        """Profit and cost of the winners of each advertiser's auctions so far, `[advertisers, 2, P]`, with local credit."""
        return self._shared[:, :, : self.budget_left.shape[1]]


def replay(
    traffic: Traffic,
    *,
    day: int = 0,
    coefficients: ArrayLike,
    features: Sequence[str] = ("manual_bid",),
    budgets: ArrayLike | None = None,
    slot_effect: Sequence[float] = (1.0,),
    pricing: str = "gsp",
    reserve: float = 0.0,
    squash: float = 1.0,
    outcomes: str = "expected",
    seed: int = 0,
    threads: int = 1,
) -> Outcome:
    """Replay one day.

    Args:
        traffic: The traffic table.
        day: One of its days.
        coefficients: theta of `bid = theta . phi`, at least 0: `[advertisers, features, P]` for the whole day or
            `[hours, advertisers, features, P]`, advertisers in the order of `traffic.advertisers`.
        features: Names of phi, from `one`, `pcvr`, `value` (pcvr x item_price) and `manual_bid`.
        budgets: Daily budgets, currency: a number, `[advertisers]` or `[advertisers, P]`; None for none.
        slot_effect: Click decay by slot, first 1.0, not rising; 1 to 7 slots.
        pricing: `gsp` (generalised second price), `first` or `vcg`; formulas and sources in `mechanism.py`.
        reserve: Lowest bid and price, currency per click.
        squash: Exponent of pctr in the rank score; 1 ranks by eCPM, 0 by bid.
        outcomes: `expected`: clicks and conversions count with their expectation; `sampled`: they happen or do not.
        seed: Draws the luck of `sampled` outcomes: the same ad shown in the same auction has the same luck under every policy.
        threads: Policies are split over this many threads; never changes a result.

    Returns:
        The day's outcome, arrays `[24, advertisers, P]`.

    Raises:
        ValueError: An argument has the wrong shape or range, or names something unknown.
    """
    rules = Rules.checked(slot_effect, pricing, reserve, squash, outcomes)
    theta = _checked_coefficients(coefficients, traffic, features)
    phi = feature_columns(traffic)
    limits = _per_policy(np.inf if budgets is None else budgets, (len(traffic.advertisers), theta.shape[-1]), "budgets")

    def run(block: slice) -> Outcome:
        own, n_policies = theta[..., block], block.stop - block.start
        day_replay = DayReplay(traffic, day, phi, policies=n_policies, budgets=limits[:, block], rules=rules, seed=seed)
        return run_day(day_replay, lambda hour: own[hour] if own.ndim == 4 else own)

    parts = in_threads(theta.shape[-1], threads, run)
    return Outcome(**{name: np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in OUTCOMES})


def usable_threads() -> int:
    """As many as there are cores, or as `NUMBA_NUM_THREADS` says: Ray's workers have one."""
    return int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def in_threads(n_policies: int, threads: int, run: Callable[[slice], Part]) -> list[Part]:
    """`run(block)` for contiguous blocks of policies, each on a thread of its own; results in order.

    The engine lets go of the interpreter, so that blocks are replayed at the same time.
    """
    if threads < 1:
        raise ValueError(f"threads: expected a whole number at least 1, got {threads}")
    edges = np.linspace(0, n_policies, min(threads, n_policies) + 1).astype(int).tolist()
    blocks = [slice(first, last) for first, last in pairwise(edges)]
    if len(blocks) == 1:
        return [run(blocks[0])]
    with ThreadPoolExecutor(len(blocks)) as pool:
        return list(pool.map(run, blocks))


def run_day(day_replay: DayReplay, coefficients_of: Callable[[int], NDArray[np.float64]]) -> Outcome:
    """Replay all 24 hours with the coefficients of each hour, `[advertisers, 4, P]`."""
    hours = np.stack([day_replay.step(coefficients_of(hour)) for hour in range(HOURS)])
    return Outcome(**{name: hours[:, :, i] for i, name in enumerate(OUTCOMES)})


def _checked_coefficients(coefficients: ArrayLike, traffic: Traffic, features: Sequence[str]) -> NDArray[np.float64]:
    theta = np.asarray(coefficients, dtype=np.float64)
    expected = (len(traffic.advertisers), len(features))
    is_hourly = theta.ndim == 4 and theta.shape[0] == HOURS
    if theta.ndim not in (3, 4) or theta.shape[-3:-1] != expected or (theta.ndim == 4 and not is_hourly):
        raise ValueError(
            f"coefficients: expected [advertisers, features, P] = [{expected[0]}, {expected[1]}, P] "
            f"or [24, {expected[0]}, {expected[1]}, P], got {list(theta.shape)}"
        )
    if not (np.isfinite(theta).all() and (theta >= 0).all()):
        raise ValueError("coefficients: expected finite numbers at least 0, got a negative, infinite or missing one")
    return over_all_features(theta, features)


def _per_policy(values: ArrayLike, shape: tuple[int, int], name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    try:
        return np.broadcast_to(array, shape).copy()
    except ValueError:
        raise ValueError(
            f"{name}: expected a number, [{shape[0]}] or [{shape[0]}, {shape[1]}], got {list(np.shape(values))}"
        ) from None
