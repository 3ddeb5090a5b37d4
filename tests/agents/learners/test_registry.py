"""A learner of one's own is named by its path or registered, and owns its constants; what is wrong is told in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import auctionsim
from auctionsim.agents.learners import registry
from auctionsim.agents.learners.registry import find_learner, learner_names, make_learner, register_learner, with_constants
from auctionsim.errors import InputError
from auctionsim.scenario import ALGORITHMS, Scenario, Section
from auctionsim.scenario import learner as scenario_learner
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL
from ...own_learner import write_lab


@pytest.fixture(autouse=True)
def _modules_and_names_of_a_test_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.setattr(scenario_learner, "_registered", [])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("lab", "wrong")):
            del sys.modules[name]


def named(folder: Path, algorithm: str, *overrides: str) -> Scenario:
    items = [f'learner.algorithm="{algorithm}"', *overrides]
    return parse_scenario(SMALL, "s.toml", overrides=items, folder=folder)


def test_every_built_in_name_has_a_learner_that_counts_its_replays():
    assert learner_names() == ALGORITHMS
    market = auctionsim.build_market(parse_scenario(SMALL, "s.toml"))
    counted = {
        name: make_learner(named(Path(), name, "learner.dqn.num_envs=6")).replays_per_iteration(market) for name in ALGORITHMS
    }
    # Rules that pace replay each day without budgets too.
    twice = ("value-scale-paced", "objective-scale")
    assert counted == {name: 6 if name.endswith("-dqn") else 16 if name in twice else 8 for name in ALGORITHMS}
    single = make_learner(parse_scenario(SMALL, "s.toml", overrides=["learner.perturbation=single"]))
    assert single.replays_per_iteration(market) == 8 * 5


def test_a_class_is_found_by_its_path_beside_the_scenario_and_gets_its_constants(tmp_path: Path):
    learner = make_learner(named(tmp_path, write_lab(tmp_path), "learner.constants.step=0.5"))
    assert type(learner).__name__ == "Factor"
    assert learner.constants.step == 0.5
    assert learner.constants.tries == 4


def test_a_class_is_found_where_a_run_was_started_before(tmp_path: Path):
    scenario = named(tmp_path / "elsewhere", write_lab(tmp_path / "lab"))
    with pytest.raises(InputError, match="s.toml: learner.algorithm: expected a module that can be imported"):
        find_learner(scenario)
    located = scenario.with_source("s.toml", tmp_path / "elsewhere", tmp_path / "lab")
    assert find_learner(located).__name__ == "Factor"


def test_all_constants_are_written_out_with_their_defaults(tmp_path: Path):
    scenario = with_constants(named(tmp_path, write_lab(tmp_path), "learner.constants.tries=9"))
    assert scenario.learner.constants == {"tries": 9, "step": 0.3}
    built_in = parse_scenario(SMALL, "s.toml")
    assert with_constants(built_in) is built_in


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["learner.constants.step='x'"], "s.toml: learner.constants.step: expected a number, got 'x'"),
        (["learner.constants.stpe=1.0"], "s.toml: learner.constants.stpe: unknown key; choose from tries, step "
                                         "(did you mean 'step'?)"),
        (["learner.constants.tries=1"], "s.toml: learner.constants.tries: expected a number"),
    ],
)  # fmt: skip
def test_wrong_constants_are_told_as_wrong_keys_are(tmp_path: Path, overrides: list[str], message: str):
    with pytest.raises(InputError) as told:
        make_learner(named(tmp_path, write_lab(tmp_path), *overrides))
    assert str(told.value).startswith(message)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("wrong_a", "class One:\n  def start(self, market): ...\n  def ask(self, market, state): ...",
         "wrong_a:One: expected the methods start, ask, tell, policy, replays_per_iteration, got no 'tell'"),
        ("wrong_b", "One = 3", "expected a class, got wrong_b:One of type int"),
        ("wrong_c", "import no_such_name\nclass One: pass", "ModuleNotFoundError: No module named 'no_such_name'"),
        ("wrong_d", "class One:\n  Constants = dict\n  start = ask = tell = policy = replays_per_iteration = lambda self: 0",
         "wrong_d:One.Constants: expected a subclass of auctionsim.scenario.Section, got <class 'dict'>"),
    ],
)  # fmt: skip
def test_a_class_that_is_no_learner_is_refused(tmp_path: Path, name: str, code: str, message: str):
    (tmp_path / f"{name}.py").write_text(code)
    with pytest.raises(InputError) as told:
        make_learner(named(tmp_path, f"{name}:One"))
    assert str(told.value).startswith("s.toml: learner.algorithm: ")
    assert message in str(told.value)


def test_constants_of_a_class_that_has_none_are_refused(tmp_path: Path):
    methods = "start = ask = tell = policy = replays_per_iteration = lambda self: 0"
    (tmp_path / "wrong_e.py").write_text(f"class One:\n  {methods}\n  def __init__(self, scenario): ...")
    make_learner(named(tmp_path, "wrong_e:One"))
    with pytest.raises(InputError, match="s.toml: learner.constants.x: unknown key; there are none here"):
        make_learner(named(tmp_path, "wrong_e:One", "learner.constants.x=1"))


def test_constants_beside_a_built_in_learner_are_refused():
    with pytest.raises(InputError, match="s.toml: learner.constants: expected keys only with a learner of your own, got 'x'"):
        named(Path(), "ippo", "learner.constants.x=1")


@pytest.mark.parametrize("name", ["macg-se", "nothing", "a:b:c", ":One", "1a:One"])
def test_an_unknown_name_is_told_with_all_names(name: str):
    with pytest.raises(InputError, match=r"s.toml: learner.algorithm: unknown '.*'; choose from macg-es, .* or package.module"):
        named(Path(), name)


class Registered:
    class Constants(Section):
        step: float = 1.0

    def __init__(self, scenario: Scenario, constants: Constants) -> None:
        self.step = constants.step

    def start(self) -> None: ...
    def ask(self) -> None: ...
    def tell(self) -> None: ...
    def policy(self) -> None: ...
    def replays_per_iteration(self) -> None: ...


def test_a_registered_class_is_known_by_its_name():
    with pytest.raises(InputError, match="unknown 'mine'"):
        named(Path(), "mine")
    auctionsim.register_learner("mine", Registered)
    assert make_learner(named(Path(), "mine", "learner.constants.step=2.0")).step == 2.0
    with pytest.raises(InputError, match="unknown 'mien'.*did you mean 'mine'"):
        named(Path(), "mien")


@pytest.mark.parametrize("name", ["macg-es", "a:B", "", " ", "a\nb"])
def test_a_name_that_is_taken_or_none_cannot_be_registered(name: str):
    with pytest.raises(InputError, match="expected a name of its own"):
        register_learner(name, Registered)


def test_what_lacks_a_method_cannot_be_registered():
    with pytest.raises(InputError, match="register_learner.'mine'.: mine: expected the methods .*, got no 'start'"):
        register_learner("mine", object)
