"""The tutorials' notebooks run from their first cell to the last, and print what is written in them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import auctionsim

DOCS = Path(auctionsim.__file__).parents[1] / "docs"
SPEC = importlib.util.spec_from_file_location("run_notebooks", DOCS / "run_notebooks.py")
run_notebooks = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(run_notebooks)

NOTEBOOKS = sorted((DOCS / "tutorials").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.mark.long
@pytest.mark.slow
# Jupyter warns of its own sockets and event loops.
@pytest.mark.filterwarnings("default")
@each_notebook
def test_a_notebook_prints_what_is_written_in_it(path: Path, tmp_path: Path):
    found, written = run_notebooks.run(path, tmp_path), run_notebooks.read(path)
    assert run_notebooks.shown(found) == run_notebooks.shown(written), "run make notebooks, and look at what has changed"


def test_there_are_the_three_tutorials():
    assert [path.stem for path in NOTEBOOKS] == ["change-a-mechanism", "own-learner", "own-logs"]


@each_notebook
def test_a_notebook_is_committed_as_it_ran_and_asserts_its_claims(path: Path):
    notebook = run_notebooks.read(path)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any("assert " in cell.source for cell in cells)
    assert any("picture" in outputs for outputs in run_notebooks.shown(notebook))
    assert path.stat().st_size < 150_000
