"""The answer to a what-if question in lines of text, and in the cells of tables."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auctionsim.analysis.reports.summary import amount, amount_interval
from auctionsim.analysis.statistics import Interval
from auctionsim.analysis.whatif.answer import Answer, ChangeAnswer
from auctionsim.analysis.whatif.replays import Estimates
from auctionsim.names.text import shortened, visible, width
from auctionsim.ratios import NotDefined

SHOWN = ("revenue", "clicks", "conversions", "cpc", "welfare", "profit")
"""Figures of the market that texts and pages show."""
_LISTED = 5
_COLUMNS = 28


def answer_lines(answer: Answer) -> list[str]:
    """Return the answer as lines: how well the replay fits the log, the market under each change, losers and winners."""
    # The replay that ingest tried is of the mechanism that it names; next to it stands the one of this replay.
    lines = [*answer.log_fit.lines, *answer.notes[:1], ""]
    lines += aligned(["", "revenue", "change", "relative", *SHOWN[1:], "gain", "lose"], _rows(answer))
    lines += ["", *(f"{one.label}: {one.said}" for one in answer.answers if one.said), over_words(answer)]
    if answer.reaction is not None:
        lines.append(f"Changes are compared with: {answer.compared_with}.")
    for one in answer.answers:
        lines += ["", *_people(answer, one)]
    return [*lines, "", *answer.notes[1:]]


def over_words(answer: Answer) -> str:
    """Say what the intervals are taken over."""
    over = answer.unchanged_figures["revenue"].over
    if not over:
        return "No intervals were asked for."
    days = len(answer.days)
    if over == "days":
        return f"95 % intervals over {days} days and their auctions, for further days of the same kind."
    return "95 % intervals over the auctions of one day; how much another day would differ is not in them."


def change_sentence(answer: Answer, one: ChangeAnswer) -> str:
    """Say in one line what a change does to revenue, clicks and advertisers."""
    apart = answer.differences(one)
    gain, lose = answer.gains_and_losses(one)
    said = ", ".join(f"{name} {_change(answer, one, name, apart[name])}" for name in ("revenue", "clicks", "welfare", "profit"))
    if not gain and not lose:
        return f"{one.label}: {said}; no advertiser's {answer.judged} changes"
    unclear = _unclear(answer, one)
    chance = f"; the interval holds 0 for {unclear}" if unclear else ""
    return f"{one.label}: {said}; {gain} advertisers gain {answer.judged}, {lose} lose{chance}"


def _unclear(answer: Answer, one: ChangeAnswer) -> int:
    """Count the advertisers that gain or lose, but whose interval holds 0."""
    change, low, high = (pl.col(f"{answer.judged}_change{end}").cast(pl.Float64) for end in ("", "_low", "_high"))
    return answer.advertiser_table.filter(pl.col("set") == one.label, change != 0, low <= 0, high >= 0).height


def figure_text(found: Estimates) -> str:
    """Return a figure of the market as text, or that it is not defined."""
    return "not defined" if found.value[0] != found.value[0] else amount_interval(found.interval())


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table as lines, the first column to the left, long names shortened."""
    cells = [[shortened(visible(row[0]), 2 * _COLUMNS), *map(visible, row[1:])] for row in (header, *rows)]
    widths = [max(width(row[i]) for row in cells) for i in range(len(header))]
    lines = []
    for row in cells:
        first = row[0] + " " * (widths[0] - width(row[0]))
        rest = (" " * (widths[i] - width(cell)) + cell for i, cell in enumerate(row[1:], start=1))
        lines.append("  ".join([first, *rest]).rstrip())
    return lines


def relative_text(answer: Answer, one: ChangeAnswer, name: str, found: Estimates) -> str:
    """Return a difference as a share of the unchanged figure, or why it has none."""
    share = answer.relative(one, name, float(found.value[0]))
    return str(share) if isinstance(share, NotDefined) else f"{share:+.2%}"


def _change(answer: Answer, one: ChangeAnswer, name: str, found: Estimates) -> str:
    if found.value[0] != found.value[0]:
        return "not defined"
    return f"{amount_interval(found.interval(), signed=True)} ({relative_text(answer, one, name, found)})"


def _rows(answer: Answer) -> list[list[str]]:
    rows = [["unchanged", figure_text(answer.unchanged_figures["revenue"]), "", ""]]
    rows[0] += [_plain(answer.unchanged_figures[name]) for name in SHOWN[1:]] + ["", ""]
    for one in answer.answers:
        figures, revenue = answer.figures(one), answer.differences(one)["revenue"]
        gain, lose = answer.gains_and_losses(one)
        change = amount_interval(revenue.interval(), signed=True)
        row = [one.label, figure_text(figures["revenue"]), change, relative_text(answer, one, "revenue", revenue)]
        rows.append([*row, *(_plain(figures[name]) for name in SHOWN[1:]), str(gain), str(lose)])
    return rows


def _plain(found: Estimates) -> str:
    value = float(found.value[0])
    return "not defined" if value != value else amount(value)


def _people(answer: Answer, one: ChangeAnswer) -> list[str]:
    """Return those who lose most, and those who gain most, as lines."""
    rows = answer.advertiser_table.filter(set=one.label)
    judged = answer.judged
    moved = rows.filter(rows[f"{judged}_change"] != 0)
    if moved.height == 0:
        return [f"{one.label}: no advertiser's {judged} changes"]
    shown = moved if moved.height <= 2 * _LISTED else moved[[*range(_LISTED), *range(moved.height - _LISTED, moved.height)]]
    body = [advertiser_cells(row, judged) for row in shown.iter_rows(named=True)]
    lines = aligned([f"{one.label}: advertisers", judged, "change", "relative", "spend", "clicks"], body)
    return [*lines, *([f"({moved.height - shown.height} between them: --out, --json)"] if moved.height > shown.height else [])]


def advertiser_cells(row: dict[str, object], judged: str) -> list[str]:
    """Return one advertiser's cells: name, what it is judged by, its change, the share, spend and clicks."""
    low, high = row[f"{judged}_change_low"], row[f"{judged}_change_high"]
    change = _number(row[f"{judged}_change"])
    found = Interval(change, _number(low), _number(high))
    share = row[f"{judged}_relative"]
    relative = "not defined" if share is None else f"{_number(share):+.1%}"
    return [
        str(row["advertiser"]), amount(_number(row[judged])), amount_interval(found, signed=True), relative,
        amount(_number(row["spend"])), amount(_number(row["clicks"])),
    ]  # fmt: skip


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
