"""The matrix and its page agree: every client has a test, pinned libraries, a row with their versions, a section that runs."""

from __future__ import annotations

import re

import pytest

from .matrix import PAGE, REQUIREMENTS, sections, snippets

TESTS = REQUIREMENTS.parent
CLIENTS = sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))


def row(client: str) -> list[str]:
    """The cells of a client's row."""
    command = f"`make test-clients CLIENT={client}`"
    (line,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|") and command in line]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_client_has_a_test_and_every_test_a_client():
    tests = {path.stem.removeprefix("test_") for path in TESTS.glob("test_*.py")} - {"matrix"}
    assert tests == set(CLIENTS)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_row_names_the_versions_that_are_installed(client: str):
    pinned = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.+]+)$", (REQUIREMENTS / f"{client}.txt").read_text(), re.MULTILINE)
    assert pinned
    _, versions, *_ = row(client)
    assert f"{pinned[0][0]} {pinned[0][1]}" in versions
    # Whatever else the row names is pinned too.
    assert set(versions.split(", ")) <= {f"{name} {version}" for name, version in pinned}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_row_has_a_section_whose_python_a_test_runs(client: str):
    section = row(client)[0]
    assert snippets(section)
    assert f'run_section("{section}"' in (TESTS / f"test_{client}.py").read_text()


def test_no_section_is_left_that_no_client_runs():
    run = {
        name for client in CLIENTS for name in re.findall(r'run_section\("([^"]+)"', (TESTS / f"test_{client}.py").read_text())
    }
    assert {name for name in sections(PAGE.read_text(encoding="utf-8")) if snippets(name)} <= run
