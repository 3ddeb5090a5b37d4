"""Look at a training's result in Python: its folder, numbers, learned policies, and evaluations on any days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.policies.base import Constant, Policy
from auctionsim.analysis.reports.report import write_report
from auctionsim.analysis.reports.summary import Summary, summarize
from auctionsim.analysis.run_objects.plot import RunPlot
from auctionsim.analysis.run_objects.run import Run as ShownRun
from auctionsim.arguments import one_number_of, one_of, with_methods
from auctionsim.errors import InputError, shown
from auctionsim.jobs.training.evaluate import outcome_rows
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.names.display import cut, html_frame, html_table
from auctionsim.run_checks.metric_rows import MetricRows
from auctionsim.runs import Run, Status
from auctionsim.scenario import Scenario

_AMOUNTS = ("impressions", "clicks", "conversions", "gmv", "cost", "profit")
_KEYS = {"hour": (), "advertiser": ("arm", "seed", "advertiser"), "day": ("arm", "seed", "day")}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Outcomes of policies on some days, beside those of the baseline."""

    rows: pl.DataFrame = field(repr=False)
    """Rows as those of outcomes.parquet: by arm, seed, day, hour and advertiser."""

    def __repr__(self) -> str:
        arms, days, seeds = (self.rows[name].unique(maintain_order=True).to_list() for name in ("arm", "day", "seed"))
        return cut(f"Evaluation(arms {', '.join(arms)}; days {days}; seeds {seeds})")

    def _repr_html_(self) -> str:
        """Return the amounts by arm, seed and day for a notebook."""
        return html_frame("Evaluation", self.to_frame("day"))

    def to_frame(self, by: str = "hour") -> pl.DataFrame:
        """Return a polars table, with the column `profit`.

        Args:
            by: `hour` for a row per arm, seed, day, hour and advertiser; `advertiser` for a row per arm, seed and advertiser,
                summed over the days; `day` for a row per arm, seed and day, summed over all advertisers.

        Raises:
            InputError: `by` is another word.
        """
        keys = _KEYS[one_of("by", by, _KEYS)]
        table = self.rows.with_columns(profit=pl.col("gmv") - pl.col("cost"))
        return table.group_by(keys, maintain_order=True).agg(pl.col(_AMOUNTS).sum()) if keys else table


@dataclass(frozen=True, eq=False)
class Trained:
    """The result of `auctionsim.train`."""

    run: Run
    """The run folder."""
    markets: Mapping[int, Market] = field(default_factory=dict, repr=False)
    """Markets by seed, as far as they are built."""

    def __post_init__(self) -> None:
        # Whoever opens the folder by `auctionsim.Run` gets tables and figures; so does whoever trained it.
        object.__setattr__(self, "run", ShownRun(self.run.path))

    def __repr__(self) -> str:
        status = self.status if self.stopped is None else f"{self.status}: {self.stopped}"
        return cut(f"Trained({shown(str(self.path), 200)}: {self.scenario.name}, seeds {list(self.seeds)}, {status})")

    def _repr_html_(self) -> str:
        """Return the summary for a notebook."""
        parts: dict[str, object] = {"run": str(self.path), "status": self.status, "seeds": str(list(self.seeds))}
        if self.stopped is not None:
            parts["stopped by a callback"] = self.stopped
        if (self.path / "outcomes.parquet").is_file():
            parts["on test days"] = self.summary.sentence
        return html_table(f"Trained {self.scenario.name}", parts)

    @property
    def path(self) -> Path:
        """The path of the run folder."""
        return self.run.path

    @property
    def status(self) -> Status:
        """The run's status: finished, interrupted or failed."""
        return self.run.status

    @property
    def stopped(self) -> str | None:
        """Why a callback ended the training early; None where none did."""
        return self.run.stopped

    @property
    def scenario(self) -> Scenario:
        """The scenario that was trained."""
        return self.run.scenario()

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that were trained."""
        return self.run.seeds

    @property
    def metrics(self) -> MetricRows:
        """The numbers that training logged: rows, and a table by `to_frame`."""
        return self.run.metrics()

    @property
    def outcomes(self) -> Evaluation:
        """The evaluation on the test days, as outcomes.parquet holds it."""
        return Evaluation(self.run.table("outcomes"))

    @property
    def summary(self) -> Summary:
        """Measures on the test days, with intervals over the seeds; `summary.sentence` says them in one line."""
        return summarize(self.run)

    @property
    def plot(self) -> RunPlot:
        """The run's figures, as `auctionsim.Run` has them."""
        return RunPlot(self.run)

    def market(self, seed: int | None = None) -> Market:
        """Return the market of a seed; of the only one where None.

        Raises:
            InputError: The run has no such seed, or several and none was named.
        """
        seed = self._seed(seed)
        return self.markets[seed] if seed in self.markets else build_market(self.scenario, seed)

    def policy(self, seed: int | None = None) -> Policy:
        """Return the learned policy of a seed, from the last checkpoint; of the only seed where None.

        Seeds are replicates: a figure to report is the mean over them (`summary`). `best_seed` chooses one to use.

        Raises:
            InputError: The run has no such seed or no checkpoint, or several seeds and none was named.
        """
        seed = self._seed(seed)
        market = self.market(seed)
        if not len(market.learners):
            return Constant(market.fixed[:, :, None])
        state = self.run.load_checkpoint(self.run.last_checkpoint())[seed]
        return make_learner(self.scenario).policy(market, state)

    def best_seed(self, metric: str = "profit_ratio") -> int:
        """Return the seed whose last iteration logged the largest value of a metric, which is one of training days.

        Args:
            metric: A number that the learner logs. The default is the total profit over the baseline's, which does not see a
                floor of the platform.

        Raises:
            InputError: No iteration logged it, or it is not defined.
        """
        last: dict[int, Any] = {row["seed"]: row for row in self.metrics}
        names = [name for name in next(iter(last.values()), {}) if name not in ("iteration", "seed")]
        one_of("metric", metric, names)
        known = {seed: row[metric] for seed, row in last.items() if row[metric] is not None}
        if not known:
            raise InputError(f"metric: expected a number that is defined, got {metric!r}, which is on no seed")
        return max(known, key=known.__getitem__)

    def evaluate(
        self, policy: Policy | None = None, *, days: Sequence[int] | None = None, seed: int | None = None
    ) -> Evaluation:
        """Replay some days under a policy and under the baseline.

        Args:
            policy: The policy, as the arm `given`; the learned one of each seed where None, as the arm `learned`.
            days: Days of the traffic; the test days where None.
            seed: The seed whose market is replayed; all seeds where None.

        Raises:
            InputError: An argument is of another kind, or the traffic has no such day, or the run no such seed.
        """
        if policy is not None:
            with_methods("policy", policy, ("begin",), "a policy with a method begin(market, day, n_policies)")
        rows = []
        for one in self.seeds if seed is None else (self._seed(seed),):
            market = self.market(one)
            chosen = market.scenario.traffic.test_days if days is None else days
            arms = {"learned": self.policy(one)} if policy is None else {"given": policy}
            arms["reference"] = Constant(market.static(market.scenario.platform.baseline))
            for day in chosen:
                day = one_number_of("days", day, market.source.days)
                rows += [outcome_rows(market, arm, one, simulate_day(market, day, own)) for arm, own in arms.items()]
        if not rows:
            raise InputError("days: expected one or more days, got none")
        return Evaluation(pl.concat(rows))

    def report(self) -> Path:
        """Write the run's report; return the path of its page."""
        return write_report([self.run], self.path / "report")

    def _seed(self, seed: int | None) -> int:
        if seed is None:
            if len(self.seeds) > 1:
                listed = ", ".join(map(str, self.seeds))
                raise InputError(f"seed: expected one of {listed}, got none (best_seed() chooses by training days)")
            return self.seeds[0]
        return one_number_of("seed", seed, self.seeds)
