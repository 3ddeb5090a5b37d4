"""The study `learners-and-equilibria`: its markets draw what they say, figures are 0 in equilibrium, and learners near it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant
from auctionsim.cli import main
from auctionsim.jobs.studies.base import Options, Unit
from auctionsim.jobs.studies.learners_and_equilibria import arms, study
from auctionsim.jobs.studies.learners_and_equilibria.auctions import HOURLY, PrivateValues, bids_by_value, drawn_traffic
from auctionsim.jobs.studies.learners_and_equilibria.pacing import pacing_equilibrium, pacing_figures, pacing_traffic
from auctionsim.jobs.studies.learners_and_equilibria.progress import measured
from auctionsim.market.market import Market
from auctionsim.traffic.given import with_traffic
from auctionsim.traffic.table import HOURS

TWO = PrivateValues((1.0, 1.0))


def market_of(auction: PrivateValues, arm: arms.Arm = arms.MACG, hourly: int = 20) -> Market:
    rivals = auction.equilibrium() if arm.is_alone else None
    scenario = arm.scenario(len(auction.highs), auction.pricing)
    return build_market(with_traffic(scenario, drawn_traffic(auction, 3, rivals=rivals, hourly=hourly)), 3)


def multiples(market: Market, slopes: list[float]) -> Constant:
    theta = np.zeros((len(slopes), 4, 1))
    theta[:, 2, 0] = slopes
    return Constant(theta)


def test_values_are_spread_as_the_distribution_and_drawn_on_their_own():
    traffic = drawn_traffic(study.AUCTIONS[study.BENT], 0)
    rows = slice(0, 2 * HOURS * HOURLY)
    value = (traffic.pcvr * traffic.item_price)[rows].reshape(-1, 2)
    n = len(value)
    for k, high in enumerate((1.0, 2.0)):
        # One value from each of n equal parts.
        assert np.array_equal(np.sort(np.floor(value[:, k] / high * n * (1 - 1e-12))), np.arange(n))
    assert abs(np.corrcoef(value.T)[0, 1]) < 4 / np.sqrt(n)
    np.testing.assert_allclose(
        traffic.pcvr[rows].reshape(-1, 2), np.stack([value[:, 0] ** 2, (value[:, 1] / 2) ** 0.5], axis=1)
    )
    other = drawn_traffic(study.AUCTIONS[study.BENT], 1)
    assert (other.pcvr != traffic.pcvr).any()


def test_bids_are_read_off_as_they_are_bid_bent_or_straight():
    auction = study.AUCTIONS[study.BENT]
    market = market_of(auction)
    theta = np.array([[0.1, 0.2, 0.3, 0.0], [0.0, 0.4, 0.1, 0.0]])[:, :, np.newaxis]
    ((share, profile),) = bids_by_value(auction, market, Constant(theta))
    assert share == 1.0
    x = profile.values[0, 1:-1]
    np.testing.assert_allclose(profile.bids[0, 1:-1], 0.1 + 0.2 * x**2 + 0.3 * x, rtol=1e-9)
    x = profile.values[1, 1:-1]
    np.testing.assert_allclose(profile.bids[1, 1:-1], 0.4 * np.sqrt(x / 2) + 0.1 * x, rtol=1e-9)
    assert profile.values[:, [0, -1]].tolist() == [[0, 1], [0, 2]]


def test_figures_are_0_in_equilibrium_and_rise_when_it_is_broken():
    market, equilibrium = market_of(TWO), TWO.equilibrium()
    found = [study.figures(TWO, equilibrium, arms.MACG, market, multiples(market, [slope] * 2)) for slope in (0.5, 0.45, 0.3)]
    assert found[0] == pytest.approx({"l2": 0, "loss": 0, "worst": 0, "loss_against": 0}, abs=1e-6)
    for name in ("l2", "loss", "worst", "loss_against"):
        rising = [each[name] for each in found]
        assert rising == sorted(rising)
        assert rising[1] > 1e-3
    one = study.figures(TWO, equilibrium, arms.CMA_ALONE, market, multiples(market, [0.5, 0.9]))
    assert one["l2"] == pytest.approx(0, abs=1e-9), "rivals of a learner that is alone do not count"


def test_rivals_of_one_keep_the_bids_of_the_equilibrium():
    auction = study.AUCTIONS[study.STRAIGHT]
    market = market_of(auction, arms.CMA_ALONE)
    assert market.learners.tolist() == [0]
    theta = market.fixed[:, :, np.newaxis].copy()
    theta[0, 2] = 0.2
    ((_, profile),) = bids_by_value(auction, market, Constant(theta))
    wanted = auction.equilibrium()
    at_nodes = np.interp(profile.values[1, 1:-1], wanted.values[1], wanted.bids[1])
    np.testing.assert_allclose(profile.bids[1, 1:-1], at_nodes, rtol=1e-12)


def test_the_pacing_equilibrium_is_0_from_itself_and_other_bids_are_not():
    known = pacing_equilibrium(0)
    scenario = arms.EQUILIBRIUM.scenario(len(known.values), "first", has_budgets=True)
    market = build_market(with_traffic(scenario, pacing_traffic(known, are_bids=True)), 0)
    kept = Constant(market.fixed[:, :, np.newaxis])
    found = pacing_figures(known, market, kept)
    assert found["l2"] == pytest.approx(0, abs=1e-12)
    assert found["revenue"] == pytest.approx(1, abs=0.06)
    np.testing.assert_allclose(market.budgets, HOURS * known.budgets)
    low = pacing_figures(known, market, Constant(0.1 * kept.theta))
    assert low["l2"] > 0.1
    assert low["loss"] > 3 * found["loss"]
    assert low["worst"] >= low["loss"]


def test_an_evolution_strategy_finds_bne_in_seconds():
    arm = arms.Arm("short", arms.MACG.overrides, 60)
    rows, curves = measured(
        arm.scenario(2, "first"), drawn_traffic(TWO, 1), 1,
        lambda market, policy: study.figures(TWO, TWO.equilibrium(), arm, market, policy),
    )  # fmt: skip
    found = {metric: value for _, metric, value in rows}
    assert found["loss@0"] > 0.1
    assert found["loss@100"] < 0.01
    assert found["l2@100"] < 0.03
    assert [x for name, x, _ in curves if name == "loss"] == [0, 15 * 32, 30 * 32, 45 * 32, 60 * 32]


def test_learning_for_the_total_ends_in_low_bids():
    arm = arms.Arm("short", arms.CMA_TOTAL.overrides, 20)
    market = market_of(TWO, arm)
    rows, _ = measured(
        arm.scenario(2, "first"), market.traffic, 1,
        lambda market, policy: study.figures(TWO, TWO.equilibrium(), arm, market, policy),
    )  # fmt: skip
    found = {metric: value for _, metric, value in rows}
    assert found["loss@100"] > 0.2
    assert found["loss_against@100"] > 0.9


def test_a_unit_depends_on_its_seed_alone():
    units = study.STUDY.units(Options((0, 1)))
    assert len({unit.key for unit in units}) == len(units)
    assert {unit.scenario for unit in units} == {*study.AUCTIONS, study.PACING}
    unit = Unit("first price, 2 bidders", arms.Q_LEARNING.name, 5)
    one, two = (study.STUDY.run(unit, Options(seeds, quick=True)) for seeds in ((5,), (0, 5)))
    assert one == two
    other = study.STUDY.run(Unit(unit.scenario, unit.arm, 6), Options((6,), quick=True))
    assert other.results != one.results


@pytest.mark.long
def test_the_quick_form_runs_end_to_end(tmp_path: Path):
    out = tmp_path / "out"
    assert main(["reproduce", "learners-and-equilibria", "--quick", "--seeds", "2", "--workers", "0", "--out", str(out)]) == 0
    results = pl.read_parquet(out / "results.parquet")
    assert {"loss@0", "loss@100", "l2@100"} <= set(results["metric"].unique())
    text = (out / "table.md").read_text()
    assert "utility loss of macg-es, first price, 2 bidders" in text
    assert "equilibrium bids" in text
    assert len(list((out / "report" / "figures").glob("*.svg"))) == 2
