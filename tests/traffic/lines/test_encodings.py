"""A log that its encoding cannot read is refused by the line, also by an encoding that reads no part of a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from auctionsim.errors import InputError
from auctionsim.traffic.ingest.dialect.text_files import _copy


@pytest.mark.parametrize("encoding", ["idna", "ascii", "utf-8", "cp1252"])
def test_a_byte_that_cannot_be_read_is_on_its_line(tmp_path: Path, encoding: str):
    log, bad = tmp_path / "log.csv", {"cp1252": b"\x81"}.get(encoding, b"\xe2")
    log.write_bytes(b"a,b\n1,2\n3," + bad + b"4\n")
    with pytest.raises(InputError, match=f"log.csv: line 3: expected {encoding}, got byte 0x{bad.hex()}"):
        _copy("log.csv", log, tmp_path / "out.csv", encoding, "strict")
