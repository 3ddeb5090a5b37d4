"""Rank the candidates of a bucket for all policies: float32 screening proposes, double precision decides.

The prefilter computes all rank scores in single precision, twice as many policies to a vector register as in double precision.
Its order is trusted only where scores lie further apart than its error. Everything else (ties, near ties, scores outside its
range) is ranked again by `rank_block`. Either way the result is what `rank_block` would write, bit for bit: the order of
`simd.rank_exactly`, with near ties decided by `ties.rank_ties`.

**Error of a screened score.** A score is a sum of products of numbers >= 0, so nothing cancels. At most six roundings of
2**-24 each lead to it (feature x quality, coefficient, product, three sums): it is within 2**-21 of the exact score, relative.

**One maximum carries score and candidate.** The index of the candidate in the bucket overwrites the last bits of the score's
mantissa. For 48 candidates these are 6 of 23 bits. A score of 1.0 is 0x3F800000; for candidate 37 = 0x25 its code is
0x3F800025. Codes of scores >= 0 are ordered like the scores, as floats and as integers, so that the maximum of two codes brings
its candidate along, and no second register holds the index. Without a candidate the code is -1.0, a negative integer.

**When the order is certain.** Call the last bit that the index leaves to the score a unit: 2**6 = 64 ulps for 48 candidates,
at least 2**-20 of the score for any number of them. The code of score a lies k units above that of score b. Cutting off the
index bits lost less than one unit of b, and rounding less than half a unit of each, so a > b is certain from k = 3 on:
- a = 1.0001 is 0x3F800347 and b = 1.0 is 0x3F800000; without the index, 0x340 / 64 = 13 units apart: certain;
- a = 1.00001 is 0x3F800054, 0x040 / 64 = 1 unit apart: ranked again in double precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import (
    CANDIDATE_COLUMNS,
    EXTERNAL,
    N_FEATURES,
    NOBODY,
    QUALITY,
    Auction,
    Bids,
    Workspace,
    aligned,
)
from auctionsim.auction.kernel.compiled import compiled, inlined
from auctionsim.auction.kernel.simd import (
    BLOCK,
    DOUBLE,
    INT32,
    SINGLE,
    Emitter,
    RowLoop,
    element_at,
    exact_bid,
    feature_at,
    index,
    instruction,
    pointers,
    rank_exactly,
)
from auctionsim.auction.kernel.ties import CLEAR_RATIO, is_order_open, rank_ties

SCREEN_COLUMNS = 8
"""Columns of `Workspace.screen_features`: features x quality, the least score that is kept, `SURELY_ELIGIBLE`, two unused."""
SURELY_ELIGIBLE = 5
"""Column of the score from which on the bid is certainly at least the reserve."""

WIDE_BLOCK = 16
"""SIMD lanes of a prefilter's block: two registers side by side hide the latency of one."""
_DEEP = 8
# With coefficients in this range, scores in [LEAST_SCORE, MOST_SCORE] lose nothing but rounding in single precision. A
# feature that underflows is below 1e-38; times a coefficient it is below 1e-20, which is 1e-8 of the least score. A product
# that overflows makes the score infinite, so out of range.
LEAST_COEFFICIENT, MOST_COEFFICIENT = 1e-18, 1e18
LEAST_SCORE, MOST_SCORE = int(np.float32(1e-12).view(np.int32)), int(np.float32(1e30).view(np.int32))
_FEWEST_INDEX_BITS, MOST_INDEX_BITS = 4, 12
CERTAIN_UNITS = 3
# A screened score is within 2**-21 = 4.8e-7 of the exact one. With a reserve of 0.5 and a quality of 0.04, candidates from
# 0.01999998 on are kept, so that no eligible one is missed, and those from 0.02000004 on are certainly eligible.
LENIENT, STRICT = 1.0 - 1e-6, 1.0 + 2e-6


def block_width(n_lanes: int, depth: int) -> int:
    """Return how many policies the prefilter ranks at once: a wide block, unless deep lists would fill the registers."""
    return WIDE_BLOCK if n_lanes % WIDE_BLOCK == 0 and depth < _DEEP else BLOCK


def make_bids(
    coefficients: NDArray[np.float64], is_in_play: NDArray[np.bool_], workspace: Workspace, *, is_clipped: bool
) -> Bids:
    """Copy coefficients into the orders in which the kernel reads them.

    Args:
        coefficients: theta over `bid_formula.FEATURES`, >= 0, `[A, 4, P]`.
        is_in_play: Whether each advertiser has budget left, `[A, P]`.
        workspace: Made for the same numbers of slots and policies.
        is_clipped: Whether bids are clipped, which the prefilter does not do; then it is not used.

    Returns:
        The bids of A + 1 advertisers. The last stands for none, and its coefficients are NaN: a candidate that the pre-ranker
        dropped has its index in place of its own (`auction/preranking.py`).
    """
    n_advertisers, n_features = coefficients.shape[0] + 1, coefficients.shape[1]
    n_lanes = workspace.screened.shape[1]
    theta, theta_simd = aligned((n_advertisers, n_lanes, n_features)), aligned((n_advertisers, n_features, n_lanes))
    width = block_width(n_lanes, workspace.screened.shape[0] - 1)
    theta_f32 = aligned((n_lanes // width, n_advertisers, n_features, width), np.float32)
    doubles = np.ascontiguousarray(coefficients, dtype=np.float64)
    is_in_range = _write_bids(doubles, is_in_play, theta, theta_simd, theta_f32)
    return Bids(theta, theta_simd, theta_f32 if is_in_range and not is_clipped else np.zeros_like(theta_f32[:, :0]))


@compiled
def are_made(coefficients: NDArray[np.float64], is_in_play: NDArray[np.bool_], bids: Bids) -> bool:
    """Return whether `make_bids` would make these very bids again, none withdrawn since and none to be withdrawn."""
    theta = bids.theta_simd
    for a in range(coefficients.shape[0]):
        for p in range(coefficients.shape[2]):
            for f in range(coefficients.shape[1]):
                made = theta[a, f, p]
                if not (made == coefficients[a, f, p] if is_in_play[a, p] else np.isnan(made)):
                    return False
    return True


def is_screenable(coefficients: NDArray[np.float64]) -> bool:
    """Return whether all coefficients are in the prefilter's range."""
    return bool(((coefficients == 0.0) | ((coefficients >= LEAST_COEFFICIENT) & (coefficients <= MOST_COEFFICIENT))).all())


@compiled
def _write_bids(
    coefficients: NDArray[np.float64],
    is_in_play: NDArray[np.bool_],
    theta: NDArray[np.float64],
    theta_simd: NDArray[np.float64],
    theta_f32: NDArray[np.float32],
) -> bool:
    """Write coefficients in the three orders of `Bids`; return whether all of them are in the prefilter's range."""
    n_advertisers, n_features, n_policies = coefficients.shape
    n_lanes, width, n_out_of_range = theta_simd.shape[2], theta_f32.shape[3], 0
    for a in range(n_advertisers + 1):
        for f in range(n_features):
            for p in range(n_policies):
                value = coefficients[a, f, p] if a < n_advertisers and is_in_play[a, p] else np.nan
                n_out_of_range += (value > MOST_COEFFICIENT) | ((value < LEAST_COEFFICIENT) & (value != 0.0))
                theta_simd[a, f, p] = value
            theta_simd[a, f, n_policies:] = np.nan
            for block in range(n_lanes // width):
                for p in range(width):
                    theta_f32[block, a, f, p] = np.float32(theta_simd[a, f, block * width + p])
        for p in range(n_lanes):
            for f in range(n_features):
                theta[a, p, f] = theta_simd[a, f, p]
    return n_out_of_range == 0


@inlined
def withdraw(who: int, p: int, bids: Bids) -> None:
    """Write NaN coefficients in all three copies, so that the advertiser is not eligible from the next auction on."""
    width = bids.theta_f32.shape[3]
    for f in range(N_FEATURES):
        bids.theta[who, p, f] = np.nan
        bids.theta_simd[who, f, p] = np.nan
        if bids.theta_f32.shape[1] > 0:
            bids.theta_f32[p // width, who, f, p % width] = np.nan


@inlined
def count_index_bits(n_rows: int) -> int:
    """Return how many bits the index of a candidate in its bucket takes: 6 for 48 candidates, and no fewer than 4."""
    index_bits = _FEWEST_INDEX_BITS
    while (1 << index_bits) < n_rows:
        index_bits += 1
    return index_bits


@inlined
def can_screen(index_bits: int, bids: Bids) -> bool:
    """Return whether the prefilter can be used: all coefficients in range, and enough bits left for the score."""
    return bids.theta_f32.shape[1] > 0 and index_bits <= MOST_INDEX_BITS


@inlined
def write_screen_features(first: int, last: int, auction: Auction) -> None:
    """Write what the prefilter reads of rows `first:last`, those of a run of buckets, for all blocks of policies."""
    candidates, workspace = auction.candidates, auction.workspace
    advertiser_step = N_FEATURES * auction.bids.theta_f32.shape[3]
    for row in range(first, last):
        i = row - first
        _write_screen_row(workspace.screen_features, i, candidates.features, row, auction.rules.reserve, LENIENT, STRICT)
        workspace.theta_offset[i] = element_at(candidates.advertiser, row) * advertiser_step


@inlined
def screen(screen_row: int, n_rows: int, index_bits: int, lane: int, bids: Bids, workspace: Workspace) -> None:
    """Screen a bucket of `n_rows` candidates for the block of policies that begins at `lane`.

    `screen_row` is the bucket's first row in `Workspace.screen_features`.
    """
    theta, features, offset, screened = bids.theta_f32, workspace.screen_features, workspace.theta_offset, workspace.screened
    n_advertisers, width, n_lanes = theta.shape[1], theta.shape[3], screened.shape[1]
    base = lane * n_advertisers * N_FEATURES
    if screened.shape[0] == 3:
        if width == WIDE_BLOCK:
            prefilter_3_wide(theta, features, offset, base, screen_row, n_rows, index_bits, lane, n_lanes, screened)
        else:
            prefilter_3(theta, features, offset, base, screen_row, n_rows, index_bits, lane, n_lanes, screened)
    elif screened.shape[0] == 5:
        if width == WIDE_BLOCK:
            prefilter_5_wide(theta, features, offset, base, screen_row, n_rows, index_bits, lane, n_lanes, screened)
        else:
            prefilter_5(theta, features, offset, base, screen_row, n_rows, index_bits, lane, n_lanes, screened)
    else:
        prefilter_9(theta, features, offset, base, screen_row, n_rows, index_bits, lane, n_lanes, screened)


@inlined
def rank_screened(first: int, last: int, index_bits: int, lane: int, end: int, external_score: float, auction: Auction) -> None:
    """Rank the screened rows `first:last` and the external competitor for policies `lane:end`."""
    for block in range(lane, end, BLOCK):
        is_certain = True
        for p in range(block, min(block + BLOCK, end)):
            is_certain &= _rank_candidates_found(first, p, index_bits, external_score, auction)
        if not is_certain:
            # The whole block, since that costs as much as one policy; certain results come out the same.
            rank_block(first, last, block, external_score, auction)


@inlined
def rank_block(first: int, last: int, lane: int, external_score: float, auction: Auction) -> None:
    """Rank rows `first:last` exactly for the `BLOCK` policies from `lane` on, into `Workspace.scores` and `.winners`."""
    candidates, theta, rules, workspace = auction.candidates, auction.bids.theta_simd, auction.rules, auction.workspace
    rank_exactly(
        theta, candidates.features, candidates.advertiser, first, last, theta.shape[2], lane, rules.reserve,
        rules.bid_floor, rules.bid_cap, external_score, workspace.scores, workspace.winners,
    )  # fmt: skip
    n_slots = rules.slot_effect.shape[0]
    for p in range(lane, lane + BLOCK):
        if is_order_open(p, n_slots, workspace.scores):
            rank_ties(
                first, last, p, n_slots, auction.bids.theta, candidates.features, candidates.advertiser, rules.reserve,
                rules.bid_floor, rules.bid_cap, external_score, workspace.winners,
            )  # fmt: skip


@inlined
def _rank_candidates_found(first: int, p: int, index_bits: int, external_score: float, auction: Auction) -> bool:
    """Write the exact scores of the candidates that the prefilter found for policy p; return whether they are certain."""
    candidates, theta, workspace = auction.candidates, auction.bids.theta, auction.workspace
    depth, n_lanes = workspace.screened.shape[0] - 1, theta.shape[1]
    index_mask = (1 << index_bits) - 1
    certain_levels = element_at(workspace.screened, depth * n_lanes + p)
    n_found = 0
    is_certain = True
    for level in range(depth):
        code = element_at(workspace.screened, level * n_lanes + p)
        if code < 0:
            break
        row = first + (code & index_mask)
        bid = exact_bid(theta, candidates.features, element_at(candidates.advertiser, row) * n_lanes + p, row)
        score = feature_at(candidates.features, row, QUALITY) * bid
        is_certain &= (certain_levels >> level) & 1 != 0 and bid >= auction.rules.reserve
        # An external score that is above by the last bits only may be a tie, which the candidate wins.
        is_certain &= not score < external_score <= score * CLEAR_RATIO
        workspace.scores[level, p] = score
        workspace.winners[level, p] = row
        n_found = level + 1
    _insert_external(n_found, depth, p, external_score, workspace)
    return is_certain


@inlined
def _insert_external(n_found: int, depth: int, p: int, external_score: float, workspace: Workspace) -> None:
    """Insert the external competitor below equal scores, and mark the levels that nobody takes."""
    level = n_found
    while level > 0 and workspace.scores[level - 1, p] < external_score:
        if level < depth:
            workspace.scores[level, p] = workspace.scores[level - 1, p]
            workspace.winners[level, p] = workspace.winners[level - 1, p]
        level -= 1
    if level < depth:
        workspace.scores[level, p] = external_score
        workspace.winners[level, p] = EXTERNAL
    for unused in range(n_found + 1, depth):
        workspace.scores[unused, p] = -1.0
        workspace.winners[unused, p] = NOBODY


@instruction
def _write_screen_row(_, screen_features, screen_row, features, row, reserve, lenient, strict):  # type: ignore[no-untyped-def]
    """Write what the prefilter reads of a candidate, in single precision, to `screen_features[screen_row]`.

    Features x quality, so that their dot product with the coefficients is the rank score; and reserve x quality twice, a little
    less and a little more.
    """
    signature = types.void(screen_features, screen_row, features, row, reserve, lenient, strict)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
        screen_row, row, reserve, lenient, strict = values[1], *values[3:]
        screen_features, features = pointers(context, builder, signature, values, (0, 2))
        start, own = builder.mul(row, index(CANDIDATE_COLUMNS)), builder.mul(screen_row, index(SCREEN_COLUMNS))
        emit, pair = Emitter(builder, N_FEATURES), Emitter(builder, 2)
        quality = emit.scalar(features, builder.add(start, index(QUALITY)))
        scores = builder.fmul(emit.load(features, start), emit.splat(quality))
        emit.store(builder.fptrunc(scores, ir.VectorType(SINGLE, N_FEATURES)), screen_features, own)
        bounds = ir.Constant(ir.VectorType(DOUBLE, 2), ir.Undefined)
        for k, factor in enumerate((lenient, strict)):
            bounds = builder.insert_element(bounds, factor, ir.Constant(INT32, k))
        bounds = builder.fmul(pair.splat(builder.fmul(quality, reserve)), bounds)
        pair.store(builder.fptrunc(bounds, ir.VectorType(SINGLE, 2)), screen_features, builder.add(own, index(N_FEATURES)))
        return context.get_dummy_value()

    return signature, generate


def make_prefilter(width: int, depth: int) -> Callable[..., None]:
    """Return a compiled function that finds the `depth` best candidates of a bucket for a block of `width` policies.

    The function is `prefilter(theta, features, offset, base, first, n_rows, index_bits, lane, n_lanes, screened)`:

        theta: `Bids.theta_f32`.
        features, offset: `Workspace.screen_features` and `Workspace.theta_offset`.
        base: Offset of the block in theta.
        first, n_rows: First row of the bucket in `features` and `offset`, and its number of rows.
        index_bits: Number of the last bits of a code that hold the candidate's index in the bucket.
        lane, n_lanes: First policy of the block, and SIMD lanes of `screened`.
        screened: Written to, `[depth, n_lanes]`: all but the last of the largest codes in falling order, negative where no
            candidate is left; in the last row, bit k is set where score k is in range and certainly above the next, or where
            nobody has it.
    """

    @instruction
    def prefilter(_, theta, features, offset, base, first, n_rows, index_bits, lane, n_lanes, screened):  # type: ignore[no-untyped-def]
        signature = types.void(theta, features, offset, base, first, n_rows, index_bits, lane, n_lanes, screened)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[Any, ...]) -> Any:
            base, first, n_rows, index_bits, lane, n_lanes = values[3:9]
            theta, features, offset, screened = pointers(context, builder, signature, values, (0, 1, 2, 9))
            emit = Emitter(builder, width)
            floats, integers = ir.VectorType(SINGLE, width), ir.VectorType(INT32, width)
            nobody = emit.constant(SINGLE, -1.0)
            shift = builder.trunc(index_bits, INT32)
            mask = emit.splat(builder.shl(ir.Constant(INT32, -1), shift))
            loop = RowLoop(builder, "screen", index(0), n_rows, [nobody] * depth)
            screen_row = builder.add(first, loop.row)
            start = builder.add(emit.scalar(offset, screen_row), base)
            score, least = _screen_score(emit, theta, start, features, screen_row)
            own_index = emit.splat(builder.trunc(loop.row, INT32))
            code = builder.or_(builder.and_(builder.bitcast(score, integers), mask), own_index)
            entering = builder.select(builder.fcmp_ordered(">=", score, least), builder.bitcast(code, floats), nobody)
            best = []
            for present in loop.carried:
                # Written as comparisons and selections, which become single maximum and minimum instructions.
                best.append(builder.select(builder.fcmp_ordered(">", entering, present), entering, present))
                entering = builder.select(builder.fcmp_ordered("<", entering, present), entering, present)
            loop.end(best)
            codes = [builder.bitcast(value, integers) for value in loop.carried]
            certain = _certain_levels(emit, codes, emit.splat(shift))
            for level, value in enumerate([*codes[:-1], certain]):
                emit.store(value, screened, builder.add(builder.mul(n_lanes, index(level)), lane))
            return context.get_dummy_value()

        return signature, generate

    function: Callable[..., None] = prefilter
    return function


def _screen_score(
    emit: Emitter, theta: ir.Value, start: ir.Value, features: ir.Value, screen_row: ir.Value
) -> tuple[ir.Value, ir.Value]:
    """Emit a candidate's float32 rank score for all lanes, and the least score that is kept."""
    builder = emit.builder
    floats = ir.VectorType(SINGLE, emit.width)
    # Rounding once or twice makes no difference to the error bound, so the machine may fuse multiplication and addition.
    declare: Callable[..., Any] = cgutils.get_or_insert_function
    fused = declare(builder.module, ir.FunctionType(floats, [floats] * 3), f"llvm.fmuladd.v{emit.width}f32")
    own = builder.mul(screen_row, index(SCREEN_COLUMNS))
    feature = [emit.splat(emit.scalar(features, builder.add(own, index(f)))) for f in range(N_FEATURES + 1)]
    score = builder.fmul(emit.load(theta, start), feature[0])
    for f in range(1, N_FEATURES):
        coefficient = emit.load(theta, builder.add(start, index(f * emit.width)))
        score = builder.call(fused, [coefficient, feature[f], score])
    return score, feature[N_FEATURES]


def _certain_levels(emit: Emitter, codes: list[ir.Value], shift: ir.Value) -> ir.Value:
    """Emit bit k where score k is in range and certainly above score k + 1, or where nobody has it."""
    builder, certain = emit.builder, emit.constant(INT32, 0)
    units = [builder.ashr(code, shift) for code in codes]
    for level, (code, unit, next_unit) in enumerate(zip(codes[:-1], units, units[1:], strict=False)):
        is_above = builder.icmp_signed(">=", builder.sub(unit, next_unit), emit.constant(INT32, CERTAIN_UNITS))
        is_in_range = builder.and_(
            builder.icmp_signed(">=", code, emit.constant(INT32, LEAST_SCORE)),
            builder.icmp_signed("<=", code, emit.constant(INT32, MOST_SCORE)),
        )
        is_nobody = builder.icmp_signed("<", code, emit.constant(INT32, 0))
        is_certain = builder.or_(builder.and_(is_above, is_in_range), is_nobody)
        certain = builder.or_(certain, builder.select(is_certain, emit.constant(INT32, 1 << level), emit.constant(INT32, 0)))
    return certain


# The depth is one more than the scores that are needed, to know whether the last of them is certainly above the next.
prefilter_3_wide, prefilter_3, prefilter_5_wide, prefilter_5, prefilter_9 = (
    make_prefilter(WIDE_BLOCK, 3), make_prefilter(BLOCK, 3), make_prefilter(WIDE_BLOCK, 5), make_prefilter(BLOCK, 5),
    make_prefilter(BLOCK, 9),
)  # fmt: skip
