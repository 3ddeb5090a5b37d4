"""The auction mechanism in plain Python: pre-rank, rank, allocate, price. Slow and obvious; the kernel is tested against it.

One auction has candidates in a fixed order. Candidate i bids b_i per click and has predicted click-through rate q_i.
Rank score s_i = q_i^squash b_i (squash = 1: eCPM / 1000; 0: rank by bid; Lahaie and Pennock 2007). Eligible: b_i >= r, the
reserve. Slot k (from 0) has effect e_k, e_0 = 1, falling, and shows the eligible candidate with the k-th largest rank score;
of equal scores, those that agree to 13 significant digits, the lower index ranks higher. A click in slot k happens with
probability ctr_i e_k. An external competitor with rank score m > 0 ranks below equal scores, takes a slot like any candidate,
and is neither paid nor charged for.

Price per click of the candidate in slot k, with s_(k) the k-th largest rank score (0 where there is none):

- `gsp`, generalised second price (Edelman, Ostrovsky and Schwarz 2007, section II; Varian 2007): the least bid that keeps the
  slot, max(s_(k+1) / q_i^squash, r).
- `first`: the own bid.
- `vcg` (Varian 2007; Edelman et al. 2007): each step up from slot j + 1 to j is paid at the least bid that takes it,
  sum_{j >= k} (e_j - e_{j+1}) max(s_(j+1) / q_i^squash, r) / e_k. Truthful bidding is a dominant strategy: it is the payment
  of Myerson 1981 for this allocation, the reserve included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arguments import number_between, real_numbers
from auctionsim.auction import units
from auctionsim.auction.budgets import EXHAUSTED_SHARE
from auctionsim.auction.kernel.noise import CLICK, CONVERSION, PRERANKER_STREAM, hour_rng_key, normal, uniform
from auctionsim.auction.kernel.prices import PRICINGS
from auctionsim.auction.kernel.ties import tie_key, tie_keys
from auctionsim.auction.outcome import OUTCOMES
from auctionsim.auction.rules import PreRanker, Rules
from auctionsim.auction.sources import TableSource
from auctionsim.errors import InputError, shown, unknown
from auctionsim.names.display import short_repr
from auctionsim.traffic.table import Traffic


@dataclass(frozen=True)
class Placement:
    """One shown ad: the candidate's index, its slot, and its price per click."""

    candidate: int
    slot: int
    price: float

    __repr__ = short_repr


def clear(
    bids: Sequence[float],
    pctr: Sequence[float],
    *,
    slot_effect: Sequence[float] = (1.0,),
    pricing: str = "gsp",
    reserve: float = 0.0,
    squash: float = 1.0,
    external_score: float = 0.0,
) -> list[Placement]:
    """Clear one auction.

    Args:
        bids: CPC bids in currency per click, one per candidate; NaN for a candidate that does not participate.
        pctr: Predicted click-through rates in (0, 1].
        slot_effect: Click decay by slot, first 1.0, falling; any number of slots (the kernels take 7).
        pricing: `gsp`, `first` or `vcg`.
        reserve: Lowest bid and lowest price per click.
        squash: Exponent of pctr in the rank score.
        external_score: Best rank score of competitors outside the simulation; 0 for none.

    Returns:
        The shown candidates, best slot first.

    Raises:
        ValueError: An argument has the wrong shape or range, or there are not as many bids as rates.
    """
    bids, pctr = _checked_candidates(bids, pctr)
    rules = Rules.checked(slot_effect, pricing, reserve, squash, "expected", most_slots=inf)
    external_score = number_between("external_score", external_score, 0)
    # The kernel's own function: powers differ in the last bit between libraries, which would break ties.
    quality = rules.quality(np.asarray(pctr, dtype=np.float64))
    scores = [quality[i] * bid for i, bid in enumerate(bids)]
    # Equal are scores that agree to 13 digits (`kernel/ties.py`): 0.3 x 1 and 0.1 x 3 tie, though not as doubles.
    key = [float(rounded) for rounded in tie_keys(np.array(scores, dtype=np.float64))]
    eligible = sorted((i for i, bid in enumerate(bids) if bid >= reserve), key=lambda i: (-key[i], i))
    ranked: list[int | None] = list(eligible)
    offers = [scores[i] for i in eligible]
    if external_score > 0:
        ranked.insert(sum(key[i] >= tie_key(external_score) for i in eligible), None)
        offers.append(external_score)
    # Of tied candidates the winner pays the lower score, so no more than its own.
    offers.sort(reverse=True)

    def score_at(position: int) -> float:
        return offers[position] if position < len(offers) else 0.0

    effect = [*slot_effect, 0.0]
    shown = []
    for slot, i in enumerate(ranked[: len(slot_effect)]):
        if i is None:
            continue
        if pricing == "gsp":
            price = max(score_at(slot + 1) / quality[i], reserve)
        elif pricing == "first":
            # The own bid, as the kernel gets it from the slot's score: in a tie it may differ in the last digits.
            price = score_at(slot) / quality[i]
        elif pricing == "vcg":
            # From the last slot's step, then from the first: the kernel's order, so that sums round alike.
            steps = (len(slot_effect) - 1, *range(slot, len(slot_effect) - 1))
            paid = sum((effect[j] - effect[j + 1]) * max(score_at(j + 1) / quality[i], reserve) for j in steps)
            price = paid / effect[slot]
        else:
            raise unknown("pricing", pricing, PRICINGS)
        shown.append(Placement(i, slot, price))
    return shown


def replay_reference(
    traffic: Traffic,
    day: int,
    bids: NDArray[np.float64],
    *,
    budgets: NDArray[np.float64],
    slot_effect: Sequence[float] = (1.0,),
    pricing: str = "gsp",
    reserve: float = 0.0,
    squash: float = 1.0,
    outcomes: str = "expected",
    seed: int = 0,
    bid_bounds: NDArray[np.float64] | None = None,
    preranker: PreRanker | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Replay a day auction by auction, every bucket as `weight` auctions.

    Accounts are whole numbers of units (`units.py`), here Python's integers. With the bounds of bids that the kernel derives
    from coefficients, `units.bid_bounds`, the result equals the kernel's to the last bit.

    Args:
        traffic: The traffic table.
        day: The day to replay.
        bids: CPC bid of every row of the traffic table, in currency per click.
        budgets: Daily budget per advertiser in currency; infinite where there is none.
        slot_effect: Click decay by slot, first 1.0, falling.
        pricing: `gsp`, `first` or `vcg`.
        reserve: Lowest bid and lowest price per click.
        squash: Exponent of pctr in the rank score.
        outcomes: `expected` or `sampled`.
        seed: Seed of the sampling noise of `sampled` outcomes.
        bid_bounds: Bound of each advertiser's bids, currency per click, from which the units of charges are chosen; the largest
            bid of the day where None.
        preranker: Pre-ranker that drops candidates before each auction; None for none.

    Returns:
        `impressions clicks conversions gmv cost`, each `[24, advertisers]`.
    """
    n = len(traffic.advertisers)
    rules = Rules(tuple(slot_effect), pricing, reserve, squash, outcomes, preranker=preranker)
    if bid_bounds is None:
        cells = traffic.cell_slice(day)
        own_rows = slice(int(traffic.cell_start[cells.start]), int(traffic.cell_start[cells.stop]))
        bid_bounds = np.full(n, np.nan_to_num(bids[own_rows]).max(initial=0.0))
    accounts, per_unit = _accounts(TableSource(traffic, rules).largest(day), rules, budgets, bid_bounds)
    totals = {name: np.zeros((24, n)) for name in OUTCOMES}
    for hour in range(24):
        key = hour_rng_key(seed, day, hour)
        sums = {name: [0] * n for name in OUTCOMES}
        first_bucket = traffic.cells_of(day, hour)[0]
        for bucket in range(*traffic.cells_of(day, hour)):
            rows = range(traffic.cell_start[bucket], traffic.cell_start[bucket + 1])
            kept = set(preranked(traffic, rules, (day, hour, bucket - first_bucket), rows))
            for auction in range(traffic.weight[bucket]):
                takes_part = [r in kept and not accounts[traffic.advertiser[r]].is_exhausted for r in rows]
                offered = [bids[r] if takes else np.nan for r, takes in zip(rows, takes_part, strict=True)]
                shown = clear(
                    offered,
                    [traffic.pctr[r] for r in rows],
                    slot_effect=slot_effect,
                    pricing=pricing,
                    reserve=reserve,
                    squash=squash,
                    external_score=traffic.market_ecpm[bucket],
                )
                for placement in shown:
                    row = rows[placement.candidate]
                    who = traffic.advertiser[row]
                    clicks = traffic.ctr[row] * slot_effect[placement.slot]
                    conversions = clicks * traffic.cvr[row]
                    if outcomes == "sampled":
                        draw = (key, bucket - first_bucket, auction, placement.candidate)
                        clicks = float(uniform(*draw, CLICK) < clicks)
                        conversions = clicks * float(uniform(*draw, CONVERSION) < traffic.cvr[row])
                    charge = accounts[who].charged(placement.price * clicks)
                    gmv = conversions * traffic.item_price[row]
                    amounts = [round(one * scale) for one, scale in zip((1.0, clicks, conversions, gmv), per_unit, strict=True)]
                    for name, amount in zip(OUTCOMES, (*amounts, charge), strict=True):
                        sums[name][who] += amount
        for who, account in enumerate(accounts):
            for name, scale in zip(OUTCOMES, (*per_unit, account.scale), strict=True):
                totals[name][hour, who] = sums[name][who] / scale
    return totals


def preranked(traffic: Traffic, rules: Rules, time: tuple[int, int, int], rows: Sequence[int]) -> list[int]:
    """Return the rows of one auction that its pre-ranker keeps, the best first; all of them without a pre-ranker.

    Args:
        traffic: The traffic table.
        rules: The auction's rules.
        time: Day, hour, and index of the auction's bucket in the hour.
        rows: Rows of the auction's candidates.
    """
    preranker = rules.preranker
    if preranker is None:
        return list(rows)
    day, hour, index = time
    key = hour_rng_key(preranker.seed, day, hour, PRERANKER_STREAM)

    def score(row: int) -> float:
        error = float(arithmetic.exp(preranker.noise * normal(key, index, traffic.advertiser[row])))
        if preranker.score == "pctr":
            return tie_key(traffic.pctr[row] * error)
        bid = min(max(traffic.keyword_bid[row], rules.bid_floor), rules.bid_cap)
        quality = rules.quality(traffic.pctr[row : row + 1])[0]
        return tie_key(quality * bid * error) if bid >= rules.reserve else 0.0

    return sorted(rows, key=lambda row: (-score(row), row))[: preranker.keep]


def _accounts(
    largest: units.Largest, rules: Rules, budgets: NDArray[np.float64], bid_bounds: NDArray[np.float64]
) -> tuple[list[_Account], list[float]]:
    """Open an account for each advertiser; return them, and the units of an impression, a click, a conversion and GMV of 1."""
    scales = units.scales(units.charge_bounds(bid_bounds, largest, rules), units.count_bits(largest, rules))
    accounts = [_Account(budget, scale) for budget, scale in zip(budgets.tolist(), scales.tolist(), strict=True)]
    return accounts, units.outcome_scales(largest, rules).tolist()


class _Account:
    """What is left of a budget, in whole units."""

    def __init__(self, budget: float, scale: float) -> None:
        self.scale = scale
        self._left = int(budget * scale) if budget < inf else None
        self._threshold = 0 if self._left is None else int(budget * EXHAUSTED_SHARE * scale)

    @property
    def is_exhausted(self) -> bool:
        return self._left is not None and self._left <= self._threshold

    def charged(self, amount: float) -> int:
        """Charge an amount, currency, but no more than is left, and return it in units."""
        charge = round(amount * self.scale)
        if self._left is not None:
            charge = min(charge, self._left)
            self._left -= charge
        return charge


def _checked_candidates(bids: Sequence[float], pctr: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the bids and rates of one auction after checking them; a bid may be NaN, for no participation."""
    checked = [real_numbers("bids", bids, "numbers, one per candidate"), real_numbers("pctr", pctr, "numbers in (0, 1]")]
    if checked[0].ndim != 1 or checked[0].shape != checked[1].shape:
        raise InputError(f"bids: expected as many as pctr, got shapes {checked[0].shape} and {checked[1].shape}")
    if not ((checked[1] > 0) & (checked[1] <= 1)).all():
        raise InputError(f"pctr: expected numbers in (0, 1], got {shown(pctr)}")
    if (checked[0] < 0).any() or np.isinf(checked[0]).any():
        raise InputError(f"bids: expected finite numbers >= 0, or NaN for no bid, got {shown(bids)}")
    return checked[0].tolist(), checked[1].tolist()
