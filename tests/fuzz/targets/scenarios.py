"""Scenario files and `--set` options: keys of the schema with right and wrong values, and TOML that is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from auctionsim.scenario.schema import scenario_schema

from ..base import Case, Target
from ..edits import TOKENS, edited_text, text_edits, to_bytes
from ..folders import home
from ..oracle import run_command

_BASE: dict[str, dict[str, str]] = {
    "": {"name": '"small"'},
    "traffic": {"auctions_per_day": "60", "queries": "5", "candidates": "3", "days": "2", "train_days": "[0]",
    "test_days": "[1]"},
    "mechanism": {"reserve": "0.01"},
    "platform": {"revenue_floor": "1.0"},
    "advertisers": {"group": '"seller"', "count": "3"},
    "learner": {"population": "4"},
    "train": {"iterations": "2", "checkpoint_every": "1"},
}  # fmt: skip
_VALUES = (
    "0", "1", "2", "-1", "3", "0.5", "1.5", "-0.0", "nan", "inf", "-inf", "1e308", "5e-324", "1e-9", "9223372036854775807",
    "9223372036854775808", '""', '"x"', '"none"', '"table"', '"baseline*0.5"', '"baseline*"', '"baseline*1e999"',
    "true", "false",
    "[]", "[0]", "[1.0, 0.5]", "[1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]", "[[1]]", "{}", "{ profit = 1.0 }", "{ clicks = 0 }",
    "{ gmv = nan }", "1979-05-27", "07:32:00", '"""a\nb"""', '"\\u0000"', '"no.such:Class"', '"os:system"',
    '"../x.csv"', '"{seed}"',
)  # fmt: skip
# Values of these above some tens take minutes without anything being wrong.
_SIZES = {
    "auctions_per_day",
    "queries",
    "days",
    "iterations",
    "population",
    "count",
    "hidden",
    "candidates",
    "workers",
    "weight",
}
_LARGE = {"9223372036854775807", "9223372036854775808", "1e308"}
_COMMANDS = (
    ["check", "s.toml"], ["check", "s.toml", "--json"], ["check", "s.toml"], ["train", "s.toml", "--out", "out"],
    ["train", "s.toml", "--seeds", "2", "--out", "out", "--workers", "0"],
)  # fmt: skip


def _sections() -> dict[str, dict[str, Any]]:
    """Return the keys of every section, as the schema has them."""
    schema = scenario_schema()
    found: dict[str, dict[str, Any]] = {"": {}}

    def resolve(value: dict[str, Any]) -> dict[str, Any]:
        inner = value.get("items", value)
        for one in [inner, *inner.get("anyOf", ()), *inner.get("allOf", ())]:
            if "$ref" in one:
                return schema["$defs"][one["$ref"].rsplit("/", 1)[1]]
            if "properties" in one:
                return one
        return {}

    def walk(path: str, properties: dict[str, Any]) -> None:
        for key, value in properties.items():
            section = resolve(value)
            if "properties" in section:
                name = f"{path}.{key}".strip(".")
                found[name] = {}
                walk(name, section["properties"])
            else:
                found[path][key] = value

    walk("", schema["properties"])
    return found


_SECTIONS = _sections()


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    keys = [(section, key) for section, inside in _SECTIONS.items() for key in inside]
    command = draw(st.sampled_from(_COMMANDS))
    changes: dict[str, str] = {}
    for section, key in draw(st.lists(st.sampled_from(keys), max_size=3)):
        schema = _SECTIONS[section][key]
        choices = [f'"{one}"' for option in [schema, *schema.get("anyOf", ())] for one in option.get("enum", ())]
        value = draw(st.sampled_from(choices) | st.sampled_from(_VALUES) if choices else st.sampled_from(_VALUES))
        if not (key in _SIZES and value in _LARGE and command[0] == "train"):
            changes[f"{section}.{key}"] = value
    overrides = draw(st.lists(_override(keys), max_size=2)) if draw(st.booleans()) else []
    return {"changes": changes, "edits": draw(text_edits(2)) if draw(st.integers(0, 2)) == 0 else [], "set": overrides,
            "command": command}  # fmt: skip


@st.composite
def _override(draw: st.DrawFn, keys: list[tuple[str, str]]) -> str:
    section, key = draw(st.sampled_from(keys))
    index = draw(st.sampled_from(["", "", ".0", ".1", ".-1", "[0]", ".\u00b2", ".99999999999", ".x", "."]))
    path = (
        f"{section}{index}.{key}".strip(".")
        if draw(st.booleans())
        else draw(st.sampled_from(["", ".", "=", "name.x", "a" * 300]))
    )
    value = draw(st.sampled_from([value for value in _VALUES + TOKENS if not (key in _SIZES and value in _LARGE)]))
    return f"{path}={value}"


def scenario_text(changes: dict[str, str]) -> str:
    """Return the small scenario as TOML with values put in place, by `section.key`."""
    sections = {name: dict(inside) for name, inside in _BASE.items()}
    for path, value in changes.items():
        section, _, key = path.rpartition(".")
        sections.setdefault(section, {})[key] = value
    lines = []
    for section, inside in sorted(sections.items()):
        if section:
            lines.append("[[advertisers]]" if section == "advertisers" else f"[{section}]")
        lines += [f"{key} = {value}" for key, value in inside.items()]
    return "\n".join(lines) + "\n"


def _run(case: Case) -> None:
    Path("s.toml").write_bytes(to_bytes(edited_text(scenario_text(case["changes"]), case["edits"])))
    words = list(case["command"])
    for override in case["set"]:
        words += ["--set", override]
    run_command(words, writes=["out"])


def _prepare() -> None:
    # Compiles what a case runs, which takes longer than a case may.
    home()


TARGET = Target(cases=_cases, run=_run, prepare=_prepare, quick=40, seconds=60)
