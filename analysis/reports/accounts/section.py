"""Tabulate a run's accounts: spend and what it brought, limits kept and broken, and each account's campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auctionsim.analysis.documents.sections import Heading, Note, Section, Table
from auctionsim.analysis.reports.accounts.measures import account_measures, campaign_measures
from auctionsim.analysis.reports.summary import amount
from auctionsim.ratios import NotDefined
from auctionsim.runs import Run

MOST_ROWS = 200
"""Campaigns that are listed: those who spend most."""
_LIMITS = {"over_budget": "budget", "below_min_spend": "min_spend", "floor_missing": "floors", "over_ceiling": "ceilings"}
_OLD = NotDefined("the run was evaluated by a version that stored no accounts.parquet; `auctionsim evaluate` writes it")
_NO_SPEND, _NO_CONVERSIONS = NotDefined("nothing was spent"), NotDefined("no conversions")
_AMOUNTS_NOTE = (
    "Currency and counts a day, means over test days and seeds, of the learned policy. Value is GMV. ROAS is GMV / spend, "
    "CPA spend / conversions, of all days together."
)
_LIMITS_NOTE = (
    "Test days of all seeds. A floor is broken where others spent what it reserves; a campaign that does not want it may "
    "leave it unspent. Ceilings count campaigns and days. Floors and ceilings are of the account's budget."
)


def account_sections(named: Mapping[str, Run]) -> list[Section]:
    """Return tables of the accounts of all runs, their limits and their campaigns; nothing where no run has accounts."""
    stored = {name: run for name, run in named.items() if run.optional_table("accounts") is not None}
    old = [name for name, run in named.items() if name not in stored and run.scenario().accounts]
    if not stored and not old:
        return []
    tables = {name: account_measures(run).to_dicts() for name, run in stored.items()}
    rows = [(name, row) for name, found in tables.items() for row in found]
    sections: list[Section] = [Heading("Accounts")]
    if rows:
        header = ["account", "campaigns", "budget", "spend", "budget used", "value", "value under the baseline", "profit"]
        amounts = [[*_who(named, name, row), *_account_cells(row)] for name, row in rows]
        limits = [[*_who(named, name, row), *(_kept(row, key) for key in _LIMITS)] for name, row in rows]
        sections += [
            Table([*_header(named, header), "conversions", "ROAS", "CPA"], amounts, _AMOUNTS_NOTE),
            Table(_header(named, ["limits of", *_LIMITS.values()]), limits, _LIMITS_NOTE),
            _campaigns(named, stored),
        ]
    return [*sections, *(Note(f"Accounts of {name}: {_OLD}.") for name in old)]


def _header(named: Mapping[str, Run], header: list[str]) -> list[str]:
    return [header[0], *(["run"] if len(named) > 1 else []), *header[1:]]


def _who(named: Mapping[str, Run], name: str, row: Mapping[str, Any], key: str = "account") -> list[str]:
    return [row[key], *([name] if len(named) > 1 else [])]


def _account_cells(row: Mapping[str, Any]) -> list[str]:
    baseline = row["baseline_gmv"]
    return [
        str(row["campaigns"]),
        amount(row["budget"]),
        amount(row["cost"]),
        "not defined: the budget is 0" if row["used"] is None else f"{row['used']:.1%}",
        amount(row["gmv"]),
        amount(baseline),
        amount(row["profit"]),
        *_return_cells(row),
    ]


def _return_cells(row: Mapping[str, Any]) -> list[str]:
    """Return conversions, ROAS and CPA as text."""
    roas = str(_NO_SPEND) if row["roas"] is None else f"{row['roas']:.3f}"
    cpa = str(_NO_CONVERSIONS) if row["cpa"] is None else amount(row["cpa"])
    return [amount(row["conversions"]), roas, cpa]


def _kept(row: Mapping[str, Any], key: str) -> str:
    """Return whether a limit was kept, as text."""
    broken = row[key]
    if broken is None:
        return "none set"
    cases, what = (row["days"] * row["campaigns"], "campaign-days") if key == "over_ceiling" else (row["days"], "days")
    return f"broken on {broken} of {cases} {what}" if broken else f"kept on {cases} of {cases} {what}"


def _campaigns(named: Mapping[str, Run], stored: Mapping[str, Run]) -> Table:
    """Return the campaigns of all accounts, those of an account together, the largest spend first."""
    rows = [(name, row) for name, run in stored.items() for row in campaign_measures(run).to_dicts()]
    # Sorting is stable: campaigns of equal spend stay in the scenario's order.
    largest = sorted(range(len(rows)), key=lambda k: -rows[k][1]["cost"])[:MOST_ROWS]
    order = {account: k for k, account in enumerate(dict.fromkeys((name, row["account"]) for name, row in rows))}
    largest.sort(key=lambda k: order[rows[k][0], rows[k][1]["account"]])
    cells = []
    for name, row in (rows[k] for k in largest):
        share = str(_NO_SPEND) if row["share"] is None else f"{row['share']:.1%}"
        money = [amount(row["cost"]), share, amount(row["floor"]), amount(row["ceiling"]), amount(row["gmv"])]
        cells.append([*_who(named, name, row, "advertiser"), row["account"], *money, *_return_cells(row)])
    header = _header(named, ["campaign", "account", "spend", "share of spend", "floor", "ceiling", "value"])
    note = "Currency and counts a day, as above; the largest spend of an account first."
    if len(cells) < len(rows):
        note += f" Shown are {len(cells)} of {len(rows)} campaigns, those who spend most."
    return Table([*header, "conversions", "ROAS", "CPA"], cells, note)
