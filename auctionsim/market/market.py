"""Hold a scenario made concrete: its traffic, who bids how, budgets in currency, and the baseline on every day.

A market holds policies, the rules of some advertisers, and a policy begins a day of a market: so both stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from auctionsim import arguments
from auctionsim.auction.bid_formula import STATIC_BIDS
from auctionsim.auction.day import Clearer, run_day
from auctionsim.auction.features import auction_counts, feature_sums, means
from auctionsim.auction.outcome import Outcome
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource, TrafficSource
from auctionsim.errors import InputError, shown
from auctionsim.market.accounts.allotments import Account, Allotter
from auctionsim.market.actor import Actor
from auctionsim.market.agencies.adoption import groups_of
from auctionsim.market.competition import hourly_competition, meeting_share
from auctionsim.market.day import MarketDay
from auctionsim.market.delays.arrivals import Delays
from auctionsim.market.delays.reports import ConversionLog
from auctionsim.market.information.shown import expect_shown
from auctionsim.names.display import cut, html_table, ranges, some
from auctionsim.scenario import AdvertiserGroup, InformationSection, Scenario
from auctionsim.traffic.steps import Steps
from auctionsim.traffic.stored.store import StoredTraffic
from auctionsim.traffic.table import HOURS, Traffic

K = TypeVar("K")
T = TypeVar("T")


class Policy(Protocol):
    """Anything that bids on a day. Its arrays have all advertisers of the market; those of a rule, the ones it was made for."""

    def begin(self, market: Market, day: int, n_policies: int) -> Actor:
        """Begin a day for P policies side by side.

        Args:
            market: The market.
            day: A day of its traffic.
            n_policies: P, how many policies or parallel copies of the day run side by side; a policy that was made for one
                set of bids gives the same to all.
        """


RuleClass = Callable[["Market", NDArray[np.int64]], Policy]
"""A rule's class: `Rule(market, advertisers)` prepares it from what is known before the day; advertisers are indices, `[n]`."""


@dataclass(frozen=True, eq=False)
class Market:
    """Everything a learner, an environment or a study needs to know about one seed of a scenario."""

    scenario: Scenario
    seed: int
    """Seed of the synthetic traffic and of sampled outcomes."""
    source: Traffic | StoredTraffic
    """The traffic: a table in memory, or a stored one that is larger than memory."""
    traffic_source: TrafficSource
    """The same traffic as the auction's kernel takes it."""
    rules: Rules
    groups: tuple[AdvertiserGroup, ...]
    """The group of each advertiser, in the order of `traffic.advertisers`."""
    fixed: NDArray[np.float64]
    """Coefficients over `bid_formula.FEATURES` of the advertisers under a fixed rule, `[advertisers, 4]`; 0 for learners, NaN
    for those whose rule bids hour by hour."""
    learners: NDArray[np.int64]
    """Indices of the controlled advertisers, `[learners]`."""
    budgets: NDArray[np.float64]
    """Daily budget in currency, infinite where there is none, `[advertisers]`."""
    baseline: dict[int, Outcome]
    """Outcome of the baseline policy on each day of the scenario's splits, under the same budgets."""
    mean_features: NDArray[np.float64]
    """Mean bid features of each advertiser over its auctions on training days, `[advertisers, 4]`; 0 where none."""
    accounts: tuple[Account, ...] = ()
    """Accounts whose campaigns share a budget; the budget of a campaign is then the most that it may spend."""
    rule_policies: tuple[tuple[NDArray[np.int64], Policy], ...] = ()
    """Indices of advertisers, `[n]`, and the policy that bids for them hour by hour."""
    delays: Delays | None = None
    """Delays of the reports of conversions; None where they are reported at once."""
    _by_day: dict[tuple[str, int], NDArray[np.float64]] = field(default_factory=dict, repr=False)
    """Cache of arrays by name and day; they depend on the traffic alone, so that markets on the same traffic share it."""
    _made: dict[tuple[str, float], Any] = field(default_factory=dict, init=False, repr=False)
    """Things that `once` made; a market that is made of this one begins without them."""
    _builder: Callable[[], Market] | None = field(default=None, init=False, repr=False)
    """Function that returns this market again; None where nobody set it, as for every market that is made of another one."""

    @property
    def builder(self) -> Callable[[], Market] | None:
        """Return the function that returns this market again, in another process too; None where there is none."""
        return self._builder

    def set_builder(self, builder: Callable[[], Market]) -> None:
        """Have the market pickled as the function that builds it: a few kilobytes in place of all its traffic.

        Args:
            builder: Function of no arguments that can be pickled and returns a market equal to this one to the bit.
        """
        object.__setattr__(self, "_builder", builder)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle what builds the market, where that is known; else the market, whose arrays stay read-only."""
        return super().__reduce_ex__(protocol) if self._builder is None else (self._builder, ())

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what `once` made: another process makes it again."""
        return {**self.__dict__, "_made": {}}

    def __deepcopy__(self, memo: dict[int, Any]) -> Market:
        """Return the market itself, which never changes: copies of an environment share it as environments do."""
        return self

    def __repr__(self) -> str:
        name, count = shown(self.scenario.name), len(self.advertisers)
        days = f"train days {ranges(self.scenario.traffic.train_days)}, test days {ranges(self.scenario.traffic.test_days)}"
        return cut(f"Market({name}, seed {self.seed}: {count} advertisers, {len(self.learners)} of them learn; {days})")

    def _repr_html_(self) -> str:
        """Return the market's figures for a notebook."""
        rules, limited = self.rules, np.isfinite(self.budgets)
        learners = [self.advertisers[i] for i in self.learners]
        parts = {
            "seed": str(self.seed),
            "advertisers": f"{len(self.advertisers)}: {some(self.advertisers)}",
            "learners": f"{len(learners)}: {some(learners)}" if learners else "none",
            "auction": f"{rules.pricing}, {len(rules.slot_effect)} slot(s), reserve {rules.reserve:g}",
            "outcomes": rules.outcomes,
            "budgets": f"{limited.sum()} advertisers, {self.budgets[limited].sum():.6g} a day in all"
            if any(limited)
            else "none",
            "training days": ranges(self.scenario.traffic.train_days),
            "test days": ranges(self.scenario.traffic.test_days),
            "baseline's revenue a day": float(np.mean([outcome.cost.sum() for outcome in self.baseline.values()])),
        }
        return html_table(f"Market of {self.scenario.name}", parts)

    @property
    def advertisers(self) -> tuple[str, ...]:
        """Return the names of the advertisers, in the order of every advertiser axis."""
        return self.source.advertisers

    @property
    def information(self) -> InformationSection | None:
        """Return what bidders know of the market; None for no limits."""
        return self.scenario.information

    @property
    def traffic(self) -> Traffic:
        """Return the traffic table, which everything needs that looks at single auctions.

        Raises:
            InputError: The traffic is larger than memory.
        """
        if not isinstance(self.source, Traffic):
            raise InputError(
                f"{self.scenario.source}: traffic.source: expected a table here, which looks at single auctions, got the "
                f"stored traffic {self.source.folder} (learn with macg-es, openai-es or cma-es and learner.policy = 'formula')"
            )
        return self.source

    @property
    def _table(self) -> TableSource:
        assert isinstance(self.traffic, Traffic)
        assert isinstance(self.traffic_source, TableSource)
        return self.traffic_source

    @property
    def phi(self) -> NDArray[np.float64]:
        """Return the bid features of every row, `[rows, 4]`."""
        return self._table.phi

    @property
    def quality(self) -> NDArray[np.float64]:
        """Return the factor from a bid to its rank score, pctr^squash, `[rows]`."""
        return self._table.quality

    @property
    def is_ranked(self) -> NDArray[np.bool_]:
        """Return whether the pre-ranker keeps each row's candidate, `[rows]`; True everywhere without a pre-ranker."""
        return self._table.is_ranked

    @property
    def is_controlled(self) -> NDArray[np.bool_]:
        """Return the mask of the advertisers that a learner controls, `[advertisers]`."""
        mask = np.zeros(len(self.advertisers), dtype=bool)
        mask[self.learners] = True
        return mask

    @property
    def is_ruled(self) -> NDArray[np.bool_]:
        """Return the mask of the advertisers that a rule bids for hour by hour, `[advertisers]`."""
        is_left: NDArray[np.bool_] = np.logical_or.reduce(np.isnan(self.fixed), axis=1)
        return is_left

    @property
    def learners_meet(self) -> bool:
        """Return whether any auction has more than one controlled advertiser."""
        is_learner = self.is_controlled[self.traffic.advertiser]
        return bool((np.add.reduceat(is_learner, self.traffic.cell_start[:-1], dtype=np.int64) > 1).any())

    def hourly_features(self, day: int, source: TrafficSource | None = None) -> NDArray[np.float64]:
        """Return the mean bid features of each advertiser's auctions in each hour of a day.

        Args:
            day: A day of the traffic.
            source: The same traffic with other bid features; the market's where None.

        Returns:
            Means over `bid_formula.FEATURES`, `[24, advertisers, 4]`; 0 where an advertiser has no auction.
        """
        return means(*feature_sums(source or self.traffic_source, (day,)))

    def hourly_auctions(self, day: int) -> NDArray[np.float64]:
        """Return the number of auctions in which each advertiser is a candidate, in each hour of a day, `[24, advertisers]`."""
        return self._cached("auctions", day, lambda: auction_counts(self.traffic_source, (day,)))

    def auctions_by_hour(self, day: int) -> NDArray[np.float64]:
        """Return the number of auctions in each hour of a day, `[24]`."""
        return np.array([self.traffic_source.auctions(day, hour) for hour in range(HOURS)], dtype=np.float64)

    @cached_property
    def baseline_prices(self) -> NDArray[np.float64]:
        """Return what each advertiser pays per click under the baseline on training days, `[advertisers]`; 0 without clicks."""
        days = [self.baseline[day] for day in self.scenario.traffic.train_days]
        cost, clicks = (sum(getattr(day, name)[:, :, 0].sum(axis=0) for day in days) for name in ("cost", "clicks"))
        return np.divide(cost, clicks, out=np.zeros_like(cost), where=clicks > 0)

    def competition(self, day: int) -> NDArray[np.float64]:
        """Return how strong the competition is by the keyword bids, in each hour of a day, `[24, advertisers]`, in [-1, 1]."""
        return self._cached("competition", day, lambda: hourly_competition(self.traffic, self.quality, day))

    def meeting_share(self, day: int) -> float:
        """Return the share of an advertiser's auctions of a day in which another one is a candidate too, on average."""
        return float(self._cached("meetings", day, lambda: np.array([meeting_share(self.traffic_source, day)]))[0])

    def _cached(self, name: str, day: int, compute: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
        return _made_once(self._by_day, (name, day), compute)

    def once(self, name: str, number: float, make: Callable[[], T]) -> T:
        """Return what follows from this very market, its goals included, and from a number, and is made once.

        Args:
            name: The name of the thing.
            number: The number that it depends on beside the market: a day, a margin.
            make: Function that makes it.
        """
        return _made_once(self._made, (name, number), make)

    def day(
        self,
        day: int,
        policies: int = 1,
        *,
        noise_seeds: Sequence[int] | None = None,
        local_credit: bool = False,
        source: TrafficSource | None = None,
        budgets: NDArray[np.float64] | None = None,
        steps: Steps | None = None,
        carried: ConversionLog | None = None,
        device: str = "cpu",
        threads: int = 1,
    ) -> MarketDay:
        """Begin a day under this market's rules; its coefficients are over `bid_formula.FEATURES`.

        Args:
            day: A day of the traffic.
            policies: P, how many policies, or parallel copies of the day, are replayed side by side.
            noise_seeds: Seed of each policy's sampled outcomes and throttled auctions, `[P]`; the market's own for all where
                None.
            local_credit: Whether to sum, for each advertiser, profit and cost of the auctions that it is a candidate in.
            source: Traffic with other bid features than the market's; the market's where None.
            budgets: Daily budgets, currency `[advertisers]`, infinite for none; the market's where None.
            steps: Steps in which the day is replayed; hours where None.
            carried: Reports of the days before (`MarketDay.reported`), whose conversions may still arrive; none where None.
            device: Device that clears the hours, `cpu`, `cuda` or `cuda:N`; it never changes a result.
            threads: Number of threads that share the auctions of an hour; it never changes a result.

        Raises:
            InputError: There are `budgets`, and the market's campaigns share those of accounts; or conversions are delayed,
                and steps or local credit are asked for; or there is no such device, or `source` is another than the market's.
        """
        if budgets is not None:
            self.expect_no_accounts("budgets that are set anew")
        return MarketDay(
            self,
            day,
            device=device,
            source=source or self.traffic_source,
            policies=policies,
            budgets=self.budgets if budgets is None else budgets,
            seed=self.seed if noise_seeds is None else noise_seeds,
            local_credit=local_credit,
            steps=steps,
            carried=carried,
            threads=threads,
        )

    def clearer(self, device: str, policies: int, source: TrafficSource, *, local_credit: bool) -> Clearer | None:
        """Return what clears hours on a GPU, of the market's own traffic; None on the processor.

        Args:
            device: Name of the device, `cpu`, `cuda` or `cuda:N`.
            policies: P, the number of policies.
            source: The traffic in the form that is read.
            local_credit: Whether days have local credit.

        Raises:
            InputError: There is no such device, or `source` is another than the market's.
        """
        if device == "cpu":
            return None
        if source is not self.traffic_source:
            raise InputError(f"device: expected 'cpu' with bid features of a policy's own, got {shown(device)}")
        # numba is slow to import, and few need it for this.
        from auctionsim.auction.cuda.clearer import clearer_on_device

        shape = len(self.advertisers), policies
        return clearer_on_device(device, self.source, self.traffic_source, self.rules, shape, local_credit=local_credit)

    def outcome(self, day: int, coefficients: NDArray[np.float64]) -> Outcome:
        """Replay a day with coefficients that hold all day.

        Args:
            day: A day of the traffic.
            coefficients: Coefficients over `bid_formula.FEATURES`, `[advertisers, 4, P]`, >= 0; NaN where a rule bids.

        Raises:
            InputError: The traffic has no such day, or the coefficients are of another shape.
        """
        theta = arguments.real_numbers("coefficients", coefficients, "numbers [advertisers, 4, P]")
        if theta.ndim != 3:
            raise InputError(f"coefficients: expected [advertisers, 4, P], got shape {list(theta.shape)}")
        return run_day(self.day(day, theta.shape[-1]), lambda _: theta)

    def with_goals(self, scenario: Scenario) -> Market:
        """Return the same market for a scenario that differs in goals and learner only: weights, floors and caps."""
        return replace(self, scenario=scenario, groups=groups_of(scenario, self.seed))

    def under(self, rule: str | RuleClass, who: NDArray[np.int64]) -> Market:
        """Return the same market where some advertisers follow a rule and are no learners any more.

        Args:
            rule: `manual` or `truthful`, or the class of a rule that bids hour by hour.
            who: Indices of the advertisers that follow the rule, `[n]`.

        Raises:
            InputError: There is no such rule, or it needs to know more than `[information]` shows.
        """
        if isinstance(rule, str):
            arguments.one_of("rule", rule, STATIC_BIDS)
        expect_shown(self.scenario, rule, f"controller {shown(getattr(rule, 'name', getattr(rule, '__name__', rule)))}")
        fixed = self.fixed.copy()
        fixed[who] = STATIC_BIDS[rule] if isinstance(rule, str) else np.nan
        changed = replace(self, fixed=fixed, learners=np.setdiff1d(self.learners, who))
        if isinstance(rule, str):
            return changed
        return replace(changed, rule_policies=(*self.rule_policies, (who, rule(self, who))))

    def in_expectation(self) -> Market:
        """Return the same market with outcomes in expectation; budgets and the baseline stay."""
        return replace(self, rules=replace(self.rules, outcomes="expected"))

    def with_rates(self, ctr: NDArray[np.float64], cvr: NDArray[np.float64]) -> Market:
        """Return the same market with other true rates of every row.

        Predicted rates stay, and with them bids and ranks.

        Args:
            ctr: True click-through rates, in [0, 1], `[rows]`.
            cvr: True conversion rates, in [0, 1], `[rows]`.
        """
        traffic = replace(self.traffic, ctr=ctr, cvr=cvr)
        return replace(self, source=traffic, traffic_source=TableSource(traffic, self.rules))

    def with_realized_rates(self) -> Market:
        """Return the same market with its `sampled` outcomes written into the rates as realized rates: faster to replay.

        For example, a row that stands for 10 auctions, of which 3 were drawn to end in a click, gets the ctr 0.3. All policies
        then meet the same draws (common random numbers). Replays equal those of this market where no budget runs out within a
        cell. Where outcomes are expected, this is the market itself.

        Raises:
            InputError: There are several slots, so that the draws depend on the slot that is won.
        """
        return self if self.rules.outcomes == "expected" else self._realized

    @cached_property
    def _realized(self) -> Market:
        if len(self.rules.slot_effect) > 1:
            raise InputError(
                f"{self.scenario.source}: mechanism.slot_effect: expected one slot for this learner with sampled outcomes, "
                f"got {len(self.rules.slot_effect)}"
            )
        from auctionsim.auction.realized_rates import realized_rates

        return self.in_expectation().with_rates(*realized_rates(self.traffic, self.seed))

    def without_budgets(self) -> Market:
        """Return the same market where nobody has a budget."""
        return replace(self, budgets=np.full(len(self.advertisers), np.inf), accounts=())

    @cached_property
    def first_budgets(self) -> NDArray[np.float64]:
        """Return what each advertiser may spend in the first hour of a day, currency `[advertisers]`, infinite for no limit.

        It is the budget, but for campaigns of an account, whose money is divided hour by hour.
        """
        nothing, limits = np.zeros((len(self.advertisers), 1)), self.budgets[:, None]
        return Allotter(self.accounts, limits).budgets(0, nothing, nothing)[:, 0] if self.accounts else self.budgets

    def expect_no_accounts(self, use: str) -> None:
        """Check that no campaigns of an account and no members of an agency share a budget, where that is not supported.

        Args:
            use: The use that does not support it, for the message.

        Raises:
            InputError: Some do.
        """
        if self.scenario.accounts and self.accounts:
            raise InputError(f"{self.scenario.source}: accounts: expected none with {use}, got {shown(self.accounts[0].name)}")
        for k, one in enumerate(self.scenario.agencies if self.accounts else ()):
            if one.budget is not None:
                raise InputError(f"{self.scenario.source}: agencies[{k}].budget: expected none with {use}, got {one.budget}")

    def expect_no_delays(self, use: str) -> None:
        """Check that conversions are reported at once, where delays are not supported.

        Args:
            use: The use that does not support them, for the message.

        Raises:
            InputError: They are late.
        """
        if self.delays is not None:
            raise InputError(f"{self.scenario.source}: delays: expected none with {use}, got some")

    def expect_no_late_reports(self, use: str) -> None:
        """Check that bidders' reports are not late, where `information.delay` is not supported.

        Args:
            use: The use that does not support it, for the message.

        Raises:
            InputError: They are late.
        """
        if self.information is not None and self.information.delay > 0:
            raise InputError(f"{self.scenario.source}: information.delay: expected 0 with {use}, got {self.information.delay}")

    def static(self, controller: str) -> NDArray[np.float64]:
        """Return the coefficients `[advertisers, 4, 1]` by which everybody follows one fixed rule.

        Args:
            controller: Name of the rule, `manual` or `truthful`.

        Raises:
            InputError: There is no such rule.
        """
        rule = arguments.one_of("controller", controller, STATIC_BIDS)
        return np.tile(np.array(STATIC_BIDS[rule])[None, :, None], (len(self.advertisers), 1, 1))


def _made_once(made: dict[K, Any], key: K, make: Callable[[], T]) -> T:
    """Return what stands under a key; it is made where there is nothing."""
    if key not in made:
        made[key] = make()
    found: T = made[key]
    return found
