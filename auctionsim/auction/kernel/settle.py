"""Settle a ranked bucket for one policy: charge the winners, keep budgets exact, record outcomes.

Outcomes count in expectation, or are sampled auction by auction. `auction/reference.py` states the mechanism and its sources;
`arguments.py` describes the tuples that the functions share.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import (
    CHARGE_SCALE,
    CTR,
    CVR,
    ITEM_PRICE,
    LEDGER_COLUMNS,
    LIMIT,
    N_FEATURES,
    QUALITY,
    SPENDABLE,
    Auction,
)
from auctionsim.auction.kernel.compiled import compiled, inlined
from auctionsim.auction.kernel.noise import CLICK, CONVERSION, uniform
from auctionsim.auction.kernel.prices import FIRST, count_details, expected_charge, price_per_click
from auctionsim.auction.kernel.rank import SCREEN_COLUMNS, SURELY_ELIGIBLE, rank_block, withdraw
from auctionsim.auction.kernel.recording import record, spendable, to_units
from auctionsim.auction.kernel.simd import BLOCK, element_at, exact_bid, feature_at, prefetch
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV, IMPRESSIONS

_BOTH = 0b11
"""Bits of `Workspace.screened`: both the best and the second are certain."""


@inlined
def prefetch_accounts(first: int, lane: int, end: int, index_bits: int, auction: Auction) -> None:
    """Prefetch the winner's account and the second's coefficients for policies `lane:end` of a screened bucket.

    The prefilter knows both candidates of all policies of a block before the first policy is settled. Settling takes some 12 ns
    a policy, so the two cache lines of policy 15 are requested here 180 ns before they are read: by then they have arrived.
    """
    advertiser, theta, ledger, screened = (
        auction.candidates.advertiser, auction.bids.theta, auction.accounts.ledger, auction.workspace.screened,
    )  # fmt: skip
    n_lanes, n_policies, index_mask = theta.shape[1], ledger.shape[1], (1 << index_bits) - 1
    for p in range(lane, end):
        # The code of nobody, -1.0 = 0xBF800000, has index 0: a row of the bucket, and a prefetch reads nothing.
        winner = first + (element_at(screened, p) & index_mask)
        second = first + (element_at(screened, n_lanes + p) & index_mask)
        prefetch(theta, (element_at(advertiser, second) * n_lanes + p) * N_FEATURES)
        prefetch(ledger, (element_at(advertiser, winner) * n_policies + p) * LEDGER_COLUMNS)


@inlined
def settle_one_slot(
    first: int, screen_row: int, p: int, index_bits: int, weight: int, external_score: float, auction: Auction
) -> bool:
    """Settle a screened bucket for policy p, if screening and the budget leave nothing open; return whether they did.

    Fast path for the most common case: one slot, expected outcomes, narrow amounts (`Accounts.is_wide`). It performs the same
    operations in the same order as `rank_block` and `settle_with_budgets`, without writing the ranking to memory. Where it
    returns False, nothing has changed.

    Args:
        first: The bucket's first row.
        screen_row: Its row in `Workspace.screen_features`.
        p: The policy.
        index_bits: Number of bits of a code that hold the candidate's index.
        weight: Identical auctions in the bucket.
        external_score: Best rank score outside the simulation.
        auction: Everything that is read and written.
    """
    candidates, rules, workspace = auction.candidates, auction.rules, auction.workspace
    theta, n_policies = auction.bids.theta, auction.accounts.ledger.shape[1]
    n_lanes, has_local_credit = theta.shape[1], auction.accounts.local_credit.shape[0] > 0
    code, next_code = element_at(workspace.screened, p), element_at(workspace.screened, n_lanes + p)
    certain_levels = element_at(workspace.screened, 2 * n_lanes + p)
    if code < 0:
        if has_local_credit:
            workspace.profit[p] = 0.0
            workspace.cost[p] = 0.0
        return True
    if certain_levels != _BOTH:
        return False
    index_mask = (1 << index_bits) - 1
    index = code & index_mask
    row = first + index
    quality, who = feature_at(candidates.features, row, QUALITY), element_at(candidates.advertiser, row)
    next_score, is_certain = external_score, True
    if next_code >= 0:
        next_row = first + (next_code & index_mask)
        next_account = element_at(candidates.advertiser, next_row) * n_lanes + p
        next_bid = exact_bid(theta, candidates.features, next_account, next_row)
        is_certain = next_bid >= rules.reserve
        next_score = max(feature_at(candidates.features, next_row, QUALITY) * next_bid, external_score)
    per_click = max(next_score / quality, rules.reserve)
    if rules.pricing == FIRST or external_score > 0.0:
        bid = exact_bid(theta, candidates.features, who * n_lanes + p, row)
        score = quality * bid
        is_certain &= bid >= rules.reserve and not external_score > score
        if rules.pricing == FIRST:
            per_click = score / quality
    else:
        # The winner's own bid does not enter the price, so it need not be computed, only be certainly at least the reserve.
        surely_eligible = element_at(workspace.screen_bits, (screen_row + index) * SCREEN_COLUMNS + SURELY_ELIGIBLE)
        is_certain &= code - index >= surely_eligible
    account, clicks = who * n_policies + p, feature_at(candidates.features, row, CTR)
    charge = per_click * clicks
    cost = weight * to_units(charge * _charge_scale(account, auction), False)
    if not (is_certain and cost < spendable(auction.accounts.ledger, account)):
        return False
    conversions = clicks * feature_at(candidates.features, row, CVR)
    gmv = conversions * feature_at(candidates.features, row, ITEM_PRICE)
    accounts = auction.accounts
    record(accounts.ledger, accounts.outcome_scale, False, account, weight, clicks, conversions, gmv, cost)
    if has_local_credit:
        # What the account was charged, as in `_record_winner`: which of the two settles a bucket shows in no digit.
        spent = cost / _charge_scale(account, auction)
        workspace.profit[p] = weight * gmv - spent
        workspace.cost[p] = spent
    return True


@inlined
def _charge_scale(account: int, auction: Auction) -> float:
    """Return how many units of an account (advertiser * P + policy) are charged for a unit of currency."""
    return element_at(auction.accounts.charge_scale, account * LEDGER_COLUMNS + CHARGE_SCALE)


@inlined
def settle_if_affordable(p: int, n_auctions: int, auction: Auction) -> bool:
    """Settle all `n_auctions` at once if every winner can pay for all of them; otherwise record nothing and return False.

    For narrow amounts only: to ask `Accounts.is_wide` for each winner would make three slots slower by a twentieth.
    """
    workspace, advertiser, ledger = auction.workspace, auction.candidates.advertiser, auction.accounts.ledger
    n_policies, n_slots = ledger.shape[1], auction.rules.slot_effect.shape[0]
    can_all_pay = True
    for slot in range(n_slots):
        row = workspace.winners[slot, p]
        if row >= 0:
            charge = _charge_in_units(slot, p, row, False, auction)
            can_all_pay &= n_auctions * charge < spendable(ledger, element_at(advertiser, row) * n_policies + p)
            workspace.charges[slot] = charge
    workspace.profit[p] = 0.0
    workspace.cost[p] = 0.0
    if can_all_pay:
        for slot in range(n_slots):
            row = workspace.winners[slot, p]
            if row >= 0:
                _record_winner(slot, p, row, n_auctions, n_auctions * workspace.charges[slot], False, auction)
    return can_all_pay


@inlined
def _charge_in_units(slot: int, p: int, row: int, is_wide: bool, auction: Auction) -> int:
    """Return the expected charge of one auction to the winner of a slot in units of its account."""
    account = element_at(auction.candidates.advertiser, row) * auction.accounts.ledger.shape[1] + p
    return to_units(expected_charge(slot, p, row, auction) * _charge_scale(account, auction), is_wide)


@inlined
def write_amounts(slot: int, p: int, row: int, amounts: NDArray[np.int64], auction: Auction) -> None:
    """Write what one auction adds to the winner of a slot, in units: expected clicks, conversions, GMV and charge, `[4]`."""
    features, scale, is_wide = auction.candidates.features, auction.accounts.outcome_scale, auction.accounts.is_wide
    clicks = feature_at(features, row, CTR) * auction.rules.slot_effect[slot]
    conversions = clicks * feature_at(features, row, CVR)
    amounts[0] = to_units(clicks * scale[CLICKS], is_wide)
    amounts[1] = to_units(conversions * scale[CONVERSIONS], is_wide)
    amounts[2] = to_units(conversions * feature_at(features, row, ITEM_PRICE) * scale[GMV], is_wide)
    amounts[3] = _charge_in_units(slot, p, row, is_wide, auction)


@compiled
def settle_with_budgets(first: int, last: int, p: int, weight: int, external_score: float, auction: Auction) -> None:
    """Settle a ranked bucket for one policy, splitting it where budgets run out.

    The result equals clearing the auctions one by one. Say the weight is 10, an auction charges the winner 0.3, and it has 1.0
    left:
    1. floor(1.0 / 0.3) = 3 whole auctions are settled at once, for 0.9; nobody's budget can run out before their end.
    2. 0.1 is left and pays no whole auction, so one more is settled with its charge capped at 0.1.
    3. The budget is exhausted: the advertiser is withdrawn, and the other 6 auctions are ranked again without it.
    """
    workspace, ledger = auction.workspace, auction.accounts.ledger
    workspace.profit[p] = 0.0
    workspace.cost[p] = 0.0
    is_shown = True
    while weight > 0 and is_shown:
        payable = weight
        is_shown = False
        for slot in range(auction.rules.slot_effect.shape[0]):
            row = workspace.winners[slot, p]
            if row >= 0:
                is_shown = True
                who = auction.candidates.advertiser[row]
                charge = _charge_in_units(slot, p, row, auction.accounts.is_wide, auction)
                # A charge of 0.1 and a budget of 0.3 are each rounded to whole units. Without the threshold, three charges that
                # are one unit more than the budget together would pay two auctions.
                threshold = ledger[who, p, LIMIT] - ledger[who, p, SPENDABLE]
                left = ledger[who, p, LIMIT] - ledger[who, p, COST] + threshold
                if payable * charge > left:
                    payable = left // charge
        n_auctions = max(payable, 1) if is_shown else weight
        if auction.accounts.details.shape[0] > 0:
            count_details(first, last, p, n_auctions, auction)
        _settle_capped(p, n_auctions, auction)
        weight -= n_auctions
        if _withdraw_exhausted(p, auction) and weight > 0:
            rank_block(first, last, p // BLOCK * BLOCK, external_score, auction)


@inlined
def _settle_capped(p: int, n_auctions: int, auction: Auction) -> None:
    """Settle `n_auctions` identical auctions, no charge above what remains of the winner's budget."""
    for slot in range(auction.rules.slot_effect.shape[0]):
        row = auction.workspace.winners[slot, p]
        if row >= 0:
            account, is_wide = auction.accounts.ledger[auction.candidates.advertiser[row], p], auction.accounts.is_wide
            cost = min(n_auctions * _charge_in_units(slot, p, row, is_wide, auction), account[LIMIT] - account[COST])
            _record_winner(slot, p, row, n_auctions, cost, is_wide, auction)


@inlined
def _record_winner(slot: int, p: int, row: int, n_auctions: int, cost: int, is_wide: bool, auction: Auction) -> None:
    """Record the expected outcome of `n_auctions` identical auctions for the winner of a slot, and add it to the bucket's.

    `cost`, in units, is that of all of them.
    """
    features, ledger, workspace = auction.candidates.features, auction.accounts.ledger, auction.workspace
    clicks = feature_at(features, row, CTR) * auction.rules.slot_effect[slot]
    conversions = clicks * feature_at(features, row, CVR)
    gmv = conversions * feature_at(features, row, ITEM_PRICE)
    account = element_at(auction.candidates.advertiser, row) * ledger.shape[1] + p
    record(ledger, auction.accounts.outcome_scale, is_wide, account, n_auctions, clicks, conversions, gmv, cost)
    if auction.accounts.local_credit.shape[0] > 0:
        spent = cost / _charge_scale(account, auction)
        workspace.profit[p] += n_auctions * gmv - spent
        workspace.cost[p] += spent


@inlined
def settle_sampled(
    first: int, last: int, p: int, weight: int, external_score: float, index: int, key: np.uint64, auction: Auction
) -> None:
    """Settle a ranked bucket for one policy auction by auction, drawing whether each click and conversion happens.

    Whoever has no budget left is withdrawn from the next auction on, and the rest of the bucket is ranked again.

    Args:
        first: The bucket's first row.
        last: The row after its last.
        p: The policy.
        weight: Identical auctions in the bucket.
        external_score: Best rank score outside the simulation.
        index: Index of the bucket in the hour, which is part of every draw.
        key: The hour's RNG key.
        auction: Everything that is read and written.
    """
    workspace = auction.workspace
    workspace.profit[p] = 0.0
    workspace.cost[p] = 0.0
    done = 0
    is_shown = True
    while done < weight and is_shown:
        is_shown, has_paid = False, False
        for slot in range(auction.rules.slot_effect.shape[0]):
            row = workspace.winners[slot, p]
            if row >= 0:
                is_shown = True
                has_paid |= _sample_winner(slot, p, row, index, done, row - first, key, auction)
        n_auctions = 1 if is_shown else weight - done
        if auction.accounts.details.shape[0] > 0:
            count_details(first, last, p, n_auctions, auction)
        done += n_auctions
        if has_paid and _withdraw_exhausted(p, auction) and done < weight:
            rank_block(first, last, p // BLOCK * BLOCK, external_score, auction)


@inlined
def _sample_winner(
    slot: int, p: int, row: int, bucket: int, number: int, candidate: int, key: np.uint64, auction: Auction
) -> bool:
    """Draw and record the outcome of one auction for the winner of a slot; return whether it was clicked."""
    features, ledger, workspace = auction.candidates.features, auction.accounts.ledger, auction.workspace
    scale, who = auction.accounts.outcome_scale, auction.candidates.advertiser[row]
    ledger[who, p, IMPRESSIONS] += 1
    is_clicked = (
        uniform(key, bucket, number, candidate, CLICK) < feature_at(features, row, CTR) * auction.rules.slot_effect[slot]
    )
    if is_clicked:
        account, is_wide = who * ledger.shape[1] + p, auction.accounts.is_wide
        price = price_per_click(slot, p, feature_at(features, row, QUALITY), auction)
        charge = min(to_units(price * _charge_scale(account, auction), is_wide), ledger[who, p, LIMIT] - ledger[who, p, COST])
        ledger[who, p, CLICKS] += to_units(scale[CLICKS], is_wide)
        ledger[who, p, COST] += charge
        workspace.cost[p] += charge / _charge_scale(account, auction)
        workspace.profit[p] -= charge / _charge_scale(account, auction)
        if uniform(key, bucket, number, candidate, CONVERSION) < feature_at(features, row, CVR):
            item_price = feature_at(features, row, ITEM_PRICE)
            ledger[who, p, CONVERSIONS] += to_units(scale[CONVERSIONS], is_wide)
            ledger[who, p, GMV] += to_units(item_price * scale[GMV], is_wide)
            workspace.profit[p] += item_price
    return is_clicked


@inlined
def _withdraw_exhausted(p: int, auction: Auction) -> bool:
    """Withdraw every shown advertiser whose budget is exhausted; return whether any was withdrawn."""
    ledger = auction.accounts.ledger
    is_withdrawn = False
    for slot in range(auction.rules.slot_effect.shape[0]):
        row = auction.workspace.winners[slot, p]
        if row >= 0:
            who = auction.candidates.advertiser[row]
            if ledger[who, p, COST] >= ledger[who, p, SPENDABLE]:
                is_withdrawn = True
                withdraw(who, p, auction.bids)
    return is_withdrawn
