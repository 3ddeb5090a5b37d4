"""Hold traffic on the device: a table's days stay there, a stored day goes through hour by hour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numba import cuda

from auctionsim.auction.cuda.kernels.arguments import DeviceRows
from auctionsim.auction.cuda.kernels.credit import Candidacies
from auctionsim.auction.cuda.kernels.device import check_device
from auctionsim.auction.cuda.kernels.screening import SCREEN_COLUMNS, write_screen
from auctionsim.auction.cuda.launch import over_rows
from auctionsim.auction.cuda.memory import WindowMemory
from auctionsim.auction.kernel.arguments import N_FEATURES
from auctionsim.auction.sources import Chunk, TableSource, TrafficSource
from auctionsim.errors import InputError

_ROW_BYTES = 8 * 8 + 4 * SCREEN_COLUMNS + 4
_CANDIDACY_BYTES = 4
_BUCKET_BYTES = 3 * 8
_KEPT_SHARE = 0.6
"""Share of the device's free memory that traffic may take; the rest is for windows."""


class DeviceChunk(NamedTuple):
    """Consecutive buckets of an hour on the device."""

    rows: DeviceRows
    n_buckets: int
    first_index: int
    """Index of the first of them in the hour."""
    candidacies: Candidacies | None = None
    """The buckets of each advertiser, for local credit; None where none is asked for."""


class DeviceTraffic:
    """Traffic on the device.

    Args:
        source: The traffic.
        reserve: The lowest bid, which screening compares with.
        gpu: Number of the device.
        has_candidacies: Whether to hold what local credit is summed by, 4 bytes more for each candidate.

    Raises:
        InputError: There is no device.
    """

    def __init__(self, source: TrafficSource, reserve: float, gpu: int = 0, *, has_candidacies: bool = False) -> None:
        check_device()
        self.source, self.gpu, self.has_candidacies = source, gpu, has_candidacies
        self._reserve = reserve
        self._is_kept = isinstance(source, TableSource)
        self._days: dict[int, list[list[DeviceChunk]]] = {}
        self.memory = WindowMemory()
        """Memory of windows."""
        self.clearers: dict[Any, Any] = {}
        """Objects that clear days of this traffic (`clearer.py`), by rules, shape and local credit."""

    def chunks(self, day: int, hour: int) -> Iterator[DeviceChunk]:
        """Yield the buckets of an hour, chunk by chunk.

        Raises:
            InputError: A table's day does not fit into the device's memory.
        """
        if not self._is_kept:
            yield from self._copied(day, hour)
            return
        if day not in self._days:
            self._make_room(day)
            self._days[day] = [list(self._copied(day, one)) for one in range(24)]
        yield from self._days[day][hour]

    def _make_room(self, day: int) -> None:
        """Forget other days where this one would not fit beside them."""
        sizes = [self.source.size_of(day, hour) for hour in range(24)]
        row_bytes = _ROW_BYTES + (_CANDIDACY_BYTES if self.has_candidacies else 0)
        needed = sum(_BUCKET_BYTES * n_buckets + row_bytes * n_rows for n_buckets, n_rows in sizes)
        if needed > _KEPT_SHARE * free_memory():
            self._days.clear()
        free = free_memory()
        if needed > _KEPT_SHARE * free:
            raise InputError(
                f"device: expected a day of <= {_KEPT_SHARE * free / 2**30:.1f} GiB on the device, got day {day} of "
                f"{needed / 2**30:.1f} GiB; store the traffic (auctionsim.traffic), which is read chunk by chunk"
            )

    def _copied(self, day: int, hour: int) -> Iterator[DeviceChunk]:
        for chunk in self.source.chunks(day, hour):
            if chunk.last_bucket > chunk.first_bucket:
                n_buckets = chunk.last_bucket - chunk.first_bucket
                candidacies = self._candidacies_of(chunk) if self.has_candidacies else None
                yield DeviceChunk(self._copy(chunk), n_buckets, chunk.first_index, candidacies)

    def _candidacies_of(self, chunk: Chunk) -> Candidacies:
        """Return the buckets in which each advertiser is a candidate, but for those that the pre-ranker dropped."""
        start = chunk.buckets.start[chunk.first_bucket : chunk.last_bucket + 1]
        who = chunk.candidates.advertiser[int(start[0]) : int(start[-1])]
        bucket = np.repeat(np.arange(len(start) - 1, dtype=np.int32), np.diff(start))
        ends = np.cumsum(np.bincount(who, minlength=len(self.source.advertisers) + 1))
        # Stable: an advertiser's buckets stay in order. Who was dropped stands last, and is none of the advertisers.
        order = np.argsort(who, kind="stable")
        return Candidacies(cuda.to_device(np.append(0, ends[:-1])), cuda.to_device(np.append(bucket[order], np.int32(0))))

    def _copy(self, chunk: Chunk) -> DeviceRows:
        """Copy a chunk to the device."""
        first, last = chunk.first_bucket, chunk.last_bucket
        start = chunk.buckets.start[first : last + 1]
        rows = slice(int(start[0]), int(start[-1]))
        who, own = chunk.candidates.advertiser[rows], chunk.candidates.features[rows]
        is_dropped = who == len(self.source.advertisers)
        if is_dropped.any():
            # The device's arrays have no advertiser who stands for none. This is a copy already, so NaN features mark a row.
            who, own = np.where(is_dropped, 0, who), own.copy()
            own[is_dropped, :N_FEATURES] = np.nan
        features = cuda.to_device(np.ascontiguousarray(own))
        # One more, as the row after the last may be read where a bucket is empty.
        advertiser = cuda.to_device(np.append(who, 0).astype(np.uint32))
        n_rows = rows.stop - rows.start
        screen = cuda.device_array(max(n_rows, 1) * SCREEN_COLUMNS, np.float32)
        if n_rows > 0:
            write_screen[over_rows(n_rows)](n_rows, self._reserve, advertiser, features, screen)
        return DeviceRows(
            start=cuda.to_device(start - start[0]),
            weight=cuda.to_device(chunk.buckets.weight[first:last].copy()),
            external_score=cuda.to_device(chunk.buckets.external_score[first:last].copy()),
            advertiser=advertiser,
            features=features,
            screen=screen,
        )


def free_memory() -> float:
    """Return the device's free memory, bytes; no limit where it is simulated."""
    from auctionsim.auction.cuda.kernels.device import IS_SIMULATED

    return float("inf") if IS_SIMULATED else float(cuda.current_context().get_memory_info().free)
