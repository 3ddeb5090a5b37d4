"""A scenario made concrete: its traffic, who bids how, budgets in currency, and the reference on every day."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError
from auctionsim.market.bids import FEATURES, STATIC_BIDS
from auctionsim.market.competition import hourly_competition
from auctionsim.market.controllers import Controller, find_controller
from auctionsim.market.day_replay import DayReplay, run_day
from auctionsim.market.features import feature_sums, means
from auctionsim.market.feed import Feed, TableFeed
from auctionsim.market.fixed_draws import drawn_rates
from auctionsim.market.outcome import Outcome
from auctionsim.market.profile import load_profile
from auctionsim.market.rules import Rules
from auctionsim.market.steps import Steps
from auctionsim.market.stored import StoredTraffic, is_stored, open_traffic
from auctionsim.market.synthetic import make_traffic
from auctionsim.market.traffic import Traffic
from auctionsim.market.traffic_file import load_traffic
from auctionsim.scenario import AdvertiserGroup, Scenario, reference_share


@dataclass(frozen=True, eq=False)
class Market:
    """Everything a learner, an environment or a study needs to know about one seed of a scenario."""

    scenario: Scenario
    seed: int
    source: Traffic | StoredTraffic
    """The traffic: a table in memory, or one that is larger."""
    feed: Feed
    """The same as the engine takes it."""
    rules: Rules
    groups: tuple[AdvertiserGroup, ...]
    """The group of each advertiser, in the order of `traffic.advertisers`."""
    fixed: NDArray[np.float64]
    """Coefficients over `FEATURES` of the advertisers under a fixed rule, `[advertisers, features]`; learners' are 0, and NaN
    stands for those whose controller bids hour by hour."""
    learners: NDArray[np.int64]
    """Indices of the controlled advertisers."""
    budgets: NDArray[np.float64]
    """Daily budget in currency, infinite where there is none, `[advertisers]`."""
    reference: dict[int, Outcome]
    """The reference policy's outcome on each training and test day, under the same budgets."""
    mean_features: NDArray[np.float64]
    """Mean bid features of each advertiser over its auctions on training days, `[advertisers, 4]`; 0 where none."""
    controllers: tuple[tuple[NDArray[np.int64], Controller], ...] = ()
    """Advertisers and the controller that bids for them hour by hour."""
    _by_day: dict[tuple[str, int], NDArray[np.float64]] = field(default_factory=dict, repr=False)
    """What was asked of a day before; it depends on the traffic alone, so that markets on the same traffic share it."""

    @property
    def advertisers(self) -> tuple[str, ...]:
        """Names, in the order of every advertiser axis."""
        return self.source.advertisers

    @property
    def traffic(self) -> Traffic:
        """The table, for all that looks at single auctions.

        Raises:
            InputError: The traffic is larger than memory.
        """
        if not isinstance(self.source, Traffic):
            raise InputError(
                f"{self.scenario.place}: traffic.source: expected a table here, which looks at single auctions, got the stored "
                f"traffic {self.source.folder} (learn with macg-es, openai-es or cma-es and learner.policy = 'formula')"
            )
        return self.source

    @property
    def _table(self) -> TableFeed:
        assert isinstance(self.traffic, Traffic)
        assert isinstance(self.feed, TableFeed)
        return self.feed

    @property
    def phi(self) -> NDArray[np.float64]:
        """Bid features of every row, `[rows, 4]`."""
        return self._table.phi

    @property
    def quality(self) -> NDArray[np.float64]:
        """What a bid is multiplied with to rank, `[rows]`."""
        return self._table.quality

    @property
    def is_controlled(self) -> NDArray[np.bool_]:
        """Whether each advertiser is a learner."""
        mask = np.zeros(len(self.advertisers), dtype=bool)
        mask[self.learners] = True
        return mask

    @property
    def learners_meet(self) -> bool:
        """Whether any auction has more than one controlled advertiser."""
        is_learner = self.is_controlled[self.traffic.advertiser]
        return bool((np.add.reduceat(is_learner, self.traffic.cell_start[:-1], dtype=np.int64) > 1).any())

    def hourly_features(self, day: int, feed: Feed | None = None) -> NDArray[np.float64]:
        """Mean bid features of each advertiser's auctions in each hour of a day, `[24, advertisers, 4]`; 0 where none.

        `feed` may hold other features of the same traffic.
        """
        return means(*feature_sums(feed or self.feed, (day,)))

    def hourly_auctions(self, day: int) -> NDArray[np.float64]:
        """Auctions each advertiser is a candidate in, in each hour of a day, `[24, advertisers]`."""
        return self._kept("auctions", day, lambda: feature_sums(self.feed, (day,))[1])

    def competition(self, day: int) -> NDArray[np.float64]:
        """How strong the competition is by the keyword bids, in each hour of a day, `[24, advertisers]`, in [-1, 1]."""
        return self._kept("competition", day, lambda: hourly_competition(self.traffic, self.quality, day))

    def _kept(self, name: str, day: int, compute: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
        if (name, day) not in self._by_day:
            self._by_day[name, day] = compute()
        return self._by_day[name, day]

    def day(
        self,
        day: int,
        policies: int = 1,
        *,
        luck: Sequence[int] | None = None,
        local_credit: bool = False,
        feed: Feed | None = None,
        budgets: NDArray[np.float64] | None = None,
        steps: Steps | None = None,
    ) -> DayReplay:
        """A fresh day under this market's rules, and its budgets unless others are given; coefficients over `FEATURES`.

        `luck` draws sampled outcomes anew, by a seed for each policy; the market's own luck for all where None. `feed` is other
        traffic than the market's. `steps` cut the day; hours where None.
        """
        return DayReplay(
            feed or self.feed,
            day,
            self.rules,
            policies=policies,
            budgets=self.budgets if budgets is None else budgets,
            seed=self.seed if luck is None else luck,
            controllers=self.controllers,
            local_credit=local_credit,
            steps=steps,
        )

    def outcome(self, day: int, coefficients: NDArray[np.float64]) -> Outcome:
        """Replay a day with coefficients `[advertisers, FEATURES, P]` that hold all day."""
        return run_day(self.day(day, coefficients.shape[-1]), lambda _: coefficients)

    def with_goals(self, scenario: Scenario) -> Market:
        """The same market for a scenario that differs in goals and learner only: weights, floors and caps."""
        groups = tuple(group for group in scenario.advertisers for _ in range(group.count))
        return replace(self, scenario=scenario, groups=groups)

    def under(self, controller: str, who: NDArray[np.int64]) -> Market:
        """The same market where some advertisers follow a controller; they are no learners any more.

        Raises:
            InputError: There is no such controller.
        """
        fixed = self.fixed.copy()
        fixed[who] = STATIC_BIDS.get(controller, np.nan)
        changed = replace(self, fixed=fixed, learners=np.setdiff1d(self.learners, who))
        if controller in STATIC_BIDS:
            return changed
        named = [f"advertisers[{i}]." for i, g in enumerate(self.scenario.advertisers) if g.controller == controller]
        place = f"{self.scenario.place}: {''.join(named[:1])}controller"
        return replace(changed, controllers=(*self.controllers, (who, find_controller(controller, place)(self, who))))

    def in_expectation(self) -> Market:
        """The same market with outcomes in expectation; budgets and the reference stay."""
        return replace(self, rules=replace(self.rules, outcomes="expected"))

    def with_rates(self, ctr: NDArray[np.float64], cvr: NDArray[np.float64]) -> Market:
        """The same market with other true rates of every row; predictions, and with them bids and ranks, stay."""
        traffic = replace(self.traffic, ctr=ctr, cvr=cvr)
        return replace(self, source=traffic, feed=TableFeed(traffic, self.rules, self.phi))

    def with_fixed_draws(self) -> Market:
        """The same market with the luck of `sampled` outcomes written into its rates, which replays a good deal faster.

        Equal to this market where no budget runs out within a cell; the market itself where outcomes are expected.

        Raises:
            InputError: There are several slots; luck then depends on the slot that is won.
        """
        return self if self.rules.outcomes == "expected" else self._drawn

    @cached_property
    def _drawn(self) -> Market:
        if len(self.rules.slot_effect) > 1:
            raise InputError(
                f"{self.scenario.place}: mechanism.slot_effect: expected one slot for this learner with sampled outcomes, "
                f"got {len(self.rules.slot_effect)}"
            )
        return self.in_expectation().with_rates(*drawn_rates(self.traffic, self.seed))

    def without_budgets(self) -> Market:
        """The same market where nobody has a budget."""
        return replace(self, budgets=np.full(len(self.advertisers), np.inf))

    def static(self, controller: str) -> NDArray[np.float64]:
        """Coefficients `[advertisers, FEATURES, 1]` of a market where everybody follows one fixed rule."""
        return np.tile(np.array(STATIC_BIDS[controller])[None, :, None], (len(self.advertisers), 1, 1))


def build_market(scenario: Scenario, seed: int | None = None) -> Market:
    """Make a scenario concrete for one seed.

    Args:
        scenario: The scenario.
        seed: Draws the synthetic traffic; the scenario's own where None.

    Raises:
        InputError: The traffic table, profile or budgets file is wrong, or does not fit the scenario.
    """
    seed = scenario.seed if seed is None else seed
    traffic = _traffic(scenario, seed)
    groups = tuple(group for group in scenario.advertisers for _ in range(group.count))
    fixed, learners = np.zeros((len(groups), len(FEATURES))), np.arange(len(groups))
    days = sorted({*scenario.traffic.train_days, *scenario.traffic.test_days})
    mechanism = scenario.mechanism
    rules = Rules(
        mechanism.slot_effect, mechanism.pricing, mechanism.reserve, mechanism.squash, mechanism.outcomes,
        mechanism.bid_floor, math.inf if mechanism.bid_cap is None else mechanism.bid_cap,
    )  # fmt: skip
    feed = TableFeed(traffic, rules) if isinstance(traffic, Traffic) else traffic.feed(rules)
    sums, auctions = feature_sums(feed, scenario.traffic.train_days)
    mean = means(sums.sum(axis=0), auctions.sum(axis=0))
    no_budgets = np.full(len(groups), np.inf)
    market = Market(scenario, seed, traffic, feed, rules, groups, fixed, learners, no_budgets, {}, mean)
    reference = market.static(scenario.platform.reference)
    unlimited = {day: market.outcome(day, reference) for day in days}
    budgets = _budgets(scenario, traffic, groups, unlimited)
    if not np.isfinite(budgets).any():
        return _controlled(replace(market, reference=unlimited))
    limited = replace(market, budgets=budgets)
    return _controlled(replace(limited, reference={day: limited.outcome(day, reference) for day in days}))


def _controlled(market: Market) -> Market:
    """The market with the controllers that its groups name."""
    for controller in dict.fromkeys(group.controller for group in market.groups):
        if controller != "learner":
            who = np.array([i for i, group in enumerate(market.groups) if group.controller == controller])
            market = market.under(controller, who)
    return market


def _traffic(scenario: Scenario, seed: int) -> Traffic | StoredTraffic:
    section = scenario.traffic
    if section.is_synthetic:
        names = tuple(f"{group.group}-{i}" for group in scenario.advertisers for i in range(group.count))
        if len(set(names)) < len(names):
            raise InputError(f"{scenario.place}: advertisers: expected groups whose numbered names differ, got two alike")
        return make_traffic(
            section, load_profile(section.profile, scenario.folder, f"{scenario.place}: "), names, seed, _apart(scenario)
        )
    path = scenario.resolve(section.source.replace("{seed}", str(seed)))
    budgets = None if section.budgets is None else scenario.resolve(section.budgets.replace("{seed}", str(seed)))
    traffic = open_traffic(path) if is_stored(path) else load_traffic(path, budgets=budgets)
    expected = sum(group.count for group in scenario.advertisers)
    if expected != len(traffic.advertisers):
        raise InputError(
            f"{scenario.place}: advertisers: expected counts that add up to the {len(traffic.advertisers)} advertisers "
            f"of {path}, got {expected}"
        )
    for key, days in (("train_days", section.train_days), ("test_days", section.test_days)):
        missing = [day for day in days if day not in traffic.days]
        if missing:
            raise InputError(
                f"{scenario.place}: traffic.{key}: expected days of {path} ({', '.join(map(str, traffic.days))}), "
                f"got {missing[0]}"
            )
    return traffic


def _apart(scenario: Scenario) -> list[range]:
    """Indices of the groups whose advertisers never meet."""
    ends = np.cumsum([group.count for group in scenario.advertisers]).tolist()
    return [
        range(end - group.count, end)
        for end, group in zip(ends, scenario.advertisers, strict=True)
        if group.keywords == "disjoint"
    ]


def _budgets(
    scenario: Scenario, traffic: Traffic | StoredTraffic, groups: tuple[AdvertiserGroup, ...], unlimited: dict[int, Outcome]
) -> NDArray[np.float64]:
    """Budgets in currency. `reference*SHARE` is of the mean spend on training days when nobody has a budget."""
    spend = np.mean([unlimited[day].cost.sum(axis=(0, 2)) for day in scenario.traffic.train_days], axis=0)
    budgets = np.full(len(groups), np.inf)
    for i, group in enumerate(groups):
        share = reference_share(group.budget)
        if share is not None:
            budgets[i] = share * spend[i]
        elif group.budget == "table":
            if not isinstance(traffic, Traffic):
                raise InputError(
                    f"{scenario.place}: advertisers[].budget: expected numbers or shares with stored traffic, got 'table'"
                )
            assert traffic.budgets is not None
            budgets[i] = traffic.budgets[i]
        elif group.budget is not None:
            budgets[i] = float(group.budget)
    return budgets
