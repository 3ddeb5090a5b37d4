"""Say what screens found: as lines for people and as a dictionary for scripts."""

from __future__ import annotations

from typing import Any

from auctionsim.analysis.screens.screen import HOLE_WIDTH, LEVEL, Screen, Screening
from auctionsim.ratios import NotDefined

LIMITS = (
    "Limits: bids that are common knowledge, a shared supplier or a busy winner can look alike. Who colludes without a trace "
    "in bids is not seen. Competition here is independent errors around a common level; what it cannot draw, it cannot acquit."
)


def lines_of(found: Screening) -> str:
    """Return the finding, a line for each screen, and the limits."""
    log = found.log
    wins = "lowest bid wins" if log.lowest_wins else "highest bid wins"
    bids = int(log.exists.sum())
    shape = f"{len(log)} of {found.auctions} auctions, {bids} bids of {len(log.bidders)} bidders, {wins}"
    rounding = f", bids rounded to {log.unit:g}" if log.unit else ""
    doubled = f", {log.doubled} second bids of a bidder in an auction" if log.doubled else ""
    left_out = f", {log.left_out} rows without a bid > 0 left out" if log.left_out else ""
    rows = [["screen", "value", "competition", "p", "false alarms", "power", ""], *map(_row, found.screens)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    reasons = [f"{one.name}: {one.p_value}" for one in found.screens if isinstance(one.p_value, NotDefined)]
    return "\n".join(
        [found.sentence, f"{shape}{rounding}{doubled}{left_out}", *table, *reasons, _hole_line(found), _basis(found), LIMITS]
    )


def as_dict(found: Screening) -> dict[str, Any]:
    """Return the finding for JSON; what is not defined is null, with its reason."""
    gap, hole = found.best_response, found.hole
    return {
        "sentence": found.sentence,
        "flagged": list(found.flagged),
        "level": LEVEL,
        "auctions": found.auctions,
        "screened_auctions": len(found.log),
        "bids": int(found.log.exists.sum()),
        "bidders": len(found.log.bidders),
        "lowest_wins": found.log.lowest_wins,
        "unit": found.log.unit,
        "second_bids": found.log.doubled,
        "rows_left_out": found.log.left_out,
        "draws": found.draws,
        "checks": found.checks,
        "screens": [_screen_dict(one) for one in found.screens],
        "best_response": None
        if isinstance(gap, NotDefined)
        else {"break_even_margin": gap.break_even, "wins": gap.wins, "wins_with_better_bid": gap.wins_cut},
        "hole": None
        if isinstance(hole, NotDefined)
        else {"ratio": hole.ratio, "near": hole.near, "beside": hole.beside, "width": hole.width},
        "limits": LIMITS,
    }


def _screen_dict(one: Screen) -> dict[str, Any]:
    reason = next((value.reason for value in (one.value, one.p_value) if isinstance(value, NotDefined)), None)
    return {
        "name": one.name,
        "meaning": one.meaning,
        "value": None if isinstance(one.value, NotDefined) else one.value,
        "p_value": None if isinstance(one.p_value, NotDefined) else one.p_value,
        "competition": one.expected,
        "size": one.size,
        "power": dict(one.power),
        "flagged": one.flagged,
        "not_defined": reason,
    }


def _row(one: Screen) -> list[str]:
    if isinstance(one.value, NotDefined):
        return [one.name, "not defined", "", "", "", "", ""]
    share = "not defined" if isinstance(one.p_value, NotDefined) else f"{one.p_value:.3g}"
    expected = "" if one.expected is None else f"{one.expected:.4g}"
    size = "" if one.size is None else f"{one.size:.0%}"
    power = ", ".join(f"{rate:.0%} {name}" for name, rate in one.power.items())
    return [one.name, f"{one.value:.4g}", expected, share, size, power, "speaks" if one.flagged else ""]


def _hole_line(found: Screening) -> str:
    if isinstance(found.hole, NotDefined):
        return f"density of margins at 0: {found.hole}"
    return (
        f"density of margins within {HOLE_WIDTH:.1%} of 0: {found.hole.ratio:.3g} of that beside it ({found.hole.near} and "
        f"{found.hole.beside} bids; 1 without a hole, and unrounded)"
    )


def _basis(found: Screening) -> str:
    rates = f", size and power at {LEVEL:.0%} of {found.checks} logs each" if found.checks else ""
    return f"p: share of {found.draws} simulated logs of competition at this log's shape{rates}"
