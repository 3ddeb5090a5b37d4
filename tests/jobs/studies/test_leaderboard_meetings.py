"""The leaderboard's round robin, versions, seeds that are kept back, and entrants of one's own."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant
from auctionsim.analysis.documents.sections import Table
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.jobs.studies import base
from auctionsim.jobs.studies.base import Options, Unit
from auctionsim.jobs.studies.leaderboard import study as module
from auctionsim.jobs.studies.leaderboard.against import compare_boards, expect_version
from auctionsim.jobs.studies.leaderboard.entrants import is_learner, policy_of
from auctionsim.jobs.studies.leaderboard.round_robin import BETWEEN, halves, payoffs
from auctionsim.jobs.studies.leaderboard.round_robin_document import round_robin_sections
from auctionsim.jobs.studies.leaderboard.study import EVERY_PAIR, ROUND_ROBIN, STUDY, measures, scenario_of
from auctionsim.jobs.studies.leaderboard.version import FIRST_JUDGED_SEED, version_of
from auctionsim.market.market import Market

QUICK = Options((FIRST_JUDGED_SEED,), quick=True)


@pytest.fixture(scope="module")
def market() -> Market:
    return build_market(scenario_of("three-arms, tight budgets", "manual", quick=True))


def test_half_of_the_learners_follow_each_and_roles_are_swapped(market: Market):
    first, second = halves(market)
    assert first.sum() == second.sum() == 6
    assert not (first & second).any()


def test_a_policy_that_meets_itself_earns_what_it_earns_alone(market: Market):
    manual, truthful = (policy_of(market, name) for name in ("manual", "truthful"))
    found = payoffs(market, {"manual": manual, "twin": manual, "truthful": truthful})
    assert found["manual against manual"] == found["manual against twin"] == found["twin against manual"] == 1.0
    alone = measures(market, truthful, market.learners, is_all=True)["objective"]
    assert found["truthful against truthful"] == pytest.approx(alone)


def test_rivals_that_bid_nothing_leave_more_to_the_others(market: Market):
    found = payoffs(market, {"manual": policy_of(market, "manual"), "nobody": Constant(np.zeros((12, 4, 1)))})
    assert found["nobody against manual"] == found["nobody against nobody"] == 0.0
    assert found["manual against nobody"] > 1.0


def table_of(payoff: dict[tuple[str, str], list[float]]) -> dict[str, list[str]]:
    """Return the cells of a round robin's table by entrant."""
    rows = [
        {"scenario": "s", "arm": "a", "seed": seed, "split": "test", "metric": f"{one}{BETWEEN}{two}", "value": value}
        for (one, two), values in payoff.items()
        for seed, value in enumerate(values)
    ]
    (table,) = (part for part in round_robin_sections(pl.DataFrame(rows), "s", "a") if isinstance(part, Table))
    return {row[0]: list(row[1:]) for row in table.rows}


def test_the_table_of_a_prisoners_dilemma():
    # Defection is the best reply to both and invades cooperation, though two that cooperate earn more.
    game = {("c", "c"): 3.0, ("d", "d"): 1.0, ("c", "d"): 0.0, ("d", "c"): 5.0}
    rows = table_of({pair: [value, value] for pair, value in game.items()})
    assert list(rows) == ["d", "c"], "by the mean against others"
    assert [cell.split(" ")[0] for cell in rows["d"][:3]] == ["5.000", "1.000", "0.000"]
    # Regret of c: 5 - 3 against itself, 1 - 0 against d.
    assert [cell.split(" ")[0] for cell in rows["c"][:3]] == ["0.000", "3.000", "1.500"]
    assert (rows["c"][3:], rows["d"][3:]) == (["d", "d"], ["d", "nobody"])


def test_who_earns_more_on_some_seeds_alone_invades_nobody():
    pairs = {("a", "a"): [1.0] * 3, ("b", "b"): [1.0] * 3, ("a", "b"): [1.0] * 3, ("b", "a"): [0.5, 1.5, 1.2]}
    assert table_of(pairs)["a"][4] == "nobody"


def test_a_seed_with_a_denominator_near_0_decides_no_meeting():
    pairs = {("a", "a"): [2.0] * 5, ("b", "b"): [1.0] * 5, ("a", "b"): [2.0] * 5, ("b", "a"): [1.0, 1.0, 1.0, 1.0, 400.0]}
    rows = table_of(pairs)
    assert list(rows) == ["a", "b"]
    assert rows["a"][3:] == ["a", "nobody"]


def test_the_version_covers_markets_and_settings_but_not_the_entrant():
    one = {"m": scenario_of("taobao-mix", "manual", quick=False)}
    assert version_of(one, {}) == version_of({"m": scenario_of("taobao-mix", "ippo", quick=False)}, {})
    assert version_of(one, {}) != version_of({"m": scenario_of("taobao-mix", "manual", quick=True)}, {})
    assert version_of(one, {}) != version_of(one, {"who": ["one"]})


def test_the_version_of_the_leaderboard_is_this_one():
    # A change here moves figures: raise version.NUMBER with it, and make docs/results anew.
    assert STUDY.version(Options((0,))) == "2-9d754af9346d"


def test_a_folder_of_another_version_is_not_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    base.lock_plan(tmp_path / "out", base.plan_of("leaderboard", QUICK))
    monkeypatch.setattr("auctionsim.jobs.studies.leaderboard.version.NUMBER", 99)
    with pytest.raises(InputError, match="got another study_version"):
        base.lock_plan(tmp_path / "out", base.plan_of("leaderboard", QUICK))


def board(folder: Path, version: str, values: dict[str, list[float]], study: str = "leaderboard") -> Path:
    folder.mkdir()
    (folder / "plan.json").write_text(json.dumps({"study": study, "study_version": version}))
    rows = [
        (study, "m", arm, seed, "test", "objective", value) for arm, own in values.items() for seed, value in enumerate(own)
    ]
    pl.DataFrame(rows, schema=base.RESULTS_SCHEMA, orient="row").write_parquet(folder / "results.parquet")
    return folder


def test_boards_of_one_version_are_compared_by_seed_and_others_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    own = board(tmp_path / "own", "2-a", {"pid": [1.0, 2.0], "new": [5.0, 5.0]})
    old = board(tmp_path / "old", "2-a", {"pid": [0.5, 1.5]})
    rows = compare_boards(own, old).rows
    assert [(row[0], row[1].split(",")[0]) for row in rows] == [("pid", "0.500 [0.500")]
    with pytest.raises(InputError, match="expected version 2-b of the leaderboard, got '2-a': figures do not compare"):
        expect_version(old, "2-b")
    with pytest.raises(InputError, match="expected the plan of a leaderboard"):
        expect_version(board(tmp_path / "other", "2-a", {"pid": [1.0]}, study="calvano"), "2-a")
    with pytest.raises(InputError, match="expected a seed and an entrant in common"):
        compare_boards(own, board(tmp_path / "strange", "2-a", {"ortb": [1.0]}))
    command = ["reproduce", "leaderboard", "--quick", "--against", str(old), "--out", str(tmp_path / "out")]
    assert main(command) == 2, "before anything is measured"
    assert "figures do not compare" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


OWN_RULE = """
import numpy as np

class Half:
    def __init__(self, market, advertisers):
        self.n = len(advertisers)
    def begin(self, market, day, n_policies):
        theta = np.zeros((self.n, 4, 1))
        theta[:, 3] = 0.5
        from auctionsim.agents.policies.base import DayPolicy
        return DayPolicy(lambda state: theta)
"""


def test_an_entrant_of_one_s_own_is_measured_like_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my_entrants.py").write_text(OWN_RULE)
    monkeypatch.chdir(tmp_path)
    name = "my_entrants:Half"
    assert not is_learner(name)
    options = Options((FIRST_JUDGED_SEED,), quick=True, entrants=(name,), folder=str(tmp_path))
    monkeypatch.chdir("/")
    units = [unit for unit in STUDY.units(options) if unit.arm == name]
    assert len(units) == 2
    found = dict(row[1:] for row in STUDY.run(units[1], options).results)
    assert found["objective"] > 0
    monkeypatch.setattr(module, "_QUICK_MEETING", ("manual",))
    meeting = dict(row[1:] for row in STUDY.run(Unit(ROUND_ROBIN, EVERY_PAIR, FIRST_JUDGED_SEED), options).results)
    assert meeting[f"{name}{BETWEEN}{name}"] == pytest.approx(found["objective"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reproduce", "calvano", "--entrant", "a:B"], "--entrant: expected with the study 'leaderboard' alone"),
        (["reproduce", "calvano", "--against", "x"], "--against: expected with the study 'leaderboard' alone"),
        (["reproduce", "leaderboard", "--entrant", "pidd"], "--entrant: expected package.module:Class, got 'pidd'"),
        (["reproduce", "leaderboard", "--entrant", "no_such_module:X"], "--entrant: expected a module that can be imported"),
        (
            ["reproduce", "leaderboard", "--against", "nowhere"],
            "nowhere: expected the folder of a leaderboard, with plan.json, got no such folder",
        ),
    ],
)
def test_wrong_entrants_and_boards_are_refused_before_anything_is_measured(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([*arguments, "--quick", "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("pass", "--entrant: my_wrong:Own: expected a rule with the method begin, or a learner with the methods start, ask"),
        ("begin = 5", "--entrant: my_wrong:Own: expected the methods begin, got no 'begin'"),
        (
            "start = ask = tell = policy = print",
            "--entrant: my_wrong:Own: expected the methods .* got no 'replays_per_iteration'",
        ),
        (
            "begin = print\n    def __init__(self, *given): 1 / 0",
            "--entrant: expected a class that can be made with .*ZeroDivision",
        ),
        (
            "start = ask = tell = policy = replays_per_iteration = print\n    def __init__(self, *given): 1 / 0",
            "--entrant: .*expected a class that can be made with .*ZeroDivision",
        ),
    ],
)
def test_a_class_that_cannot_take_part_is_refused_before_anything_is_measured(
    code: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "my_wrong.py").write_text(f"class Own:\n    {code}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_wrong", raising=False)
    assert main(["reproduce", "leaderboard", "--quick", "--entrant", "my_wrong:Own", "--out", "out"]) == 2
    said = capsys.readouterr().err
    assert re.search(message, said)
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()
