"""Run the notebooks of docs/tutorials and write their outputs into them: `make notebooks`.

Same seed, same output: `make test` runs each notebook once more in an empty folder and compares every line it prints with what
is written in it. Pictures are not compared, only counted. Nothing of a run that differs from the next is kept: no times, no
remarks on the standard error.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

TUTORIALS = Path(__file__).parent / "tutorials"
_SECONDS = 280
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def read(path: Path) -> NotebookNode:
    """Read a notebook as it is committed."""
    import nbformat

    return nbformat.read(path, as_version=4)


def run(path: Path, folder: Path) -> NotebookNode:
    """Run a notebook with `folder` as the current one, and return it with its outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell fails; an `assert` counts as one.
    """
    from nbclient import NotebookClient

    notebook = read(path)
    environment = {
        **os.environ,
        # The command `auctionsim` of this very environment.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    client = NotebookClient(
        notebook,
        timeout=_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        coalesce_streams=True,
    )
    client.execute(env=environment)
    notebook.metadata = _METADATA
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def shown(notebook: NotebookNode) -> list[list[str]]:
    """Return what each cell of code shows: the text of every output, and `picture` where there is one."""
    return [[_shown(output) for output in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"]


def _shown(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return output.text
    return "picture" if "image/png" in output.data else output.data["text/plain"]


def main(names: list[str]) -> None:
    """Run the named notebooks, or all, and write them."""
    import nbformat

    for path in sorted(TUTORIALS.glob("*.ipynb")):
        if not names or path.stem in names:
            with tempfile.TemporaryDirectory() as folder:
                nbformat.write(run(path, Path(folder)), path)
            print(f"wrote {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
