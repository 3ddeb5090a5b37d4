"""Position effects: the click rate of each slot relative to the first, within the same query and advertiser.

Good ads stand in good slots, so the raw ratio of click rates overstates the effect of a slot. Comparing a slot with the first
within a pair of query and advertiser takes this selection out, as fixed effects do (Richardson, Dominowska and Ragno 2007 call
clicks the product of an ad's rate and the position's). The ratios of all pairs are combined by Mantel and Haenszel's estimate,
with the variance of Greenland and Robins (Biometrics 1985), which holds for a few large pairs and for many small ones.

With c clicks of n impressions in slot k, and d of m in slot 1, of one pair, and N = n + m:

    R = sum of c m / N,   S = sum of d n / N,   ratio = R / S,
    Var(log ratio) = sum of ((c + d) n m - c d N) / N^2  /  (R S).

For one pair with 20 clicks of 1000 in slot 1 and 5 of 500 in slot 2 the ratio is 0.5. Where the log predicts click rates of its
own, they stand in place of the impressions (and the term c d N falls away, as with person-years), since an ad of the same pair
is placed higher when it is predicted to be clicked more.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.ratios import safe_ratio
from auctionsim.slots import MAX_SLOTS
from auctionsim.traffic.ingest.database import Database
from auctionsim.traffic.ingest.outcomes.observed import Has

Array = NDArray[np.float64]

_Z = 1.959964
_STEP = "position effects"


@dataclass(frozen=True)
class SlotEffect:
    """The estimated effect of one slot."""

    slot: int
    """The slot, from 1."""
    impressions: float
    """Number of impressions in the slot."""
    clicks: float
    """Number of clicks on them."""
    raw: float
    """Click rate over that of slot 1, all pairs together; NaN where slot 1 has no clicks."""
    effect: float
    """Click rate over that of slot 1 within pairs of query and advertiser; NaN where no pair has clicks in both."""
    error: float
    """Standard error of `effect`."""

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval, on the logarithmic scale."""
        if not self.effect > 0:
            return float("nan"), float("nan")
        factor = float(arithmetic.exp(_Z * self.error / self.effect))
        return self.effect / factor, self.effect * factor


@dataclass(frozen=True)
class PositionEffects:
    """Estimated position effects, or why there are none."""

    slots: tuple[SlotEffect, ...] = ()
    """The effect of each slot in which ads were shown, ascending. That of slot 1 is 1 by definition."""
    reason: str = ""
    """Why the effects are not defined, if they are not."""
    by_pctr: bool = False
    """Whether impressions count by the log's own predicted click rates."""
    shown_slots: int = 1
    """Number of the lowest slot in which the log shows an ad; 1 if it does not say."""

    def slot_effect(self) -> tuple[float, ...]:
        """Return effects that a scenario can have: from slot 1 on, as far as they are known, never rising, at most 7.

        Neighbors that rise are pooled by their impressions (isotonic regression): 1, 0.5, 0.6 becomes 1, 0.55, 0.55 where slots
        2 and 3 have equally many.
        """
        known: list[SlotEffect] = []
        for number, one in enumerate(self.slots[:MAX_SLOTS], start=1):
            if one.slot != number or not one.effect > 0:
                break
            known.append(one)
        blocks: list[tuple[float, float, int]] = []
        for one in known[1:]:
            blocks.append((min(one.effect, 1.0), max(one.impressions, 1.0), 1))
            while len(blocks) > 1 and blocks[-1][0] > blocks[-2][0]:
                (value, weight, count), (above, weight_above, count_above) = blocks.pop(), blocks.pop()
                mean = (value * weight + above * weight_above) / (weight + weight_above)
                blocks.append((mean, weight + weight_above, count + count_above))
        return (1.0, *(round(value, 6) for value, _, count in blocks for _ in range(count)))

    def as_json(self) -> dict[str, Any]:
        """Return the effects as the value that `--json` prints; figures that are not defined are null."""
        return {
            "reason": self.reason or None,
            "slots": [{key: value if np.isfinite(value) else None for key, value in asdict(one).items()} for one in self.slots],
        }

    def lines(self) -> list[str]:
        """Write the effects as lines of text."""
        if not self.slots:
            return [f"position effects: not defined: {self.reason}"]
        how = "within query and advertiser" + (", relative to the log's pctr" if self.by_pctr else "")
        lines = [f"position effects: click rate over that of slot 1, {how} (standard error; all rows together)"]
        return [*lines, *(self._line(one) for one in self.slots)]

    def _line(self, one: SlotEffect) -> str:
        counts = f"{one.impressions:>12.0f} impressions {one.clicks:>9.0f} clicks"
        if one.slot == 1:
            return f"  slot 1   1 by definition             {counts}"
        if not np.isfinite(one.effect):
            return f"  slot {one.slot:<3} not defined: no query and advertiser has clicks in both slots {counts}"
        raw = "not defined" if np.isnan(one.raw) else f"{one.raw:.4f}"
        return f"  slot {one.slot:<3} {one.effect:.4f} (s.e. {one.error:.4f}; {raw}) {counts}"


def position_effects(database: Database, has: Has) -> PositionEffects:
    """Estimate the position effects of a log.

    Args:
        database: The database that holds `log` and `observed`.
        has: The outcomes that the log holds.
    """
    if not has.slot:
        return PositionEffects(reason="the log has no slot column" if has.shown else "the log has no slot or shown column")
    (lowest,) = database.row("SELECT max(slot) FROM observed JOIN log USING (row)")
    if not has.clicks:
        return PositionEffects(reason="the log has no clicked column", shown_slots=int(lowest))
    exposure = "log.pctr" if has.own_pctr else "1"
    found = database.columns(
        f"SELECT dense_rank() OVER (ORDER BY query, advertiser) - 1 AS pair, slot, sum(weight * {exposure}) AS exposure, "
        "sum(weight) AS shown, sum(weight * coalesce(observed.clicked, 0)) AS clicks FROM log JOIN observed USING (row) "
        "WHERE is_shown AND slot IS NOT NULL GROUP BY query, advertiser, slot ORDER BY pair, slot"
    )
    pair, slot = np.asarray(found["pair"]), np.asarray(found["slot"]).astype(np.int64)
    exposed, shown, clicks = (np.asarray(found[name], dtype=np.float64) for name in ("exposure", "shown", "clicks"))
    slots = estimate_effects(pair, slot, exposed, shown, clicks, is_count=not has.own_pctr)
    return PositionEffects(slots, "", has.own_pctr, int(lowest))


def estimate_effects(
    pair: NDArray[np.int64], slot: NDArray[np.int64], exposure: Array, shown: Array, clicks: Array, *, is_count: bool
) -> tuple[SlotEffect, ...]:
    """Estimate the effect of each slot from counts by pair and slot, each pair and slot once.

    Args:
        pair: Index of the pair of query and advertiser, `[n]`.
        slot: The slot, from 1, `[n]`.
        exposure: Impressions, or the sum of their predicted click rates, `[n]`.
        shown: Impressions, `[n]`.
        clicks: Clicks, `[n]`.
        is_count: Whether the exposure is a number of impressions, of each of which a click is drawn.
    """
    first = slot == 1
    size = int(pair.max()) + 1
    exposed_first, clicks_first = (np.bincount(pair[first], values[first], size) for values in (exposure, clicks))
    rate = safe_ratio(float(clicks[first].sum()), float(shown[first].sum()))
    found = []
    for number in np.unique(slot):
        own = slot == number
        n, m, c, d = exposure[own], exposed_first[pair[own]], clicks[own], clicks_first[pair[own]]
        ratio, error = (1.0, 0.0) if number == 1 else _combined(n, m, c, d, is_count=is_count)
        raw = safe_ratio(safe_ratio(float(c.sum()), float(shown[own].sum())), rate)
        found.append(SlotEffect(int(number), float(shown[own].sum()), float(c.sum()), raw, ratio, error))
    return tuple(found)


def _combined(n: Array, m: Array, c: Array, d: Array, *, is_count: bool) -> tuple[float, float]:
    """Return the Mantel-Haenszel ratio of a slot and its standard error, NaN without clicks in both slots of a pair."""
    both = (n > 0) & (m > 0)
    n, m, c, d = (values[both] for values in (n, m, c, d))
    total = n + m
    above, below = float((c * m / total).sum()), float((d * n / total).sum())
    if not (above > 0 and below > 0):
        return float("nan"), float("nan")
    spread = (c + d) * n * m - (c * d * total if is_count else 0.0)
    variance = float((spread / np.square(total)).sum()) / (above * below)
    return above / below, above / below * math.sqrt(max(variance, 0.0))


def discount_trials(database: Database, effects: PositionEffects) -> None:
    """Count impressions in lower slots by their effect, so that estimated click rates are those of slot 1.

    An impression in a slot of effect 0.5 is half a trial. A pair with 30 clicks of 1000 impressions there has a rate of
    30 / 500 in slot 1 (clicks over expected clicks: Zhang and Jones 2007).

    Args:
        database: The database that holds `log` and `observed`.
        effects: The position effects.
    """
    known = {number: value for number, value in enumerate(effects.slot_effect(), start=1) if value < 1}
    if not known:
        return
    cases = " ".join(f"WHEN {number} THEN {value!r}" for number, value in known.items())
    database.run(
        f"UPDATE log SET ctr_trials = ctr_trials * CASE slot {cases} ELSE 1 END FROM observed "
        "WHERE log.row = observed.row AND is_shown",
        _STEP,
    )
