"""Replay days of two markets on the same traffic: control and treatment, mixed as an experiment mixes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.arms.clear import Visits
from auctionsim.auction.arms.replay import ArmBids, ArmsReplay, day_visits
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV
from auctionsim.auction.sources import TableSource
from auctionsim.errors import InputError
from auctionsim.market.actions import action_arrays, check_bids
from auctionsim.market.actor import DayState
from auctionsim.market.information.shown import expect_no_prices
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]
METRICS = ("revenue", "clicks", "conversions", "welfare", "profit")
"""Metrics that an experiment estimates, a day: welfare is the value of all conversions, profit is it minus what all pay."""
MOST_VISITS = 200_000
"""Blocks of auctions that a day is taken apart into at most, but for one for each bucket."""
CONTROL, TREATMENT = 0, 1


@dataclass(frozen=True, eq=False)
class Mix:
    """Who and what belongs to which arm on one day."""

    arm: NDArray[np.int64]
    """Arm of each block of auctions, `[visits]`."""
    unit: NDArray[np.int64]
    """Unit of each block of auctions, `[visits]`."""
    pots: tuple[Array, ...]
    """Budgets of both arms together, or of each, currency `[advertisers]`."""
    treated: NDArray[np.bool_] | None = None
    """Mask of the advertisers that bid as in treatment, in all auctions; None where an auction's arm decides."""

    __repr__ = short_repr


class Arms:
    """Two markets on the same traffic: A, or control, and B, or treatment.

    Learners bid as the scenario's baseline does, everybody else by its rule.

    Args:
        control: The market as it is.
        treatment: The market with the change; None for A/A tests, in which both arms are the same.

    Raises:
        InputError: The markets differ in traffic, or in whether outcomes are sampled; traffic is larger than memory; or
            advertisers share a budget; or conversions or reports are late, or a rule asks for prices.
    """

    def __init__(self, control: Market, treatment: Market | None = None) -> None:
        self.markets = (control, control if treatment is None else treatment)
        for market in self.markets:
            market.expect_no_accounts("experiments")
            market.expect_no_delays("experiments")
            market.expect_no_late_reports("experiments")
            for _, rule in market.rule_policies:
                expect_no_prices(market.scenario, rule, "experiments")
        a, b = (market.traffic for market in self.markets)
        columns = ("day", "hour", "weight", "cell_start", "advertiser", "pctr", "ctr", "cvr", "item_price", "market_ecpm")
        if a is not b and not all(np.array_equal(getattr(a, name), getattr(b, name)) for name in columns):
            raise InputError("change: expected a change of mechanism, budgets or bidding, got other traffic in the two arms")
        outcomes = [market.rules.outcomes for market in self.markets]
        if outcomes[0] != outcomes[1]:
            raise InputError(f"change: mechanism.outcomes: expected {outcomes[0]!r} in both arms, got {outcomes[1]!r}")
        self._blocks: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    @property
    def n_advertisers(self) -> int:
        """Return the number of advertisers."""
        return len(self.markets[0].advertisers)

    def budgets(self, arm: int) -> Array:
        """Return the daily budgets in an arm, currency `[advertisers]`, infinite where there is none."""
        return self.markets[arm].budgets

    @cached_property
    def has_same_rules(self) -> bool:
        """Return whether both arms have the same mechanism, so that advertisers of both can meet in one auction."""
        return self.markets[0].rules == self.markets[1].rules

    @cached_property
    def has_same_budgets(self) -> bool:
        """Return whether both arms have the same budgets."""
        return bool(np.array_equal(self.budgets(CONTROL), self.budgets(TREATMENT)))

    def auctions(self, day: int) -> int:
        """Count the auctions of a day."""
        return self.markets[0].traffic.auctions_on(day)

    def blocks(self, day: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return bucket and weight of the blocks of auctions that are assigned together, `[visits]` each.

        A block is one auction, unless a day has more than `MOST_VISITS`; then it is several identical ones.
        """
        if day not in self._blocks:
            traffic = self.markets[0].traffic
            cells = traffic.cell_slice(day)
            size = -(-self.auctions(day) // MOST_VISITS)
            self._blocks[day] = day_visits(traffic.weight[cells], cells.start, max(size, 1))
        return self._blocks[day]

    def hours(self, day: int) -> NDArray[np.int64]:
        """Return the hour of each block of a day, `[visits]`."""
        return self.markets[0].traffic.hour[self.blocks(day)[0]]

    def everywhere(self, arm: int, day: int) -> Array:
        """Return the metrics of a day on which everybody is in one arm, `[5]`."""
        n = len(self.blocks(day)[0])
        whole = Mix(np.full(n, arm), np.zeros(n, dtype=np.int64), (self.budgets(arm),))
        return metrics(self.replay(day, whole, 1).by_unit)[0]

    def replay(self, day: int, mix: Mix, n_units: int) -> ArmsReplay:
        """Replay a day of an experiment.

        Args:
            day: A day of the traffic.
            mix: Arm and unit of each block, and budgets.
            n_units: Number of units.
        """
        sources = tuple(market.traffic_source for market in self.markets)
        assert isinstance(sources[0], TableSource)
        assert isinstance(sources[1], TableSource)
        visits = Visits(*self.blocks(day), mix.arm, mix.unit)
        rules = (self.markets[0].rules, self.markets[1].rules)
        replay = ArmsReplay((sources[0], sources[1]), day, rules, visits, mix.pots, n_units, self.markets[0].seed)
        bidders = [_Bidders(market, day) for market in self.markets]
        while not replay.is_over:
            # A rule plans with the whole day's budget and auctions, so it is shown its part as large as the whole.
            accounts = [[len(mix.pots) * one for one in replay.account(arm)] for arm in (CONTROL, TREATMENT)]
            states = [DayState(day, replay.hour, replay.hour, left, last, cumulative) for left, last, cumulative in accounts]
            bids = [bidder.bids(state) for bidder, state in zip(bidders, states, strict=True)]
            if mix.treated is not None:
                bids = [_mixed(bids, mix.treated)] * 2
            replay.step((bids[0], bids[1]))
        return replay


class _Bidders:
    """All advertisers of a market on one day."""

    def __init__(self, market: Market, day: int) -> None:
        self._market = market
        static = market.static(market.scenario.platform.baseline)
        self._theta = market.fixed[:, :, None].copy()
        self._theta[market.learners] = static[market.learners]
        self._rules = [(who, type(rule).__name__, rule.begin(market, day, 1)) for who, rule in market.rule_policies]

    def bids(self, state: DayState) -> ArmBids:
        """Return the bids of the coming hour."""
        theta, entered = self._theta, np.ones((len(self._theta), 1))
        if self._rules:
            theta = theta.copy()
        for who, name, actor in self._rules:
            own, share = action_arrays(actor.act(state.of(who)), (len(who), theta.shape[1], 1), name)
            check_bids(own, share, name, [self._market.advertisers[i] for i in who])
            theta[who] = own
            if share is not None:
                entered[who] = share
        return ArmBids(theta, None if (entered == 1.0).all() else entered)


def _mixed(bids: list[ArmBids], treated: NDArray[np.bool_]) -> ArmBids:
    """Return the bids of treated advertisers from treatment, and of the others from control."""
    theta = np.where(treated[:, None, None], bids[TREATMENT].coefficients, bids[CONTROL].coefficients)
    if all(own.share is None for own in bids):
        return ArmBids(theta)
    control, treatment = (np.ones((len(treated), 1)) if own.share is None else own.share for own in bids)
    return ArmBids(theta, np.where(treated[:, None], treatment, control))


def metrics(outcomes: Array) -> Array:
    """Return `METRICS` from sums of outcomes, `[..., 5]` each."""
    columns = [outcomes[..., one] for one in (COST, CLICKS, CONVERSIONS, GMV)]
    return np.stack([*columns, columns[3] - columns[0]], axis=-1)
