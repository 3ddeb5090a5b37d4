"""Judge whether an outcome is collusive, by evidence from single auctions and a control without budgets.

Low revenue alone proves nothing: advertisers that pace their budgets pay little too (Rawat, arXiv 2306.09437), and so do
learners that learned nothing. A verdict of coordination needs a sign that bids depend on one another: members that give way to
one another, segments that all spare together, or low bids that all have in common although each could gain by bidding more
alone. docs/collusion.md explains the tests and says how often they err.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.economics import indices
from auctionsim.analysis.economics.auctions import Auctions, auctions_of, played, worth_of_clicks
from auctionsim.analysis.economics.competition import (
    BenchmarkIndices,
    cartel_totals,
    competitive_totals,
    outcome_indices,
    profits_of,
    totals_over_days,
)
from auctionsim.analysis.economics.evidence import EXCUSED, GAP, MISSING, PROFIT_GAIN, STRICT_GAP, Evidence, Test, evidence_on
from auctionsim.analysis.economics.responses import is_deviation_punished
from auctionsim.arguments import instance_of, one_number_of, real_numbers, with_methods
from auctionsim.auction.rules import Rules
from auctionsim.errors import InputError, shown
from auctionsim.market.market import Market
from auctionsim.market.policy import Constant, Policy
from auctionsim.names.display import short_repr
from auctionsim.traffic.table import Traffic

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

VerdictKind = Literal["competitive", "pacing", "unexplained shortfall", "coordination", "not defined"]
KINDS: tuple[VerdictKind, ...] = get_args(VerdictKind)
EVERYBODY = "all advertisers"
"""The name of a coalition of all advertisers that take part."""
HARM = 0.05
"""Share of their profit in competition from which outsiders are harmed."""
NO_SIGN = "bids are low, but no test shows that they depend on one another"
STILL_LEARNING = "; the low ones began no higher, as where competitors need longer to learn"
NO_CONTROL = "budgets could bind, and pacing them lowers bids as collusion does; a verdict needs a control without budgets"


@dataclass(frozen=True, eq=False)
class Verdict:
    """A verdict and the evidence that it rests on."""

    kind: VerdictKind
    coalition: tuple[str, ...]
    """Names of the advertisers that coordinate; empty unless the kind is `coordination`."""
    reason: str
    """The test that decided, in one sentence."""
    found: Evidence
    """The evidence under the market's own budgets."""
    control: Evidence | None = None
    """The evidence without budgets; None if there are none, or no control."""
    of_coalition: dict[str, Test] = field(default_factory=dict)
    """Tests that need a coalition or a deviation: harm to outsiders, punishment."""
    by_benchmark: dict[str, BenchmarkIndices] = field(default_factory=dict)
    """Indices of profit and revenue by the name of the competitive benchmark: context, not evidence."""
    harm_to_self_bidders: float = float("nan")
    """Share of their profit under everybody's keyword bids that self-bidders lose; NaN if there are none."""
    worst_advertiser: float = float("nan")
    """Smallest ratio of a controlled advertiser's profit to that in competition."""

    __repr__ = short_repr

    @property
    def label(self) -> str:
        """Return the verdict in a few words; a coalition is named."""
        if self.kind != "coordination":
            return self.kind
        return coordination_of(self.coalition, self.found.names)

    @property
    def tests(self) -> dict[str, Test]:
        """Return the named tests of the outcome, with those that need a coalition if there is one; empty if undefined."""
        return self.found.tests | self.of_coalition

    @property
    def sentence(self) -> str:
        """Return the verdict and its reasons in words."""
        if self.kind == "not defined":
            return f"not defined here: {self.reason}"
        missing, gain, gap = (self.tests[name] for name in ("missing revenue", "profit gain", "best-response gap"))
        text = f"{self.label}: {self.reason}. {missing.reason[:1].upper()}{missing.reason[1:]}"
        text += f" (threshold {missing.threshold:.0%})"
        text += "; " + "; ".join(test.reason for test in (gain, gap) if np.isfinite(test.statistic))
        if self.control is not None and self.control.tests:
            text += f"; without budgets {self.control['missing revenue'].reason}"
        return text


def coordination_of(coalition: Sequence[str], names: Sequence[str]) -> str:
    """Return the label of a coordination of some advertisers."""
    is_all = len(coalition) == len(names)
    return f"tacit or explicit coordination of {EVERYBODY if is_all else ', '.join(coalition)}"


def verdict(
    market: Market,
    policy: Policy,
    days: tuple[int, ...],
    *,
    control: Policy | None = None,
    independent: Policy | None = None,
    independent_control: Policy | None = None,  # noqa: ARG001  (kept for callers; a control is judged by itself)
    start: Policy | None = None,
) -> Verdict:
    """Judge whether a policy colludes.

    Args:
        market: The market, with its budgets.
        policy: The policy to judge, as learned under these budgets; it may bid by hour, by row, by day or at random.
        days: The days to simulate, together; held-out days if the verdict is to support a claim.
        control: The policy that the same learner reaches if nobody has a budget; required if budgets could bind.
        independent: The policy of learners that each maximize their own objective, as a further benchmark.
        independent_control: Not used any more.
        start: The policy before learning; everybody's keyword bids if None. A low level that all began with, and have raised
            since, is not evidence that it was set in common.

    Raises:
        ValueError: An argument is of another kind, or a day is none of the market's; or budgets could bind and there is no
            control: pacing and collusion could not be distinguished.
    """
    instance_of("market", market, Market, "a Market (auctionsim.build_market)")
    days = _in_order(days, market.source.days)
    for name, one in (("policy", policy), ("control", control), ("independent", independent), ("start", start)):
        if one is not None or name == "policy":
            with_methods(name, one, ("begin",), "a policy with a method begin(market, day, n_policies)")
    auctions = played(market, policy, days, _worths(market, days))
    has_budgets = _could_bind(market, auctions)
    if has_budgets and control is None:
        raise ValueError("control: expected the policy learned without budgets, as this market's budgets could bind; got none")
    found = _evidence(market, auctions, days, start)
    without = None
    if control is not None and has_budgets:
        free = market.without_budgets()
        without = _evidence(free, played(free, control, days, _worths(free, days)), days, start)
    judged = judge(found, without)
    if not has_budgets:
        judged = _if_punished(judged, market, policy, days[0])
    return _with_context(judged, market, policy, days, independent)


def without_control(market: Market, policy: Policy, days: tuple[int, ...]) -> Verdict:
    """Judge a policy under the market's budgets alone: `not defined` if these could bind and the outcome is not competitive."""
    days = _in_order(days, market.source.days)
    if not np.isfinite(market.budgets).any():
        return verdict(market, policy, days)
    auctions = played(market, policy, days, _worths(market, days))
    judged = judge(_evidence(market, auctions, days))
    can_bind = _could_bind(market, auctions)
    judged = _needing_control(judged) if can_bind else _if_punished(judged, market, policy, days[0])
    return _with_context(judged, market, policy, days, None)


def _in_order(days: Sequence[int], choices: Sequence[int]) -> tuple[int, ...]:
    """Return each of some days once, in order: budgets are spent from auction to auction, a day at a time."""
    if not isinstance(days, list | tuple | range | np.ndarray) or not len(days):
        raise InputError(f"days: expected one or more of {', '.join(map(str, choices))}, got {shown(days)}")
    return tuple(sorted({one_number_of("days", day, choices) for day in days}))


def _bids_of_rows(name: str, given: Any, traffic: Traffic) -> Array:
    """Return the bid of each row of a table, NaN for none."""
    rows = len(traffic.advertiser)
    bids = real_numbers(name, given, f"a number >= 0, or NaN for no bid, for each of the {rows} rows")
    wrong = np.isinf(bids) | (bids < 0)
    if bids.shape != (rows,) or wrong.any():
        got = f"an array of shape {list(bids.shape)}" if bids.shape != (rows,) else shown(float(bids[wrong][0]))
        raise InputError(f"{name}: expected a finite number >= 0, or NaN for no bid, for each of the {rows} rows, got {got}")
    return bids


def _daily_budgets(given: Any, advertisers: int) -> Array:
    """Return the advertisers' daily budgets, infinite for none."""
    limits = real_numbers("budgets", given, f"{advertisers} numbers >= 0, one per advertiser")
    if limits.shape != (advertisers,):
        raise InputError(f"budgets: expected {advertisers} numbers, got shape {list(limits.shape)}")
    if not (limits >= 0).all():
        wrong = float(limits[~(limits >= 0)][0])
        raise InputError(f"budgets: expected numbers >= 0, or infinity for no budget, got {shown(wrong)}")
    return limits


def _could_bind(market: Market, auctions: Auctions) -> bool:
    # Each campaign of an account may spend all of the account's budget, so that none alone says whether that binds.
    return bool(market.accounts) or auctions.could_budgets_bind()


def _evidence(market: Market, auctions: Auctions, days: tuple[int, ...], start: Policy | None = None) -> Evidence:
    """Return the evidence on a policy's auctions, given the policy before learning."""
    first = Constant(market.static("manual")) if start is None else start
    return evidence_on(auctions, played(market, first, days, _worths(market, days)))


def _worths(market: Market, days: tuple[int, ...]) -> list[Array]:
    return [worth_of_clicks(market, day) for day in days]


def judge_bids(
    traffic: Traffic,
    bids: Array,
    rules: Rules,
    days: Sequence[int] | None = None,
    *,
    budgets: Array | None = None,
    control: Array | None = None,
    start: Array | None = None,
    value: Array | None = None,
) -> Verdict:
    """Judge given bids, whoever made them.

    Args:
        traffic: The traffic table.
        bids: Bid of every row of the table, currency per click, `[rows]`; NaN where there is no bid.
        rules: The auction's rules.
        days: Days of the table to look at; all if None.
        budgets: Daily budgets, currency `[advertisers]`; None for none.
        control: Bids of the same bidders if nobody had a budget, `[rows]`. Without it there is no verdict on an outcome under
            budgets that could bind, unless it is competitive.
        start: Bids of the same bidders before they learned, `[rows]`. Without them a low level that all share counts as set in
            common, although they may have begun with it.
        value: Worth of a click of each row to who bids, currency, `[rows]`; its expected GMV if None. A bidder with a target
            return on ad spend pays no more than the GMV over its target, on average.

    Raises:
        ValueError: The bids do not fit the table, or one is negative or infinite.
    """
    instance_of("traffic", traffic, Traffic, "a Traffic table (auctionsim.load_traffic)")
    instance_of("rules", rules, Rules, "Rules (auctionsim.auction.rules)")
    chosen = _in_order(traffic.days if days is None else days, traffic.days)
    bids = _bids_of_rows("bids", bids, traffic)
    control = None if control is None else _bids_of_rows("control", control, traffic)
    start = None if start is None else _bids_of_rows("start", start, traffic)
    limits = None if budgets is None else _daily_budgets(budgets, len(traffic.advertisers))
    worth = None if value is None else [_bids_of_rows("value", value, traffic)] * len(chosen)
    if worth is not None and np.isnan(worth[0]).any():
        raise InputError("value: expected a finite number >= 0 for each row, got nan")
    first = None if start is None else auctions_of(traffic, [start] * len(chosen), rules, chosen, worth=worth)
    auctions = auctions_of(traffic, [bids] * len(chosen), rules, chosen, limits, worth)
    found = evidence_on(auctions, first)
    if not auctions.could_budgets_bind():
        return judge(found)
    if control is None:
        return _needing_control(judge(found))
    return judge(found, evidence_on(auctions_of(traffic, [control] * len(chosen), rules, chosen, worth=worth), first))


def judge_auctions(auctions: Auctions, control: Auctions | None = None, start: Auctions | None = None) -> Verdict:
    """Judge auctions with their bids.

    Args:
        auctions: The auctions.
        control: The same bidders' auctions without budgets; needed where there are budgets.
        start: The same auctions with the bids before anybody learned; None if they are not known.
    """
    return judge(evidence_on(auctions, start), None if control is None else evidence_on(control, start))


def judge(found: Evidence, control: Evidence | None = None) -> Verdict:
    """Return the verdict on evidence, given the control's evidence without budgets if there are budgets."""
    kind, members, reason = _classified(found)
    if control is not None:
        other, other_members, other_reason = _classified(control)
        combined = combine(kind, other)
        if combined != kind:
            reason = f"under budgets {reason}; without budgets {other_reason}"
        members = members if kind == "coordination" else other_members
        kind = combined
    coalition = tuple(found.names[i] for i in members) if kind == "coordination" else ()
    more = {"harm to outsiders": _harm(found, members)} if kind == "coordination" else {}
    return Verdict(kind, coalition, reason, found, control, more)


def combine(found: VerdictKind, control: VerdictKind) -> VerdictKind:
    """Return the verdict under budgets, given that on the control without them.

    Revenue that is missing under budgets is pacing if nothing is amiss without budgets. It is coordination if the same bidders
    coordinate without budgets, since budgets only blur the signs of it.
    """
    if found in ("competitive", "not defined"):
        return found
    if control in ("competitive", "not defined"):
        return "pacing" if control == "competitive" else "not defined"
    return control


def _classified(found: Evidence) -> tuple[VerdictKind, Integers, str]:
    """Return what the evidence of one market says by itself: the kind, the coalition, and the deciding reason."""
    nobody = np.zeros(0, dtype=np.int64)
    if found.undefined:
        return "not defined", nobody, found.undefined
    assert found.giving_way is not None
    assert found.quiet is not None
    if found["giving way"].speaks:
        return "coordination", found.giving_way.members, found["giving way"].reason
    if found["spared segments"].speaks:
        return "coordination", found.quiet.members, found["spared segments"].reason
    missing, gap, gain = (found[name].statistic for name in ("missing revenue", "best-response gap", "profit gain"))
    if missing < MISSING:
        return "competitive", nobody, "revenue is about that of competition"
    if gap < STRICT_GAP or (gap < GAP and missing < EXCUSED):
        return "competitive", nobody, "the bids are about best responses to one another"
    if np.isnan(gain):
        return "not defined", nobody, "a cartel would gain nothing over competition, so profits tell nothing"
    if found["common shading"].speaks and found["common level"].speaks and gain >= PROFIT_GAIN:
        return "coordination", found.low, f"they bid low in common: {found['common shading'].reason}"
    return "unexplained shortfall", nobody, NO_SIGN + (STILL_LEARNING if found.began_so else "")


def _needing_control(judged: Verdict) -> Verdict:
    """Return a verdict under budgets that stands without a control, or says that there is none."""
    if judged.kind in ("competitive", "not defined"):
        return judged
    return Verdict("not defined", (), NO_CONTROL, judged.found)


def _if_punished(judged: Verdict, market: Market, policy: Policy, day: int) -> Verdict:
    """Return a shortfall whose rivals punish a deviation as a coordination of all learners, any other verdict as it is."""
    if judged.kind != "unexplained shortfall" or isinstance(policy, Constant):
        return judged
    if not is_deviation_punished(market, policy, day):
        return judged
    members = tuple(market.advertisers[i] for i in market.learners)
    reason = "rivals punish an advertiser that bids more"
    more = {
        "punishment": Test("punishment", 1.0, 1.0, True, reason),
        "harm to outsiders": _harm(judged.found, market.learners),
    }
    return Verdict("coordination", members, reason, judged.found, judged.control, more)


def _harm(found: Evidence, members: Integers) -> Test:
    """Return the test of harm to those outside a coalition: context, since an outsider may gain from low prices too."""
    harm = found.outsiders_harm(members)
    reason = "not defined here: there are no outsiders" if np.isnan(harm) else f"outsiders lose {harm:.0%} of their profit"
    return Test("harm to outsiders", harm, HARM, bool(harm >= HARM), reason)


def _with_context(
    judged: Verdict, market: Market, policy: Policy, days: tuple[int, ...], independent: Policy | None
) -> Verdict:
    """Return the verdict with the indices against every benchmark, from the market's own replays."""
    totals, cartel = totals_over_days(market, policy, days), cartel_totals(market, days)
    benchmarks, members = competitive_totals(market, days, independent), market.is_controlled
    profit, profits = profits_of(totals), {name: profits_of(competitive) for name, competitive in benchmarks.items()}
    alone = profits.get("independent", next(iter(profits.values())))
    return Verdict(
        judged.kind, judged.coalition, judged.reason, judged.found, judged.control, judged.of_coalition,
        {name: outcome_indices(totals, competitive, cartel, members) for name, competitive in benchmarks.items()},
        indices.harm(float(profit[~members].sum()), float(profits["manual"][~members].sum())),
        indices.individual_rationality(profit[members], alone[members]),
    )  # fmt: skip
