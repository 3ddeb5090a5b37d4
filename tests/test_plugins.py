"""A class of the user's own is found by `package.module:Class`, and what is wrong with it is told in one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from auctionsim.errors import InputError
from auctionsim.plugins import expect_methods, load_class, loaded_modules


@pytest.fixture(autouse=True)
def _modules_of_a_test_are_forgotten() -> Iterator[None]:
    before, path = set(sys.modules), list(sys.path)
    yield
    assert sys.path == path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return folder


def test_a_class_of_the_current_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(written(tmp_path, "here_one.py", "class One: x = 1"))
    assert load_class("here_one:One", "s.toml").x == 1
    assert [module.__name__ for module in loaded_modules() if module.__name__ == "here_one"] == ["here_one"]


def test_a_class_beside_the_scenario_is_found_with_the_modules_beside_it(tmp_path: Path):
    folder = written(tmp_path, "beside_lab/learner.py", "from beside_lab.constants import X\nclass One: x = X")
    written(folder, "beside_lab/constants.py", "X = 3")
    assert load_class("beside_lab.learner:One", "s.toml", folder).x == 3
    assert "beside_lab" in [module.__name__ for module in loaded_modules()]


def test_the_current_folder_comes_before_the_scenario_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    beside = written(tmp_path / "beside", "order_one.py", "class One: x = 'beside'")
    monkeypatch.chdir(written(tmp_path / "here", "order_one.py", "class One: x = 'here'"))
    assert load_class("order_one:One", "s.toml", beside).x == "here"


@pytest.mark.parametrize("name", ["twice_one.py", "twice_one/inner.py"])
def test_modules_of_one_name_in_two_folders_are_not_mixed_up(tmp_path: Path, name: str):
    path = name.removesuffix(".py").replace("/", ".") + ":One"
    for x in (1, 2, 1):
        folder = written(tmp_path / str(x), name, f"class One: x = {x}")
        assert load_class(path, "s.toml", folder).x == x


def test_libraries_of_an_environment_in_the_folder_are_not_taken_for_the_user_s(tmp_path: Path, monkeypatch):
    written(tmp_path, ".venv/lib/some_library.py", "x = 5")
    monkeypatch.syspath_prepend(tmp_path / ".venv" / "lib")
    written(tmp_path, "env_one.py", "from some_library import x\nclass One: x = x")
    # In a class body, `x = x` reads the module's.
    assert load_class("env_one:One", "s.toml", tmp_path).x == 5
    names = [module.__name__ for module in loaded_modules()]
    assert "env_one" in names
    assert "some_library" not in names
    sys.path.remove(str(tmp_path / ".venv" / "lib"))
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "wrong_a.One", "expected package.module:Class, got 'wrong_a.One'"),
        ("", "wrong_missing:One", f"expected a module that can be imported, got no 'wrong_missing' in {os.getcwd()}, "),
        (
            "import wrong_other_missing",
            "wrong_c:One",
            "got an error in wrong_c: ModuleNotFoundError: No module named 'wrong_other_missing' (",
        ),
        ("x = 1\n1 / 0", "wrong_d:One", "got an error in wrong_d: ZeroDivisionError: division by zero (FOLDER/wrong_d.py:2)"),
        ("raise SystemExit", "wrong_e:One", "got an error in wrong_e: SystemExit (FOLDER/wrong_e.py:1)"),
        ("def f(:", "wrong_f:One", "got an error in wrong_f: SyntaxError: invalid syntax (FOLDER/wrong_f.py:1)"),
        ("class Once: pass", "wrong_g:One", "module wrong_g has no class 'One'; choose from Once (did you mean 'Once'?)"),
        ("def One(): pass", "wrong_h:One", "expected a class, got wrong_h:One of type function"),
        ("x = 1", "wrong_i:One", "module wrong_i has no class 'One'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, text: str, name: str, message: str):
    module = name.partition(":")[0]
    if module != "wrong_missing":
        written(tmp_path, f"{module}.py", text)
    with pytest.raises(InputError) as told:
        load_class(name, "s.toml: learner.algorithm", tmp_path)
    assert str(told.value).startswith("s.toml: learner.algorithm: ")
    assert message.replace("FOLDER", str(tmp_path)) in str(told.value)
    assert "\n" not in str(told.value)


def test_a_missing_method_is_told_with_the_nearest_one():
    class One:
        def start(self) -> None: ...
        def tel(self) -> None: ...

    with pytest.raises(
        InputError, match=r"s.toml: lab:One: expected the methods start, tell, got no 'tell' \(did you mean 'tel'"
    ):
        expect_methods(One, ("start", "tell"), "lab:One", "s.toml")


@pytest.mark.parametrize(("name", "owner"), [("random", "Python"), ("yaml_of_all", "an installed package")])
def test_a_module_named_as_one_that_is_installed_is_refused(tmp_path: Path, monkeypatch, name: str, owner: str):
    monkeypatch.syspath_prepend(written(tmp_path / "installed", "yaml_of_all.py", ""))
    folder = written(tmp_path / "own", f"{name}.py", "class One: pass")
    with pytest.raises(InputError, match=f"got {folder}/{name}.py, a name of {owner}"):
        load_class(f"{name}:One", "s.toml", folder)
    monkeypatch.undo()


def test_a_file_beside_a_class_stands_in_for_no_module_of_python(tmp_path: Path):
    folder = written(tmp_path, "colorsys.py", "here = True")
    written(folder, "shadow_one.py", "import colorsys\nclass One: found = colorsys")
    assert not hasattr(load_class("shadow_one:One", "s.toml", folder).found, "here")
