"""What `auctionsim.whatif` returns: the answer, which shows itself as text and writes itself as files."""

from __future__ import annotations

from pathlib import Path

from auctionsim.analysis.whatif.answer import Answer
from auctionsim.analysis.whatif.files import write_answer
from auctionsim.analysis.whatif.text import answer_lines


class WhatIf(Answer):
    """The answer to a what-if question: `print` it, take its tables and figures, or write it as files."""

    def __str__(self) -> str:
        return "\n".join(answer_lines(self))

    def write(self, out: str | Path, *, command: str = "auctionsim.whatif(...)") -> Path:
        """Write the answer as files: index.html, report.md, changes.csv, advertisers.csv, whatif.json and whatif.xlsx.

        The last one needs xlsxwriter (`pip install 'auctionsim[xlsx]'`), and is left out with a remark where it is missing.

        Args:
            out: A new folder, or that of an earlier answer.
            command: The command line that made the answer, for the page.

        Returns:
            The path of index.html.

        Raises:
            InputError: The folder holds other files.
        """
        return write_answer(self, out, command)
