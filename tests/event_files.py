"""Read event files of TensorBoard: records of a length, its checksum, an event, and its checksum."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any


def events_of(folder: Path) -> Iterator[Any]:
    """Read the event files of a folder, in the order in which they were made."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    files = [path for path in folder.iterdir() if path.is_file()]
    for file in sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name)):
        contents, place = file.read_bytes(), 0
        while place < len(contents):
            length = contents[place : place + 8]
            size = int.from_bytes(length, "little")
            data = contents[place + 12 : place + 12 + size]
            sums = contents[place + 8 : place + 12] + contents[place + 12 + size : place + 16 + size]
            assert [int.from_bytes(sums[i : i + 4], "little") for i in (0, 4)] == [masked_crc32c(length), masked_crc32c(data)]
            yield Event.FromString(data)
            place += 16 + size
