"""Documentation mentions only what there is: names, paths, commands, flags, make targets and scenario keys, everywhere."""

from __future__ import annotations

import argparse
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from auctionsim.cli import command_modules, make_parser
from auctionsim.errors import InputError
from auctionsim.jobs.studies.base import study_names
from auctionsim.scenario.file import builtin_scenarios, templates

from .mentions import Text, text_of, texts
from .names import CHECKOUT, PACKAGE, Names

# The repository is read once, by one worker.
pytestmark = pytest.mark.xdist_group("mentions")

# What looks like a mention and is none, with the reason.
EXCEPTIONS = {
    "NextStep": "a mode of Gymnasium's vector environments",
    "SameStep": "a mode of Gymnasium's vector environments",
    "ParallelPettingZooEnv": "RLlib's",
    "SyncVectorEnv": "Gymnasium's",
    "GymWrapper": "TorchRL's",
    "PettingZooWrapper": "TorchRL's",
    "set_seed": "a method of TorchRL's environments",
    "vf_clip_param": "a setting of RLlib's PPO",
    "DummyVecEnv": "Stable-Baselines3's",
    "VecMonitor": "Stable-Baselines3's",
    "VecNormalize": "Stable-Baselines3's",
    "TimeLimit.truncated": "a key of infos in Stable-Baselines3",
    "ActionMasker": "a wrapper of sb3-contrib's",
    "action_masks": "a method that sb3-contrib looks for",
    "black_death": "a wrapper of SuperSuit's",
    "mo_gymnasium.make": "MO-Gymnasium's",
    "momaland.utils.aec_wrappers": "a module of MOMAland's",
    "DummyVectorEnv": "Tianshou's",
    "ppo_continuous_action": "a file of CleanRL's",
    "auctionsim/SingleBidder-v0": "an environment's name in Gymnasium",
    "copy.deepcopy": "the standard library's",
    "gymnasium.make": "Gymnasium's",
    "spec.to_json": "Gymnasium's",
    "pettingzoo.make": "PettingZoo's",
    "key.path": "stands for any key",
    "NAME.md": "stands for any study",
    "user_id": "a column that logs have and that is never read",
    "PV_time_category_relation_data.pkl": "a file of a public data set",
    "campaigns_fpa.csv": "a file of a public data set",
    "campaigns_vcg.csv": "a file of a public data set",
    "html_math_renderer": "a setting of Sphinx",
    "Path.expanduser": "the standard library's",
    "SOURCE_DATE_EPOCH": "a variable of the environment that builds set",
    "LD_PRELOAD": "a variable of the environment that the dynamic linker reads",
    "numba.njit": "numba's",
    "np_random": "Gymnasium's generator of an environment",
    "np_random_seed": "Gymnasium's seed of an environment",
    "result.evaluate": "a method of a variable of docs/python.md",
    "result.metrics": "an attribute of a variable of docs/python.md",
    "result.outcomes": "an attribute of a variable of docs/python.md",
    "result.summary": "an attribute of a variable of docs/python.md",
    "MINARI_DATASETS_PATH": "a variable of the environment that Minari reads",
    "NUMBA_CACHE_DIR": "a variable of the environment that numba reads",
}
# Made from the very parsers and schema.
GENERATED = ("docs/commands.md", "docs/scenario-keys.md")

DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
FILE_NAME = re.compile(r"[\w*-]+\.(?:py|ipynb)")
DATA_FILE = re.compile(r"\w[\w.-]*\.(?:csv|gz|html|json|jsonl|md|parquet|pkl|png|safetensors|svg|toml|txt|zip|whl)")
FOLDER = re.compile(r"(?:auctionsim|agents|envs|analysis|tests|docs|examples|benchmarks)(?:/[\w-]+)+/?")
IDENTIFIER = re.compile(r"[a-z]\w*_\w*[a-z]\w*|[A-Z][a-z]+[A-Z]\w+|[A-Z]{2,}[A-Z_]*_[A-Z_]+|[a-z_]\w{3,}\(\)")
ASSIGNMENT = re.compile(r"([a-z][\w.]{3,}) = (?:[\"\[{\d]|true|false)")
COMMAND = re.compile(r"(?:^|[|;&(] *|\s)auctionsim ([a-z][\w-]*|COMMAND)\b((?: [^|;&>]*)?)")
FLAG = re.compile(r"--[a-z][\w-]*")
MAKE = re.compile(r"(?:^|`|&& )make((?: [a-z][\w-]*)+)")


@cache
def names() -> Names:
    return Names()


@cache
def parsers() -> dict[str, argparse.ArgumentParser]:
    parser = make_parser(command_modules())
    return dict(next(action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)))


@cache
def documentation() -> list[Text]:
    pages = [
        CHECKOUT / "README.md",
        CHECKOUT / "CONTRIBUTING.md",
        *(path for path in names().files if path.suffix in (".md", ".ipynb")),
        *(path for path in names().files if path.suffix == ".toml" and path.is_relative_to(PACKAGE)),
        *(path for path in names().files if path.suffix == ".py" and not path.is_relative_to(CHECKOUT / "tests")),
    ]
    return [text for page in pages if str(page.relative_to(CHECKOUT)) not in GENERATED for text in texts(page)]


def flags_of(command: str) -> set[str]:
    """The flags that the help shows; an old spelling works without being shown."""
    actions = parsers()[command]._option_string_actions
    return {flag for flag, action in actions.items() if action.help != argparse.SUPPRESS or flag in ("-h", "--help")}


def without_call(code: str) -> str:
    return code.partition("(")[0]


def without_comment(line: str) -> str:
    return line.partition(" #")[0]


def dotted_names(text: Text) -> Iterator[str]:
    for code in map(without_call, text.code()):
        if DOTTED.fullmatch(code) and not FILE_NAME.fullmatch(code) and not DATA_FILE.fullmatch(code):
            yield code


def is_name_or_key(dotted: str, text: Text) -> bool:
    return names().has_key(dotted) or names().has_name(dotted, text.path)


def names_of_several_words(text: Text) -> Iterator[str]:
    yield from (without_call(code) for code in text.code() if IDENTIFIER.fullmatch(code))


def is_in_the_code(name: str, _: Text) -> bool:
    return name in names().words


def source_files_and_pages(text: Text) -> Iterator[str]:
    # OUT/table.md, RUN/report: the first word stands for any folder.
    yield from (path for path in text.paths() if not path.partition("/")[0].isupper())
    yield from (code for code in text.code() if FILE_NAME.fullmatch(code) or FOLDER.fullmatch(code))


def is_a_file(path: str, text: Text) -> bool:
    file, _, name = path.partition(":")
    if "/" not in file:
        return any(known.match(file) for known in names().files) or (CHECKOUT / file).exists()
    if not names().has_file(file, text.path):
        return False
    return not name or names().has_name(f"{file.removesuffix('.py').replace('/', '.')}.{name}", text.path)


def files_of_data(text: Text) -> Iterator[str]:
    yield from (code for code in text.code() if DATA_FILE.fullmatch(code))


def is_written_or_read(file: str, _: Text) -> bool:
    known = (CHECKOUT / file).exists() or any(path.name == file for path in names().files)
    return known or set(re.findall(r"\w+", file)) <= names().words


def commands(text: Text) -> Iterator[str]:
    """`auctionsim COMMAND ...` in backticks, in blocks of code, and in the comments of scenario files."""
    comments = [text.prose] if text.path.suffix == ".toml" else []
    for line in [*text.code(), *map(without_comment, text.lines()), *comments]:
        for command, arguments in COMMAND.findall(line):
            yield f"{command}{arguments}".strip().rstrip(".:,)")


def has_its_flags(mention: str, _: Text) -> bool:
    command, *words = mention.split()
    if command == "COMMAND":
        return True
    return command in parsers() and {word for word in words if FLAG.fullmatch(word)} <= flags_of(command)


def names_what_is_built_in(mention: str, _: Text) -> bool:
    """A word that is no path names a study, scenario or template."""
    command, *words = mention.split()
    scenarios = set(builtin_scenarios())
    built_in = {"reproduce": {*study_names()}, "train": scenarios, "check": scenarios, "sweep": scenarios}.get(command)
    named = [word for word in words[:1] if built_in is not None and re.fullmatch(r"[a-z][a-z0-9-]*", word)]
    template = words[words.index("--template") + 1] if command == "init" and "--template" in words else "NAME"
    return all(word in built_in for word in named) and template in {*templates(), *scenarios, "NAME"}


def command_lines(text: Text) -> Iterator[str]:
    for line in map(without_comment, text.lines()):
        yield from (f"{command}{arguments}".strip() for command, arguments in COMMAND.findall(line))


def is_read_by_the_parser(line: str, _: Text) -> bool:
    try:
        make_parser(command_modules()).parse_args(shlex.split(line))
    except InputError:
        return False
    return True


def flags_that_stand_alone(text: Text) -> Iterator[str]:
    yield from (found.group() for code in text.code() if (found := FLAG.match(code)))


def is_a_flag(flag: str, _: Text) -> bool:
    return any(flag in flags_of(command) for command in parsers())


def make_targets(text: Text) -> Iterator[str]:
    for line in [*(f"`{code}`" for code in text.code()), *map(without_comment, text.lines())]:
        for found in MAKE.findall(line):
            yield from found.split()


def is_a_target(target: str, _: Text) -> bool:
    return re.search(rf"^{target}:", (CHECKOUT / "Makefile").read_text(), re.MULTILINE) is not None


def sole_importers(text: Text) -> Iterator[str]:
    """`MODULE imports LIBRARY`, where a module says that no other one does."""
    for library in re.findall(r"[Oo]nly module that imports (\w+)", " ".join(text.prose.split())):
        yield f"{text.path.stem} imports {library.lower()}"


def imports_it_alone(mention: str, _: Text) -> bool:
    module, _, library = mention.split()
    return [name.rpartition(".")[2] for name in names().importers(library)] == [module]


def keys_that_are_set(text: Text) -> Iterator[str]:
    for line in [*text.code(), *text.lines()]:
        yield from re.findall(r"--(?:set|param) [\"']?([a-z][\w.]*)=", line)
    yield from (found[1] for code in text.code() if (found := ASSIGNMENT.match(code)))
    for language, block in text.blocks:
        yield from assigned(tomllib.loads(block)) if language == "toml" else ()


def is_a_key(key: str, _: Text) -> bool:
    # A learner of a user's own says itself which constants it has.
    return names().has_key(key) or key.startswith("learner.constants.")


def assigned(tree: dict, path: str = "") -> Iterator[str]:
    """Every key of a TOML document by its path."""
    for key, value in tree.items():
        tables = [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]
        if not tables or key == "objectives":
            yield f"{path}{key}"
        for table in tables if key != "objectives" else ():
            yield from assigned(table, f"{path}{key}.")


class Check(NamedTuple):
    """Which mentions are looked for, what each has to be, and one that is not so."""

    mentions: Callable[[Text], Iterator[str]]
    holds: Callable[[str, Text], bool]
    stale: str


CHECKS = [
    Check(dotted_names, is_name_or_key, "`settle.NO_SUCH_TABLE`"),
    Check(dotted_names, is_name_or_key, "`learner.no_such_key`"),
    Check(dotted_names, is_name_or_key, "`auctionsim.no_such_function(market)`"),
    Check(dotted_names, is_name_or_key, "`Traffic.no_such_field`"),
    Check(names_of_several_words, is_in_the_code, "`open_no_such_day`"),
    Check(source_files_and_pages, is_a_file, "in docs/no-such-page.md"),
    Check(source_files_and_pages, is_a_file, "`auction/kernel/no_such_module.py`"),
    Check(source_files_and_pages, is_a_file, "`agents/learners/base.py:NoSuchClass`"),
    Check(source_files_and_pages, is_a_file, "`auctionsim/no_such_folder`"),
    Check(sole_importers, imports_it_alone, "The only module that imports numpy"),
    Check(files_of_data, is_written_or_read, "`nosuchfile.parquet`"),
    Check(commands, has_its_flags, "`auctionsim nosuchcommand`"),
    Check(commands, has_its_flags, "`auctionsim train three-arms --no-such-flag`"),
    Check(commands, names_what_is_built_in, "`auctionsim train no-such-scenario`"),
    Check(commands, names_what_is_built_in, "`auctionsim init mine.toml --template no-such-template`"),
    Check(command_lines, is_read_by_the_parser, "```\nauctionsim report\n```\n"),
    Check(command_lines, is_read_by_the_parser, "```\nauctionsim train a.toml \\\n    --seeds none\n```\n"),
    Check(flags_that_stand_alone, is_a_flag, "`--no-such-flag 3`"),
    Check(make_targets, is_a_target, "`make no-such-target`"),
    Check(keys_that_are_set, is_a_key, "`auctionsim train a.toml --set platform.no_such_key=0`"),
    Check(keys_that_are_set, is_a_key, '`no_such_key = "group"`'),
    Check(keys_that_are_set, is_a_key, "```toml\n[learner]\nno_such_key = 1\n```\n"),
]


@pytest.mark.parametrize("check", {check[:2]: check for check in CHECKS}.values(), ids=lambda check: check.holds.__name__)
def test_documentation_mentions_only_what_there_is(check: Check):
    stale = {
        f"{text.path.relative_to(CHECKOUT)}:{text.line}: {mention}"
        for text in documentation()
        for mention in check.mentions(text)
        if mention not in EXCEPTIONS and not check.holds(mention, text)
    }
    assert not stale, "\n".join(["mentioned, and not there:", *sorted(stale)])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.stale)
def test_a_stale_mention_would_be_found(check: Check):
    markdown = check.stale if check.stale.startswith("```") else f"Some words, {check.stale} and more."
    text = text_of(CHECKOUT / "docs" / "index.md", 1, markdown)
    found = list(check.mentions(text))
    assert found
    assert not all(check.holds(mention, text) for mention in found)


def test_docstrings_comments_and_messages_are_read(tmp_path: Path):
    module = tmp_path / "module.py"
    module.write_text(
        '"""Uses `a.one`."""\n'
        "# Goes over `auctionsim\n"
        "# train` and on.\n"
        'LIMIT = 1\n"""As of `a.two`."""\n'
        'MESSAGE = f"see docs/three.md, {LIMIT}"\n'
        'NAME = "`a.four` is no documentation"\n'
    )
    read = texts(module)
    assert {code for text in read for code in text.code()} == {"a.one", "a.two", "auctionsim train"}
    assert {path for text in read for path in text.paths()} == {"docs/three.md"}


def test_no_exception_is_left_that_nothing_needs():
    mentioned = {mention for text in documentation() for check in CHECKS for mention in check.mentions(text)}
    assert sorted(set(EXCEPTIONS) - mentioned) == []
