"""The documentation keeps up: generated pages are current, every key is explained, no local link leads nowhere."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from docutils import nodes

import auctionsim
from auctionsim.cli import command_modules, make_parser
from auctionsim.scenario.schema import scenario_schema

CHECKOUT = Path(auctionsim.__file__).parents[1]
DOCS = CHECKOUT / "docs"
# Those of docs/ are checked by `make docs` too; these may also lead to other files of the repository.
PAGES = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("benchmarks/*.md"), *DOCS.rglob("*.md")]


def extension(name: str) -> ModuleType:
    return module(DOCS / "_extensions" / f"{name}.py")


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def keys(section: dict[str, Any], definitions: dict[str, Any]) -> set[str]:
    found = set()
    for key, value in section["properties"].items():
        value = next((choice for choice in value.get("anyOf", ()) if "$ref" in choice), value)  # A section, or none.
        name = (value.get("$ref") or value.get("items", {}).get("$ref", "")).rpartition("/")[2]
        found |= keys(definitions[name], definitions) if name else {key}
    return found


def test_the_scenario_page_and_the_schema_name_the_same_keys():
    schema, text = scenario_schema(), (DOCS / "scenario.md").read_text()
    named = set(re.findall(r"`([\w.]+)`", text))
    assert {
        key for key in keys(schema, schema["$defs"]) if key not in named | {name.rpartition(".")[2] for name in named}
    } == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_local_links_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    local = [link.partition("#")[0] for link in links if not re.match(r"\w+:", link)]
    assert [link for link in local if link and not (page.parent / link).exists()] == []


def test_every_page_is_in_the_table_of_contents():
    trees = "\n".join((DOCS / name).read_text() for name in ("index.md", "reproductions.md"))
    pages = {path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.*") if path.suffix in (".md", ".ipynb")}
    # Results are listed by a pattern.
    unlisted = {page for page in pages if not re.search(rf"^{page}$", trees, re.MULTILINE) and page.parts[0] != "results"}
    assert unlisted == {Path("index")}


def test_pages_that_are_made_from_the_code_are_current(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(DOCS / "_extensions")
    for name, page in extension("generated_pages").PAGES.items():
        assert (DOCS / name).read_text() == page(), f"docs/{name}: run make docs"


def test_every_public_name_has_its_place_on_the_page_of_the_api():
    directive = re.compile(r"^\.\. auto(?:function|class):: auctionsim\.(\w+)$", re.MULTILINE)
    public = {name for name in auctionsim.__all__ if not isinstance(getattr(auctionsim, name), ModuleType | str)}
    assert set(directive.findall((DOCS / "api.md").read_text())) == public


def test_every_command_and_flag_has_its_place_on_the_page_of_commands():
    text = (DOCS / "commands.md").read_text()
    parser = make_parser(command_modules())
    choices = next(action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for name, command in choices.items():
        section = text.partition(f"## auctionsim {name}\n")[2].partition("\n## ")[0]
        flags = {flag for flag, action in command._option_string_actions.items() if action.help != argparse.SUPPRESS}
        flags -= {"-h", "--help", "--json"}
        assert {flag for flag in flags if not re.search(rf"`{flag}[ `]", section)} == set(), name
        # The example is one that the parser reads.
        example = section.partition("For example:\n\n```\n")[2].partition("\n```")[0]
        assert parser.parse_args(shlex.split(example)[1:]).command == name


def test_every_figure_of_the_gallery_stands_above_the_commands_that_make_it():
    text = (DOCS / "gallery.md").read_text()
    figures = module(DOCS / "make_gallery.py").figures(text)
    assert [figure.image.name for figure in figures] == re.findall(r"!\[[^]]*\]\(images/([^)]+)\)", text)
    assert {path.name for path in (DOCS / "images").iterdir()} == {figure.image.name for figure in figures}
    for figure in figures:
        assert figure.image.stat().st_size < 150_000
        assert figure.commands.startswith(("auctionsim ", "make "))


def test_a_formula_becomes_mathml_and_one_that_cannot_be_read_a_warning(caplog: pytest.LogCaptureFixture):
    mathml = extension("mathml")
    assert "<msub>" in mathml._mathml(nodes.math("", r"x_{ij} \le 1"), displaystyle=False)
    assert not caplog.records
    assert mathml._mathml(nodes.math("", r"\no_such_command"), displaystyle=False) == ""
    assert "expected a formula" in caplog.text


def test_docstrings_are_read_as_they_are_written():
    lines = [
        "An `x`'s a_ * b, `y`s and `z`.",
        "",
        "### Actions",
        "| a | `b` |",
        "|---|---|",
        "| 1 | *2* |",
        "```python",
        "f(`x`)",
        "```",
        "`over",
        "two` lines",
    ]
    text = "\n".join(extension("plain_docstrings").as_markup(lines))
    assert "An ``x``'s a\\_ \\* b, ``y``\\ s and ``z``." in text
    assert ".. rubric:: Actions" in text
    assert "   * - a\n     - ``b``\n   * - 1\n     - \\*2\\*" in text
    assert ".. code-block:: python\n\n   f(`x`)" in text
    assert "``over two`` lines" in text
