"""Units of a log's bids, charges, values and budgets, compared with each other: currency in one column, millionths in the next.

No column says its unit, so that only figures that no market has are told: charges far above the bids that they are charged for,
bids far above the price of what is sold, a day's budget far below a bid. Charges may be far below bids where a reserve is all
that is paid, so that lowest charges do not count against a log.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from auctionsim.traffic.ingest.database import Database
from auctionsim.traffic.ingest.formats.base import PARTS, Format

_MOST_ROWS = 1_000_000
"""Rows by which values and budgets are compared with bids, evenly over the log: it may be larger than memory."""
_MOST_RATIO = 1e15
"""Ratios are cut off here, as a number may be as small as 1e-300."""
_LEAST_ROWS = 10
"""The fewest rows by which columns are compared."""
_MOST_CHARGED = 10.0
"""Charges this many times the bids: no pricing rule charges more than the bid."""
_MOST_BID = 1000.0
"""Bids this many times almost all charges."""
_MOST_BID_COMPETING = 50.0
"""Bids this many times almost all charges above the lowest: competitors set these, and a reserve the lowest."""
_MOST_FOR_A_PRICE = 100.0
"""Bids for a click this many times the price of a whole conversion."""
_MOST_VALUE = 100_000.0
"""Values of a click this many times the bids for it."""
_MOST_OF_A_BUDGET = 10.0
"""Bids for one click this many times the budget of a day."""
_USUAL_FOR_A_PRICE = 0.05
"""A usual bid for a click, as a share of the price of a conversion."""
_USUAL_OF_A_BUDGET = 0.01
"""A usual bid for a click, as a share of the budget of a day."""
_NEAR = 4.0
"""A factor within this of a usual one (hundredths, thousandths, millionths) is taken for it."""


@dataclass(frozen=True)
class UnitDifference:
    """Two columns of a log whose figures cannot be in the same unit."""

    high: str
    """Column of the log with the larger figures."""
    low: str
    """Column of the log with the smaller figures."""
    part: str
    """Part of the unit that the larger figures may be counted in, one of `PARTS`."""
    ratio: float
    """Median of the larger figure over the smaller one, in the same row."""
    high_median: float
    """Median of the larger figures."""
    low_median: float
    """Median of the smaller figures."""
    rows: int
    """Number of rows that have both."""
    with_high: tuple[str, ...] = ()
    """Columns of the log that agree with the one of larger figures, and are in its unit, too."""
    is_charge: bool = False
    """Whether charges and bids differ, so that no replay can compare them."""
    high_by: str = ""
    """Rate that the larger figures are multiplied by, where it is one."""
    low_by: str = ""
    """Rate that the smaller figures are multiplied by, where it is one."""

    @property
    def words(self) -> str:
        """Say what differs, by how much, and what may be done."""
        unit = PARTS[self.part]
        factor = unit if max(self.ratio / unit, unit / self.ratio) <= _NEAR else _rounded(self.ratio)
        columns = [self.high, *self.with_high]
        listed = ", ".join(f'"{name}"' for name in columns)
        high, low = (f"{name} x {by}" if by else name for name, by in ((self.high, self.high_by), (self.low, self.low_by)))
        return (
            f"{high} is about {factor:,.0f} times {low} (medians {self.high_median:.6g} and {self.low_median:.6g}): "
            f"{' and '.join(columns)} in {self.part}? {self.part} = [{listed}] in the mapping file divides"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the figures as the value that `--json` prints."""
        return {**asdict(self), "with_high": list(self.with_high), "words": self.words}


def find_unit_differences(database: Database, form: Format) -> tuple[UnitDifference, ...]:
    """Compare what a log of one's own says in currency. Released logs have known units.

    Args:
        database: The database that holds `rated` and `observed`, and `budgets` where the format has them.
        form: The log's format.
    """
    if form.dialect is None:
        return ()
    name = {field.key: field.name for field in form.fields}
    bid, cost = name["manual_bid"], name.get(f"cost_per_{form.cost_per}")
    charges = [] if cost is None else _charges(database, form, bid, cost)
    # Where charges agree with bids, they are in whatever unit the bids are in.
    same = () if cost is None or charges else (cost,)
    values = [] if "item_price" not in name else _values(database, bid, name["item_price"], same)
    budgets = [] if "budget" not in name else _budgets(database, bid, name["budget"], same)
    return (*charges, *values, *budgets)


def _charges(database: Database, form: Format, bid: str, cost: str) -> list[UnitDifference]:
    """Compare each charge with the bid that it is charged for."""
    # An impression costs at most bid x pctr, and at most the bid where pctr is an estimate.
    per_click = form.cost_per == "click"
    by = "" if per_click or "pctr" not in {field.key for field in form.fields} else "pctr"
    owed = f"manual_bid * {by}" if by else "manual_bid"
    pairs = f"(SELECT cost, {owed} AS owed FROM log JOIN observed USING (row) WHERE cost > 0)"
    (lowest,) = database.row("SELECT min(cost) FROM observed WHERE cost > 0")
    ratio = _ratio("cost", "owed")
    share = f"approx_quantile({ratio}, 0.95)"
    above = f"cost > {(lowest or 0.0) * (1 + 1e-9)!r}"
    rows, middle, highest, competing, highest_competing, costs, bids = database.row(
        f"SELECT count(*), approx_quantile({ratio}, 0.5), {share}, count(*) FILTER ({above}), {share} FILTER ({above}), "
        f"approx_quantile(cost, 0.5), approx_quantile(owed, 0.5) FROM {pairs} WHERE owed > 0"
    )
    if rows < _LEAST_ROWS:
        return []
    if middle > _MOST_CHARGED:
        part = _part(middle)
        return [UnitDifference(cost, bid, part, middle, costs, bids, rows, is_charge=True, low_by=by)]
    if not per_click and not by:
        return []
    is_low = highest * _MOST_BID < 1
    is_low = is_low or (competing >= _LEAST_ROWS and highest_competing * _MOST_BID_COMPETING < 1)
    if not is_low:
        return []
    return [UnitDifference(bid, cost, _part(1 / middle), 1 / middle, bids, costs, rows, is_charge=True, high_by=by)]


def _values(database: Database, bid: str, price: str, same: tuple[str, ...]) -> list[UnitDifference]:
    """Compare bids with prices of a conversion and with values of a click."""
    rows, middle, bids, prices, low, high, valued, worth, values = database.row(
        f"SELECT count(*), approx_quantile({_ratio('manual_bid', 'item_price')}, 0.5), approx_quantile(manual_bid, 0.5), "
        "approx_quantile(item_price, 0.5), min(item_price), max(item_price), count(*) FILTER (pcvr > 0), "
        f"approx_quantile({_ratio('item_price * pcvr', 'manual_bid')}, 0.5) FILTER (pcvr > 0), "
        "approx_quantile(item_price * pcvr, 0.5) FILTER (pcvr > 0) FROM rated "
        f"WHERE manual_bid > 0 AND item_price > 0 AND {_evenly(database)}"
    )
    # A log that counts conversions has the price 1, which is no price.
    if rows < _LEAST_ROWS or low == high == 1:
        return []
    if middle > _MOST_FOR_A_PRICE:
        return [UnitDifference(bid, price, _part(middle / _USUAL_FOR_A_PRICE), middle, bids, prices, rows, same)]
    if valued >= _LEAST_ROWS and worth > _MOST_VALUE:
        return [UnitDifference(price, bid, _part(worth), worth, values, bids, valued, high_by="pcvr")]
    return []


def _budgets(database: Database, bid: str, budget: str, same: tuple[str, ...]) -> list[UnitDifference]:
    """Compare bids for a click with budgets of a day."""
    rows, middle, bids, budgets = database.row(
        f"SELECT count(*), approx_quantile({_ratio('manual_bid', 'budget')}, 0.5), approx_quantile(manual_bid, 0.5), "
        "approx_quantile(budget, 0.5) FROM log JOIN budgets USING (advertiser) "
        f"WHERE manual_bid > 0 AND {_evenly(database)}"
    )
    if rows < _LEAST_ROWS or middle <= _MOST_OF_A_BUDGET:
        return []
    return [UnitDifference(bid, budget, _part(middle / _USUAL_OF_A_BUDGET), middle, bids, budgets, rows, same)]


def _ratio(of: str, to: str) -> str:
    """Return the SQL of a ratio of two positive numbers."""
    return f"least(greatest({of} / ({to}), {1 / _MOST_RATIO!r}), {_MOST_RATIO!r})"


def _evenly(database: Database) -> str:
    """Return the SQL of a condition that takes so many rows at most, evenly over the log."""
    (count,) = database.row("SELECT count(*) FROM log")
    # An odd step does not keep to one place of auctions of two or four candidates.
    return f"row % {-(-count // _MOST_ROWS) | 1} = 0"


def _part(ratio: float) -> str:
    """Return the part of a unit that is nearest to a ratio."""
    return min(PARTS, key=lambda part: max(ratio / PARTS[part], PARTS[part] / ratio))


def _rounded(ratio: float) -> float:
    """Return a ratio to one digit."""
    return float(f"{ratio:.0e}")
