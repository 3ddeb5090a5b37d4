"""A day of a market, step by step: the auction's replay, with the rules that bid hour by hour asked before every step."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.budgets import exhausted_threshold
from auctionsim.auction.day import Clearer, DayReplay
from auctionsim.auction.outcome import COST, OUTCOMES
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TrafficSource
from auctionsim.errors import InputError
from auctionsim.market.accounts.allotments import Account, Allotter
from auctionsim.market.actions import action_arrays, check_bids
from auctionsim.market.actor import Actor, DayState
from auctionsim.market.delays.arrivals import Delays
from auctionsim.market.delays.reports import ConversionLog
from auctionsim.market.information.prices import HourPrices
from auctionsim.market.information.shown import without_rivals
from auctionsim.scenario import InformationSection

Array = NDArray[np.float64]


class HasRules(Protocol):
    """What a day needs to know of its market."""

    @property
    def rules(self) -> Rules:
        """Return the rules of the auction."""

    @property
    def traffic_source(self) -> TrafficSource:
        """Return the traffic."""

    @property
    def rule_policies(self) -> Sequence[tuple[NDArray[np.int64], Any]]:
        """Return the policies that bid for some advertisers, each with their indices `[n]`."""

    @property
    def accounts(self) -> Sequence[Account]:
        """Return the accounts whose campaigns share a budget."""

    @property
    def advertisers(self) -> tuple[str, ...]:
        """Return the names of all advertisers."""

    @property
    def delays(self) -> Delays | None:
        """Return the delays of conversions; None where they are reported at once."""

    @property
    def seed(self) -> int:
        """Return the seed of what is drawn."""

    @property
    def information(self) -> InformationSection | None:
        """Return what bidders know; None for no limits."""

    @property
    def is_controlled(self) -> NDArray[np.bool_]:
        """Return the mask of the advertisers that a learner controls."""

    def clearer(self, device: str, policies: int, source: TrafficSource, *, local_credit: bool) -> Clearer | None:
        """Return what clears hours on a device; None on the processor."""


class MarketDay(DayReplay):
    """A day of a market, replayed step by step.

    Args:
        market: The market, whose auction rules, seed and rule policies hold.
        day: A day of its traffic.
        carried: Conversions of the days before that may still arrive, with `[delays]`; none where None.
        source: The traffic.
        policies: P, how many policies are replayed side by side.
        local_credit: Whether to sum local credit.
        device: Device that clears the hours, `cpu`, `cuda` or `cuda:N`; it never changes a result.
        arguments: Further arguments, as `DayReplay` takes them.

    Raises:
        InputError: `steps` are given and the market has rules, which bid by the hour, or reports that are late by hours.
        InputError: Conversions are delayed, and steps or local credit are asked for.
    """

    def __init__(
        self,
        market: HasRules,
        day: int,
        *,
        carried: ConversionLog | None = None,
        source: TrafficSource,
        policies: int = 1,
        local_credit: bool = False,
        device: str = "cpu",
        **arguments: Any,
    ) -> None:
        if arguments.get("steps") is not None and market.rule_policies:
            raise InputError("steps: expected hours where rules bid, got others")
        if market.delays is not None:
            for name, is_asked in {"steps": arguments.get("steps"), "local_credit": local_credit}.items():
                if is_asked:
                    raise InputError(f"delays: expected hours without local credit, which reports are by, got {name}")
        self._information = information = market.information
        if arguments.get("steps") is not None and information is not None and information.delay > 0:
            raise InputError("steps: expected hours with information.delay, got others")
        super().__init__(
            source, day, market.rules, policies=policies, local_credit=local_credit,
            clearer=market.clearer(device, policies, source, local_credit=local_credit), **arguments,
        )  # fmt: skip
        self._market, self._device = market, device
        self._actors: list[Actor] = []
        self.participation: Array | None = None
        """Shares of auctions entered in the last step, those of rules included, `[advertisers, P]`; None for all."""
        self._shown: list[DayState] | None = None
        """States that rules were shown before each step so far; None where nobody asked to keep them."""
        self._allotter = Allotter(market.accounts, self._budgets) if market.accounts else None
        self.reported: ConversionLog | None = None
        """Reports on the day's conversions; None where all is reported at once."""
        if market.delays is not None:
            seeds = self._seeds if market.rules.outcomes == "sampled" else None
            self.reported = ConversionLog(market.delays, day, self.hour, self.budget_left.shape, seeds, carried)
        self._allot()
        self._reports: deque[DayState] = deque(maxlen=1 if information is None else information.delay + 1)
        """States at the end of the last steps, without delay; the first of them was reported last."""
        self._report(None)

    def keep_shown(self) -> None:
        """Keep what rules are shown, so that the day can be copied and pickled while rules are in the middle of it.

        What a rule remembers of the day may be out of reach, as in a function's own variables. So it is begun again in a copy
        and shown the same states.
        """
        self._shown = []

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what the market has, what rules remember where it can be made again, and what is on a device."""
        state = super().__getstate__() | {"_clearer": None}
        state["source"] = None if self.source is self._market.traffic_source else self.source
        return state if self._shown is None else {**state, "_actors": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copied or pickled day."""
        source = state["_market"].traffic_source if state["source"] is None else state["source"]
        super().__setstate__({**state, "source": source})
        policies, has_credit = self.coefficients.shape[2], len(self.local_credit) > 0
        self._clearer = self._market.clearer(self._device, policies, source, local_credit=has_credit)
        if self._shown:
            self._begin_rules()
            for shown in self._shown:
                for (who, _), actor in zip(self._market.rule_policies, self._actors, strict=True):
                    actor.act(shown.of(who))

    def _begin_rules(self) -> None:
        n_policies = self.coefficients.shape[2]
        self._actors = [rule.begin(self._market, self.day, n_policies) for _, rule in self._market.rule_policies]

    @property
    def state(self) -> DayState:
        """Return what a policy may look at before the next step; it stays as it is when the day goes on."""
        return without_rivals(self._reported, self._information, self._market.is_controlled)

    @property
    def _reported(self) -> DayState:
        """Return what was reported of everybody before the next step; each may know its own rows."""
        if self._information is None:
            return self._now(None)
        last = self._reports[0]
        return replace(last, hour=self.hour, steps_done=self.steps_done, delay=self._information.delay)

    def _now(self, prices: HourPrices | None) -> DayState:
        """Return the state as it is, but for conversions that are late."""
        arrays = self.budget_left.copy(), self.observed_step, self._observed
        for array in arrays:
            # A policy that wrote to them would change the day's accounts.
            array.flags.writeable = False
        reports = self.reported.reports if self.reported is not None and self.steps_done else None
        return DayState(self.day, self.hour, self.steps_done, *arrays, prices=prices, reports=reports)

    def _report(self, prices: HourPrices | None) -> None:
        """Report the step that has ended, where bidders know less than everything."""
        if self._information is not None:
            self._reports.append(self._now(prices))

    @property
    def observed_step(self) -> Array:
        """Return what was reported in the last step, `[advertisers, 5, P]`: `last_step` but for conversions that are late."""
        return self.last_step[:, : len(OUTCOMES)] if self.reported is None else self.reported.last

    @property
    def _observed(self) -> Array:
        return self.cumulative[:, : len(OUTCOMES)] if self.reported is None else self.reported.cumulative

    @property
    def rewarded_step(self) -> Array:
        """Return what learners are paid by for the last step, `[advertisers, 5, P]`: `last_step`, or `delays.rewards` of it."""
        return self.last_step[:, : len(OUTCOMES)] if self.reported is None else self.reported.rewarded

    @property
    def rewarded(self) -> Array:
        """Return the same for the day so far, `[advertisers, 5, P]`."""
        return self.cumulative[:, : len(OUTCOMES)] if self.reported is None else self.reported.rewarded_so_far

    def _prices(self, theta: Array) -> HourPrices | None:
        """Return the prices of the step that begins, to be reported at its end; None where none are shown."""
        if self._information is None or not self._information.shows("winning-price"):
            return None
        is_in_play = self.budget_left > exhausted_threshold(self._budgets)
        source = None if self.source is self._market.traffic_source else self.source
        return HourPrices(self._market, self.day, self.hour, np.array(theta), is_in_play, source)

    def step(self, coefficients: Array, participation: Array | None = None) -> Array:
        """Replay the next step.

        Args:
            coefficients: Coefficients over `bid_formula.FEATURES`, `[advertisers, 4, P]`, >= 0; NaN leaves an advertiser to its
                rule.
            participation: Share of its auctions that each advertiser enters, by chance, in [0, 1], `[advertisers, P]`;
                None for all.

        Returns:
            Impressions, clicks, conversions, GMV and cost of the step, `[advertisers, 5, P]`.
        """
        theta, self.participation = self._with_rules(coefficients, participation)
        prices = self._prices(theta)
        totals = super().step(theta, self.participation)
        if self.reported is not None:
            self.reported.add(totals[:, : len(OUTCOMES)])
        self._allot()
        self._report(prices)
        return totals

    def _allot(self) -> None:
        """Divide the money of accounts among their campaigns for the hour that begins."""
        if self._allotter is not None and not self.is_over and self._allotter.is_due(self.hour):
            cost, last = self.cumulative[:, COST], self.last_step[:, COST]
            self.change_budgets(self._allotter.budgets(self.hour, cost, last))

    def _with_rules(self, coefficients: Array, share: Array | None) -> tuple[Array, Array | None]:
        """Return the coefficients with the rules' bids in place of NaN, and the shares of auctions that are entered."""
        rules = self._market.rule_policies
        n, n_features, n_policies = self.coefficients.shape
        # Another shape is refused by `DayReplay.step`.
        if not rules or coefficients.shape not in ((n, n_features, n_policies), (n, n_features, 1)):
            return coefficients, share
        if not any(np.isnan(coefficients[who]).any() for who, _ in rules):
            return coefficients, share
        if not self._actors:
            self._begin_rules()
        theta = np.array(np.broadcast_to(coefficients, (n, n_features, n_policies)))
        is_left: NDArray[np.bool_] = np.logical_or.reduce(np.isnan(theta), axis=1)
        entered = np.ones((n, n_policies)) if share is None else share.copy()
        state = self._reported
        if self._shown is not None:
            self._shown.append(state)
        for (who, rule), actor in zip(rules, self._actors, strict=True):
            own_bids, own_share = self._rule_action(actor.act(state.of(who)), who, type(rule).__name__)
            # Only those that were left to it: somebody else may bid for the others of its advertisers.
            theta[who] = np.where(is_left[who, None], own_bids, theta[who])
            entered[who] = np.where(is_left[who], own_share, entered[who])
        return theta, None if share is None and (entered == 1.0).all() else entered

    def _rule_action(self, action: Any, who: NDArray[np.int64], name: str) -> tuple[Array, Array | float]:
        """Return a rule's coefficients `[n, 4, P]` and its shares, 1 where it named none, after checking them."""
        _, n_features, n_policies = self.coefficients.shape
        theta, share = action_arrays(action, (len(who), n_features, n_policies), name)
        check_bids(theta, share, name, [self._market.advertisers[i] for i in who])
        return theta, 1.0 if share is None else share
