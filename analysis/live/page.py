"""Make the page of a run that goes on: blocks of HTML, and a script that asks for them again and replaces what has changed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auctionsim.analysis.documents import page
from auctionsim.analysis.documents.tones import TONE_SIGNS, Tone
from auctionsim.analysis.live.curves import Curve, curve_of, spaced, svg
from auctionsim.analysis.live.shell import shell, table
from auctionsim.analysis.live.state import RATIOS, Row, RunState

_ROWS = 8
"""Rows of the table beside a curve."""
_NAMES = {"revenue_ratio": "revenue", "profit_ratio": "total profit"}
_TONES: dict[str, Tone] = {"finished": "good", "failed": "bad", "killed": "bad", "unreadable": "bad", "interrupted": "unclear"}
"""Tones of statuses; that of a run that goes on has no colour."""


def whole_page(state: RunState) -> str:
    """Return the page, complete without its script."""
    found = blocks(state)
    parts = [
        # The status is a region of its own, so that a screen reader says it when it changes, and nothing else.
        f'<div class="conclusion"><p id="status" role="status">{page.escape(state.sentence)}</p>',
        *(f'<div id="{name}">{found.pop(name)}</div>' for name in ("verdict", "progress")),
        "</div>",
        *(f'<div id="{name}">{html}</div>' for name, html in found.items()),
        "<noscript>"
        + page.note("This page follows the run by a script. Without scripts it shows the moment when it was loaded.")
        + "</noscript>",
    ]
    return shell(f"auctionsim watch {state.path}", parts)


def blocks(state: RunState) -> dict[str, str]:
    """Return the page's blocks as HTML, by their id."""
    return {
        "verdict": _verdict(state),
        "progress": _progress(state),
        "seeds": _seeds(state),
        "revenue": _ratio(state, "revenue_ratio", state.floor or None),
        "profit": _ratio(state, "profit_ratio", None),
        "constraints": _constraints(state),
        "speed": _speed(state),
        "notes": "".join(page.note(note) for note in state.notes),
    }


def _verdict(state: RunState) -> str:
    """Return where the run stands in marks, as a report begins with: status, ratios, revenue floor."""
    if not state.iterations:
        return ""
    tone: Tone = _TONES.get(state.status, "neutral")
    marks: list[tuple[str, Tone]] = [(f"{TONE_SIGNS[tone]} {state.status}", tone)]
    if state.metrics:
        for name in RATIOS:
            last = curve_of(state.metrics, state.seeds, name).mean[-1]
            if np.isfinite(last):
                marks.append((f"{_NAMES[name].capitalize()} on training days {100 * last:.1f} % of the baseline", "neutral"))
        if state.floor:
            held, known = _floor_held(state)
            tone = "good" if held == known else "bad"
            words = f"{TONE_SIGNS[tone]} Revenue floor of {100 * state.floor:g} % held on {held} of {known} seeds"
            marks += [(words, tone)] if known else []
    return "<ul>" + "".join(f'<li class="mark {tone}">{page.escape(words)}</li>' for words, tone in marks) + "</ul>"


def _progress(state: RunState) -> str:
    if not state.iterations:
        return ""
    left = "" if state.seconds_left is None else f", {duration(state.seconds_left)} left"
    rate = "" if state.bids_per_second is None else f", {state.bids_per_second:,.0f} candidate bids a second"
    text = f"{state.name}: iteration {state.iteration} of {state.iterations}{left}{rate}"
    bar = f'<progress value="{state.iteration}" max="{state.iterations}" aria-label="iterations done"></progress>'
    return f"<p>{page.escape(text)}</p>{bar}<p class='quiet'>Made by <code>{page.escape(state.command)}</code></p>"


def _seeds(state: RunState) -> str:
    """Return a table of what each seed logged last."""
    last = state.metrics.get(state.iteration, {})
    if not last:
        return ""
    others = [name for name in dict.fromkeys(name for own in last.values() for name in own) if name not in RATIOS]
    header = ["seed", "revenue", *(["revenue floor"] if state.floor else []), "total profit", *others]
    rows = []
    for seed in sorted(last):
        own = last[seed]
        against = [_against(own["revenue_ratio"], state.floor)] if state.floor else []
        ratios = [_shown(own[name]) for name in RATIOS]
        rows.append([str(seed), ratios[0], *against, ratios[1], *(_shown(own.get(name)) for name in others)])
    return table(f"Iteration {state.iteration} by seed; revenue and profit as ratios to the baseline's", header, rows)


def _ratio(state: RunState, name: str, floor: float | None) -> str:
    """Return a ratio's curve, and the same as a table."""
    if not state.metrics:
        return ""
    what = _NAMES[name]
    level = 1.0 if floor is None else floor
    dashed = "the baseline" if floor is None else f"the floor of {floor:g}"
    title = (
        f"{what} on the training days as a ratio to the baseline's, by iteration: the mean over seeds (thick), "
        f"each seed (thin), their range (band), and {dashed} (dashed)"
    )
    curve = curve_of(state.metrics, state.seeds, name)
    drawn = svg(curve, title, f"{what.capitalize()} (ratio to the baseline)", level)
    if not drawn:
        reason = f"{what} over the baseline's is not defined: the baseline earns nothing or loses money on a training day"
        return page.heading(what.capitalize()) + page.note(f"{reason}.")
    caption = f"<figcaption>{page.escape(title[0].upper() + title[1:])}.</figcaption>"
    return f"{page.heading(what.capitalize())}<figure>{drawn}{caption}</figure>{_curve_table(curve, what)}"


def _curve_table(curve: Curve, what: str) -> str:
    chosen = spaced(len(curve.iterations), _ROWS)
    rows = [
        [f"{curve.iterations[i]:.0f}", *(_shown(float(values[i])) for values in (curve.mean, curve.low, curve.high))]
        for i in chosen
    ]
    caption = f"{what.capitalize()} as a ratio to the baseline's"
    listed = table(caption, ["iteration", "mean", "lowest seed", "highest seed"], rows)
    return f"<details><summary>Values of this figure</summary>{listed}</details>"


def _constraints(state: RunState) -> str:
    """Return what is broken: the revenue floor while training goes on, every constraint once the policy is evaluated."""
    title = page.heading("Constraints")
    if state.violations:
        rows = [_violation(row) for row in state.violations]
        caption = "Learned policy on the test days, by seed"
        header = ["constraint", "seed", "cases", "broken", "mean excess over the limit"]
        said = "Cases are advertiser-days; of floors on revenue and on self-bidders they are days."
        return title + table(caption, header, rows) + page.note(said)
    if not state.metrics:
        return ""
    said = "Constraints other than the revenue floor are measured on the test days, when the run is evaluated."
    if not state.floor:
        return title + page.note(f"The scenario has no revenue floor. {said}")
    held, known = _floor_held(state)
    share = f"the revenue floor, {100 * state.floor:g} % of the baseline's revenue,"
    text = f"In iteration {state.iteration} {share} is held on {held} of {known} seeds."
    return title + page.verdict(text) + page.note(said)


def _floor_held(state: RunState) -> tuple[int, int]:
    """Return on how many seeds the last iteration holds the revenue floor, and of how many that is known."""
    revenue = curve_of(state.metrics, state.seeds, "revenue_ratio").by_seed[:, -1]
    return int((revenue >= state.floor).sum()), int(np.isfinite(revenue).sum())


def _violation(row: Row) -> Sequence[str]:
    return [
        str(row["words"]),
        str(row["seed"]),
        str(row["cases"]),
        f"{row['violated']:.1%}",
        f"{row['excess']:.2%}",
    ]


def _speed(state: RunState) -> str:
    """Return a table of seconds and bids a second of the last iterations."""
    if not state.seconds:
        return ""
    every = sorted(state.seconds)
    rows = []
    for iteration in [every[i] for i in spaced(len(every), _ROWS)]:
        seconds, bids = state.seconds[iteration]
        rows.append([str(iteration), f"{seconds:.3g}", f"{bids / seconds:,.0f}" if seconds > 0 else "not defined"])
    listed = table("Throughput by iteration", ["iteration", "seconds", "candidate bids a second"], rows)
    return page.heading("Throughput") + listed


def duration(seconds: float) -> str:
    """Return a duration as hours, minutes and seconds: `1:02:03`."""
    minutes, rest = divmod(round(min(seconds, 1e9)), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _against(revenue: float | None, floor: float) -> str:
    if revenue is None:
        return "not defined"
    return "held" if revenue >= floor else f"short by {floor - revenue:.3f}"


def _shown(value: float | None) -> str:
    return "not defined" if value is None or not np.isfinite(value) else f"{value:.3f}" if abs(value) >= 0.1 else f"{value:.3g}"
