"""Command lines: every command and option with right and wrong words, on files that are there and others that are not."""

from __future__ import annotations

import argparse
import os
from typing import Any

from hypothesis import strategies as st

from auctionsim.cli import command_modules, make_parser

from ..base import Case, Target
from ..edits import TOKENS
from ..folders import home, put
from ..oracle import run_command

_PLACES = (
    "scenario.toml", "run", "interrupted", "table.parquet", "nowhere", ".", "..", "/", "/dev/null", "", "out", "out/deep/er",
    "out.toml", "run/manifest.json", "three-arms", "-", "--", "a\nb", "x" * 300, "\u00fc", "*", "$HOME", "scenario.toml/x",
)  # fmt: skip
_NUMBERS = (
    "0",
    "1",
    "2",
    "-1",
    "1.5",
    "nan",
    "1e3",
    "99999999999999999999",
    "\u0663",
    "\u00b2",
    " 1 ",
    "0x10",
    "1_0",
    "",
    "auto",
)
# What starts Ray, a study of minutes, a benchmark of one minute, or a page served without end; they have their own tests.
_LONG = {"sweep", "demo", "bench", "reproduce", "watch"}
_WRITERS = {"init", "fit", "train", "ingest", "export-dataset", "learn-offline", "whatif", "landscape"}
"""Commands that write what the command line names, wherever that is."""
# Numbers that are right and take long.
_NEVER = {
    "--workers": {"1", "2", "auto", " 1 ", "\u0663"},
    "--address": set(_PLACES) | set(TOKENS),
    "--seeds": {"99999999999999999999"},
}


def _options() -> dict[str, list[tuple[list[str], Any]]]:
    """Return the flags of every command with their number of words; positional arguments have none."""
    parser = make_parser(command_modules())
    (subparsers,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return {
        name: [(list(action.option_strings), action.nargs) for action in sub._actions]
        for name, sub in subparsers.choices.items()
    }


_OPTIONS = _options()


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    command = draw(st.sampled_from([*_OPTIONS, "", "trian", "--version"]))
    words: list[str] = []
    word = st.sampled_from(_PLACES) | st.sampled_from(_NUMBERS) | st.sampled_from(TOKENS)
    for flags, nargs in _OPTIONS.get(command, []):
        if not flags:
            words += draw(st.lists(st.sampled_from(_PLACES) | word, min_size=0 if nargs else 1, max_size=2))
        elif draw(st.integers(0, 3)) == 0:
            flag = draw(st.sampled_from(flags))
            value = [draw(word)] if nargs != 0 else []
            if not any(one in _NEVER.get(flag, ()) for one in value):
                words += [flag[: draw(st.integers(3, 30))] if flag.startswith("--") else flag, *value]
    # A word too many, or one too few.
    words += draw(st.lists(word, max_size=1)) if draw(st.integers(0, 4)) == 0 else []
    if command in _LONG and "--help" not in words:
        # Before any "--", after which it would be a name: `watch -- --no-such-flag` waits for a run of that name.
        words.insert(0, "--no-such-flag")
    return {"words": [command, *words]}


def _run(case: Case) -> None:
    put("scenario.toml", "run", "interrupted", "table.parquet")
    words = case["words"]
    if any(not isinstance(word, str) or "\0" in word for word in words):
        # No operating system hands over a NUL.
        return
    if words[0] in _WRITERS and any(os.path.normpath(word).startswith("../") for word in words[1:]):
        # What is named there would be written there, as it should.
        return
    named = [word for word in words[1:] if word and not word.startswith("/")]
    # What is named on the command line may be written where it is new, with its folders; in runs, resume and report work.
    first = [word.removeprefix("./").split("/")[0] for word in named]
    new = [word for word in first if word not in ("scenario.toml", "table.parquet", "..", ".", "run", "interrupted")]
    # Without --out, tables of a run are exported beside it.
    beside = [f"{word.rstrip('/')}-export{end}" for word in named for end in ("", ".xlsx")] if words[0] == "export" else []
    run_command(words, writes=["runs", "comparison", *new, *beside], changes=["run", "interrupted"])


def _prepare() -> None:
    home()


TARGET = Target(cases=_cases, run=_run, prepare=_prepare, quick=40, seconds=60)
