"""The outcome of a replay, and the columns that every array of outcomes has."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.arguments import one_of, texts
from auctionsim.errors import InputError, RenamedWarning
from auctionsim.names.display import cut, html_frame, some

if TYPE_CHECKING:
    import polars as pl

IMPRESSIONS, CLICKS, CONVERSIONS, GMV, COST = range(5)
OUTCOMES = ("impressions", "clicks", "conversions", "gmv", "cost")
"""Names of the outcomes, in the order of their columns `IMPRESSIONS`, `CLICKS`, `CONVERSIONS`, `GMV` and `COST`."""

PARTICIPATED, WINNING_PRICE, LEAST_WINNING_COST = range(3)
OBSERVED = ("observed_conversions", "observed_gmv")
"""Names of what was reported of a day, part of what comes in the end, where conversions are late."""
DETAILS = ("participated", "winning_price", "least_winning_cost")
"""Names of the bid details that a replay counts on demand, in the order of their columns."""


@dataclass
class Effort:
    """Work of a parallel replay beyond that of a sequential one."""

    windows: int = 0
    """Windows that were ranked side by side."""
    rounds: int = 0
    """Rounds of settling, all windows together; on a GPU those of the policy that took most."""
    ranked: int = 0
    """Rankings, buckets x policies, made side by side."""
    ranked_again: int = 0
    """Rankings made again since somebody who mattered to them had run out, once for each round in which it was so."""
    in_order: int = 0
    """Buckets x policies that were cleared in order, as so many ran out that windows did not pay."""

    def add(self, other: Effort) -> None:
        """Add that of another replay."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Outcome of one day by hour, advertiser and policy; each array is `[hours, advertisers, P]`."""

    impressions: NDArray[np.float64]
    clicks: NDArray[np.float64]
    conversions: NDArray[np.float64]
    gmv: NDArray[np.float64]
    """Gross merchandise value of the conversions, currency."""
    cost: NDArray[np.float64]
    """Currency charged to the advertiser."""
    participated: NDArray[np.float64] | None = None
    """Auctions with an eligible bid, one that is at least the reserve; None without `details`, like the next two."""
    winning_price: NDArray[np.float64] | None = None
    """Mean price per click of the ads shown, currency; NaN where none was shown."""
    least_winning_cost: NDArray[np.float64] | None = None
    """Mean price per click at which the last slot could have been won, over the auctions in which an eligible bid was not
    shown, currency; NaN where there were none."""
    advertisers: tuple[str, ...] | None = None
    """Names of the advertisers, for `to_frame`; None where they are not known."""
    observed_conversions: NDArray[np.float64] | None = None
    """Conversions that were reported in the hour, whenever they were clicked for; None where all are reported at once."""
    observed_gmv: NDArray[np.float64] | None = None
    """GMV of the conversions that were reported in the hour, currency; None likewise."""
    effort: Effort | None = None
    """Work of clearing on several threads or a GPU: windows, rounds, and rankings made again; zeros on one thread."""

    def __repr__(self) -> str:
        hours, count, policies = self.cost.shape
        totals = ", ".join(f"{name} {getattr(self, name).sum() / policies:.6g}" for name in ("clicks", "gmv", "cost"))
        a_policy = " a policy" if policies > 1 else ""
        return cut(f"Outcome({hours} hours, {count} advertisers, {policies} policies: {totals}{a_policy})")

    def _repr_html_(self) -> str:
        """Return the first rows by advertiser for a notebook."""
        hours, _, policies = self.cost.shape
        return html_frame(f"Outcome of {hours} hours under {policies} policies", self.to_frame("advertiser"))

    def to_frame(self, by: str = "hour", *, advertisers: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the outcome as a polars table, in order of hour, advertiser and policy.

        Args:
            by: `hour` for a row per hour, advertiser and policy; `advertiser` for a row per advertiser and policy, summed over
                the hours.
            advertisers: Names for the column `advertiser`; the outcome's own where None, or 0, 1, 2, ... where it has none.

        Returns:
            The columns `hour` (not with `by="advertiser"`), `advertiser`, `policy` (0 to P - 1), the outcomes of `OUTCOMES` and
            `profit`, and what was reported, `OBSERVED`, where conversions are late. With details `participated` too, and by
            hour the two mean prices, null where nothing was averaged.

        Raises:
            InputError: `by` is another word, or there are more or fewer names than advertisers.
        """
        import polars as pl

        one_of("by", by, ("hour", "advertiser"))
        hours, count, policies = self.cost.shape
        names = self.advertisers if advertisers is None else texts("advertisers", advertisers)
        if names is not None and len(names) != count:
            raise InputError(f"advertisers: expected {count} names, one for each advertiser, got {len(names)}: {some(names)}")
        own: Any = list(names) if names is not None else np.arange(count)
        is_hourly = by == "hour"
        columns: dict[str, Any] = {"hour": np.repeat(np.arange(hours), count * policies)} if is_hourly else {}
        repeats = hours if is_hourly else 1
        columns["advertiser"] = pl.Series(own).gather(np.tile(np.repeat(np.arange(count), policies), repeats))
        columns["policy"] = np.tile(np.arange(policies), count * repeats)
        for name in (*OUTCOMES, "profit", *OBSERVED, *DETAILS):
            values = getattr(self, name)
            if values is None or (name in DETAILS[1:] and not is_hourly):
                continue
            columns[name] = pl.Series((values if is_hourly else values.sum(axis=0)).ravel(), nan_to_null=True)
        return pl.DataFrame(columns)

    @property
    def revenue(self) -> NDArray[np.float64]:
        """The platform's receipts, currency, `[hours, P]`."""
        return self.cost.sum(axis=1)

    @property
    def profit(self) -> NDArray[np.float64]:
        """GMV less cost, currency, `[hours, advertisers, P]`."""
        return self.gmv - self.cost

    @property
    def entered(self) -> NDArray[np.float64] | None:
        """Old name of `participated`."""
        _warn("entered", "participated")
        return self.participated

    @property
    def losing_price(self) -> NDArray[np.float64] | None:
        """Old name of `least_winning_cost`."""
        _warn("losing_price", "least_winning_cost")
        return self.least_winning_cost


def _warn(old: str, new: str) -> None:
    text = f"Outcome.{old}: this field is called {new} now; the old name works until version 0.3"
    warnings.warn(text, RenamedWarning, stacklevel=3)
