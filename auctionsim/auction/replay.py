"""Replay a day of traffic: the auction alone, without scenario or market."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auctionsim.arguments import instance_of, one_number_of, one_of, real_numbers
from auctionsim.auction.bid_formula import FEATURES, over_all_features
from auctionsim.auction.day import DayReplay, per_policy, run_day
from auctionsim.auction.outcome import DETAILS, OUTCOMES, Effort, Outcome
from auctionsim.auction.parallel.threads import MOST_DAY_THREADS, POLICIES_OF_A_THREAD, in_threads
from auctionsim.auction.rules import PreRanker, Rules
from auctionsim.auction.sources import source_of
from auctionsim.errors import InputError, shown
from auctionsim.numbers import checked_seed, truth_value, whole_number
from auctionsim.traffic.stored.store import StoredTraffic
from auctionsim.traffic.table import HOURS, Traffic

if TYPE_CHECKING:
    from auctionsim.traffic.files import Frame


DEVICES = ("cpu", "cuda")
"""Devices that clear auctions."""


def replay(
    traffic: Traffic | StoredTraffic | Frame,
    *,
    day: int = 0,
    coefficients: ArrayLike,
    features: Sequence[str] = ("keyword_bid",),
    budgets: ArrayLike | None = None,
    slot_effect: Sequence[float] = (1.0,),
    pricing: str = "gsp",
    reserve: float = 0.0,
    squash: float = 1.0,
    outcomes: str = "expected",
    seed: int = 0,
    bid_floor: float = 0.0,
    bid_cap: float = math.inf,
    preranker: PreRanker | None = None,
    threads: int = 1,
    details: bool = False,
    device: str = "cpu",
) -> Outcome:
    """Replay one day.

    Args:
        traffic: The traffic table, in memory (`load_traffic`) or stored chunk by chunk (`open_traffic`); or whatever table in
            memory `load_traffic` takes, which is then checked at every call, its advertisers in order of first appearance.
        day: One of its days.
        coefficients: theta of the bid formula `bid = theta . phi`, >= 0: `[advertisers, features, P]` for the whole day or
            `[hours, advertisers, features, P]`, advertisers in the order of `traffic.advertisers`.
        features: Names of phi, from `one`, `pcvr`, `value` (pcvr x item_price) and `keyword_bid`.
        budgets: Daily budgets, currency: a number, `[advertisers]` or `[advertisers, P]`; None for none.
        slot_effect: Click decay by slot, first 1.0, never rising; 1 to 7 slots.
        pricing: `gsp` (generalised second price), `first` or `vcg`; `auctionsim.auction.reference` has formulas and sources.
        reserve: Lowest bid and lowest price, currency per click.
        squash: Exponent of pctr in the rank score; 1 ranks by eCPM, 0 by bid.
        outcomes: `expected` counts clicks and conversions with their expectation; `sampled` draws whether they happen.
        seed: Seed of the sampling noise of `sampled` outcomes. The same ad shown in the same auction has the same outcome under
            every policy (common random numbers).
        bid_floor: Lower bids are raised to it, currency per click.
        bid_cap: Higher bids are cut to it, currency per click.
        preranker: Pre-ranker that keeps the best candidates of each auction before it is cleared
            (`auctionsim.auction.rules.PreRanker`, docs/real-market.md); None for none.
        threads: Number of threads that share the policies, or where they are few, the auctions; it never changes a result.
        details: Whether to count participation, winning prices and least winning costs, which takes several times longer;
            on the CPU only.
        device: `cpu`, or `cuda` for an NVIDIA GPU (docs/gpu.md), which gives the same bytes.

    Returns:
        The day's outcome, arrays `[24, advertisers, P]`.

    Raises:
        InputError: An argument is of another kind, has the wrong shape or range, or names something unknown.
    """
    if not isinstance(traffic, Traffic | StoredTraffic):
        traffic = _table_in_memory(traffic)
    instance_of("traffic", traffic, (Traffic, StoredTraffic), "a traffic table (load_traffic, open_traffic, or a DataFrame)")
    day, seed = one_number_of("day", day, traffic.days), checked_seed("seed", seed)
    threads, details = whole_number("threads", threads, 1), truth_value("details", details)
    rules = Rules.checked(slot_effect, pricing, reserve, squash, outcomes, bid_floor, bid_cap, preranker=preranker)
    theta = _checked_coefficients(coefficients, traffic.advertisers, features)
    source = source_of(traffic, rules)
    one_of("device", device, DEVICES)
    limits = per_policy(np.inf if budgets is None else budgets, (len(traffic.advertisers), theta.shape[-1]), "budgets")

    if device == "cuda":
        if details:
            raise InputError("details: expected False with device = 'cuda', got True; details are counted on the CPU")
        from auctionsim.auction.cuda.replay import replay_on_device

        return replay_on_device(traffic, source, day, rules, theta, limits, seed)

    # Policies share a thread for free up to the lanes of a vector register.
    by_policies = details or theta.shape[-1] >= POLICIES_OF_A_THREAD * threads
    day_threads = 1 if by_policies else min(threads, MOST_DAY_THREADS)

    def run(block: slice) -> Outcome:
        own, n_policies = theta[..., block], block.stop - block.start
        day_replay = DayReplay(
            source, day, rules, policies=n_policies, budgets=limits[:, block], seed=seed, details=details, threads=day_threads
        )
        return run_day(day_replay, lambda hour: own[hour] if own.ndim == 4 else own)

    return _joined(in_threads(theta.shape[-1], threads if by_policies else 1, run))


def _joined(parts: Sequence[Outcome]) -> Outcome:
    """Return the outcome of all policies from those of blocks of them."""
    effort = Effort()
    for part in parts:
        effort.add(part.effort or Effort())
    names = OUTCOMES if parts[0].participated is None else (*OUTCOMES, *DETAILS)
    joined = {name: np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in names}
    return Outcome(**joined, advertisers=parts[0].advertisers, effort=effort)


def _table_in_memory(given: Any) -> Any:
    """Return a table of polars, pandas or another library as a traffic table, and anything else as it is."""
    from auctionsim.arguments.frames import is_frame
    from auctionsim.traffic.files import table_of

    return table_of("traffic", given) if is_frame(given) else given


def _checked_coefficients(
    coefficients: ArrayLike, advertisers: tuple[str, ...], features: Sequence[str]
) -> NDArray[np.float64]:
    """Return coefficients over all features, `[..., advertisers, 4, P]`."""
    if isinstance(features, str) or not isinstance(features, Sequence) or not features:
        raise InputError(f"features: expected a list of names from {', '.join(FEATURES)}, got {shown(features)}")
    expected = (len(advertisers), len(features))
    theta = real_numbers("coefficients", coefficients, f"[advertisers, features, P] = [{expected[0]}, {expected[1]}, P]")
    is_hourly = theta.ndim == 4 and theta.shape[0] == HOURS
    if theta.ndim not in (3, 4) or theta.shape[-3:-1] != expected or (theta.ndim == 4 and not is_hourly):
        raise InputError(
            f"coefficients: expected [advertisers, features, P] = [{expected[0]}, {expected[1]}, P] "
            f"or [24, {expected[0]}, {expected[1]}, P], got {list(theta.shape)}"
        )
    if not (np.isfinite(theta).all() and (theta >= 0).all()):
        raise InputError("coefficients: expected finite numbers >= 0, got a negative, infinite or missing one")
    return over_all_features(theta, features)
