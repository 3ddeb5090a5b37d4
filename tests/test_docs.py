"""The documentation keeps up: generated pages are current, every key is explained, no local link leads nowhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import auctionsim
from auctionsim.scenario.schema import scenario_schema

CHECKOUT = Path(auctionsim.__file__).parents[1]
DOCS = CHECKOUT / "docs"
# Those of docs/ are checked by `make docs` too; these may also lead to other files of the repository.
PAGES = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("benchmarks/*.md"), *DOCS.rglob("*.md")]


def extension(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / "_extensions" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_keys_is_what_the_schema_says():
    assert (DOCS / "scenario-keys.md").read_text() == extension("scenario_keys").page(), "run make docs"


def keys(section: dict[str, Any], definitions: dict[str, Any]) -> set[str]:
    found = set()
    for key, value in section["properties"].items():
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
    pages = {page.relative_to(DOCS).with_suffix("") for page in DOCS.rglob("*.md")} - {Path("index")}
    # The API and scale.md by a pattern, results by another.
    listed = {
        page for page in pages if re.search(rf"^{page}$", trees, re.MULTILINE) or page.parts[0] in ("results", "api", "scale")
    }
    assert pages == listed


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
