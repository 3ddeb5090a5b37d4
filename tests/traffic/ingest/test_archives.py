"""Compressed logs that are damaged, hostile or endless end in one line, with the limit and how to raise it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import zipfile
from pathlib import Path

import pyarrow
import pytest

from auctionsim.errors import InputError
from auctionsim.traffic.ingest import archives
from auctionsim.traffic.ingest.archives import unpacked

from .mapped import HEADER, ingest_log, line, rows

GOOD = (HEADER + "".join(line(i, "2024-03-04 05:06:07", seller) for i in range(3) for seller in "st")).encode()


def zipped(*members: tuple[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", kind) as archive:
        for name, contents in members:
            archive.writestr(name, contents)
    return made.getvalue()


PACKED = {
    ".gz": gzip.compress(GOOD, mtime=0),
    ".bz2": bz2.compress(GOOD),
    ".xz": lzma.compress(GOOD),
    ".zst": pyarrow.compress(GOOD, "zstd", asbytes=True),
    ".zip": zipped(("a.csv", GOOD)),
}


def test_members_are_read_one_after_the_other(tmp_path: Path):
    other = GOOD.replace(b",k,", b",other,").replace(b"\n0,", b"\nx,").replace(b"\n1,", b"\ny,").replace(b"\n2,", b"\nz,")
    packed = zipped(("a.csv", GOOD), ("deep/b.csv", other), ("__MACOSX/a.csv", b"\0"), (".hidden", b"\0"), ("folder/", b""))
    assert sorted(rows(ingest_log(tmp_path, packed, name="a.zip"), "query")) == ["k"] * 6 + ["other"] * 6
    parts = gzip.compress(GOOD[:50]) + gzip.compress(b"") + gzip.compress(GOOD[50:])
    assert rows(ingest_log(tmp_path, parts, name="b.gz"), "query") == ["k"] * 6


@pytest.mark.parametrize("member", ["../a.csv", "/etc/a.csv", "deep/../../a.csv", "..\\a.csv"])
def test_a_member_that_leaves_the_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], member: str):
    ingest_log(tmp_path, zipped((member, GOOD)), name="a.zip", code=2)
    assert "a.zip: expected members inside the archive's folder, got" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", PACKED)
def test_a_small_archive_does_not_fill_the_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, suffix: str
):
    monkeypatch.setattr(archives, "UNPACKED_LEAST_GB", 0.001)
    monkeypatch.setattr(archives, "UNPACKED_RATIO", 2)
    bomb = GOOD + b"\n" * 3_000_000
    packed = {
        ".gz": lambda: gzip.compress(bomb), ".bz2": lambda: bz2.compress(bomb), ".xz": lambda: lzma.compress(bomb),
        ".zst": lambda: pyarrow.compress(bomb, "zstd", asbytes=True), ".zip": lambda: zipped(("a", GOOD), ("b", bomb)),
    }[suffix]()  # fmt: skip
    ingest_log(tmp_path, packed, name=f"a{suffix}", code=2)
    message = capsys.readouterr().err
    assert "expected a log of <= 0.001 GB when it is unpacked, got more from " in message
    assert message.endswith("(raise the limit with --max-unpacked GB)\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"a{suffix}", "map.toml"])
    if suffix != ".zip":
        ingest_log(tmp_path, packed, "--max-unpacked", "0.01", name=f"a{suffix}")


def test_the_limit_leaves_room_for_any_honest_log():
    honest = "".join(line(i, f"2024-03-04 05:{i // 60 % 60:02d}:{i % 60:02d}", bid=i % 97) for i in range(20_000)).encode()
    assert len(honest) < archives.UNPACKED_RATIO / 3 * len(gzip.compress(honest, 9))


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "much", ""])
def test_the_limit_is_a_size(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str):
    ingest_log(tmp_path, GOOD, f"--max-unpacked={text}", code=2)
    assert f"argument --max-unpacked: expected a number > 0, got '{text}'" in capsys.readouterr().err


def encrypted() -> bytes:
    """A zip archive whose member says that it has a password."""
    packed = bytearray(PACKED[".zip"])
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


def of_kind(number: int) -> bytes:
    """A zip archive whose member is compressed in a way that is not known."""
    packed = bytearray(PACKED[".zip"])
    struct.pack_into("<H", packed, 8, number)
    struct.pack_into("<H", packed, packed.index(b"PK\x01\x02") + 10, number)
    return bytes(packed)


def nameless() -> bytes:
    """A zip archive whose member has no name: what was its name is an extra field without contents."""
    packed = bytearray(zipped(("abcd", GOOD)).replace(b"abcd", b"\x99\x99\0\0"))
    struct.pack_into("<HH", packed, 26, 0, 4)
    struct.pack_into("<HH", packed, packed.index(b"PK\x01\x02") + 28, 0, 4)
    return bytes(packed)


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("a.zip", encrypted(), "expected no password, got an encrypted one"),
        ("a.zip", nameless(), "expected a complete .zip file, got"),
        ("a.zip", of_kind(99), "expected a complete .zip file, got"),
        ("a.zip", of_kind(9), "expected a complete .zip file, got"),
        ("a.zip", zipped(), "expected log files in the archive, got none"),
        ("a.zip", zipped(("a.zip", PACKED[".zip"])), "got .zip inside an archive"),
        ("a.zip", b"", "expected a complete .zip file, got"),
        ("a.gz", b"", "expected a log, got an empty file"),
        ("a.gz", PACKED[".zip"], "expected a complete .gz file, got"),
        ("a.tar.gz", PACKED[".gz"], "got .tar.gz"),
        *((f"a{kind}", packed[:-5], "expected a complete") for kind, packed in PACKED.items() if kind != ".zst"),
        *((f"a{kind}", packed[: len(packed) // 2], "expected a complete") for kind, packed in PACKED.items() if kind != ".zst"),
    ],
)
def test_a_broken_archive_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, contents: bytes, message: str
):
    ingest_log(tmp_path, contents, name=name, code=2)
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("suffix", PACKED)
def test_altered_bytes_end_in_contents_or_in_one_line(tmp_path: Path, suffix: str):
    draw = random.Random(7)
    path, folder = tmp_path / f"a{suffix}", tmp_path / "unpacked"
    for _ in range(300):
        broken = bytearray(PACKED[suffix])
        for _ in range(draw.randint(1, 4)):
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        path.write_bytes(broken[: draw.choice((len(broken), draw.randrange(len(broken))))])
        try:
            with unpacked(path, path, folder):
                pass
        except InputError as error:
            assert str(error).startswith(str(path))
        assert not folder.exists()
