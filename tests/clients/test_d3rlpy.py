"""d3rlpy's offline learners on logged days of the default scenario: two updates each, and a run folder of what they learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.analysis.offline.exploration import Exploration
from auctionsim.errors import InputError
from auctionsim.jobs.offline.d3rlpy_learners import learned_policy
from auctionsim.jobs.offline.dataset import Dataset, read_dataset
from auctionsim.jobs.offline.export import log_days, write_dataset
from auctionsim.jobs.offline.learn import learn_offline
from auctionsim.jobs.offline.plan import make_plan
from auctionsim.market.simulate import simulate_day

from .matrix import default_market, library, run_section

library("d3rlpy", "d3rlpy")


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("d3rlpy") / "logs"
    plan = make_plan(default_market(), "manual", bidder="seller_0")
    write_dataset(log_days(plan, Exploration(0.2, 0.05), per_day=3), folder, "command")
    return read_dataset(folder)


@pytest.mark.parametrize("learner", ["bc", "cql", "iql", "decision-transformer"])
def test_an_offline_learner_makes_two_updates_on_logged_days_and_bids_on_test_days(logs: Dataset, learner: str):
    market = default_market()
    policy, version = learned_policy(logs, market, learner, "profit", 2, None)
    ran = simulate_day(market, 2, policy, n_policies=2)
    assert version == library("d3rlpy", "d3rlpy").__version__
    assert np.isfinite(ran.coefficients).all()
    assert len(np.unique(ran.coefficients[:, 0, 3, 0])) > 1
    # Copies of a day are alike, and rivals keep to their rule.
    assert ran.coefficients[..., 0] == pytest.approx(ran.coefficients[..., 1], rel=1e-5)
    assert (ran.coefficients[:, 1:, 3] == 1.0).all()


def test_behavior_cloning_bids_high_or_low_as_the_logged_policy_did(tmp_path: Path):
    market, bids = default_market(), []
    for factor in (3.0, 1 / 3):
        folder = tmp_path / f"{factor:.1f}"
        plan = make_plan(market, "manual", bidder="seller_0", factor=factor)
        write_dataset(log_days(plan, Exploration(0.2, 0.05), per_day=3), folder, "command")
        policy, _ = learned_policy(read_dataset(folder), market, "bc", "profit", 200, None)
        bids.append(float(np.log(simulate_day(market, 2, policy).coefficients[:, 0, 3, 0]).mean()))
    # The logged policies differ by log 9 = 2.2.
    assert bids[0] - bids[1] > 1.1


def test_what_was_learned_is_a_run_and_stdout_stays_empty(logs: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = learn_offline(logs, "bc", tmp_path / "run", steps=2, command="command")
    assert capsys.readouterr().out == ""
    assert run.manifest()["learner"].startswith("bc of d3rlpy ")
    assert pl.Series(run.table("outcomes")["bid"]).is_finite().all()


def test_the_decision_transformer_needs_a_reward_that_a_day_shows(logs: Dataset):
    with pytest.raises(InputError, match="expected an amount of the day for decision-transformer"):
        learned_policy(logs, default_market(), "decision-transformer", "reward", 2, None)


def test_the_page_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    assert run_section("d3rlpy")["run"].status == "finished"
