"""Supply a replay with traffic: from a table in memory, or chunk by chunk from a store that is larger than memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import CANDIDATE_COLUMNS, QUALITY, AuctionBuckets, Candidates, aligned
from auctionsim.auction.outcome import CONVERSIONS, GMV, OUTCOMES
from auctionsim.auction.rules import Rules, noiseless_scores
from auctionsim.auction.units import BOUNDED, Largest, largest_of
from auctionsim.traffic.array_checks import check_range, check_starts, index_range
from auctionsim.traffic.stored.column_files import PartMemory
from auctionsim.traffic.stored.store import StoredTraffic
from auctionsim.traffic.table import HOURS, Traffic

if TYPE_CHECKING:
    from auctionsim.auction.preranking import PreRanking

_DERIVED = "auction.sources"
"""Key under which a table keeps its form for the kernel."""
_KEPT = 30 * 2**20
"""Bytes of a block that is asked for and given back, never written to; glibc learns from blocks below 32 MiB."""
_ROWS_OF_A_PART = 50_000
"""Candidates of a part of a chunk: 1 MB of columns, 3 MB of rows. With 25,000 or 100,000 a stored day took a sixth longer."""


class Chunk(NamedTuple):
    """Consecutive auction buckets of one hour."""

    buckets: AuctionBuckets
    candidates: Candidates
    first_bucket: int
    last_bucket: int
    """Range of the chunk's buckets in `buckets`, the last one excluded."""
    first_index: int
    """Index of the first of them in the hour."""


class TrafficSource(Protocol):
    """Traffic in the form that the kernel reads; the chunks of an hour come in order and are as small as memory asks."""

    @property
    def advertisers(self) -> tuple[str, ...]:
        """Names, in the order of every advertiser axis."""

    @property
    def max_candidates(self) -> int:
        """Candidates in the largest bucket."""

    def chunks(self, day: int, hour: int, within: tuple[int, int] | None = None) -> Iterator[Chunk]:
        """Yield the buckets of an hour, or those with an index in the range `within`."""

    def size_of(self, day: int, hour: int) -> tuple[int, int]:
        """Count the buckets and the candidates of an hour."""

    def auctions(self, day: int, hour: int) -> int:
        """Count the auctions of an hour."""

    def largest(self, day: int) -> Largest:
        """Return the largest figures of a day, from which the accounts' units are chosen."""


class TableSource:
    """A traffic table in memory: every hour is one chunk of the same arrays.

    Args:
        traffic: The traffic table.
        rules: The auction's rules.
        phi: Bid features `[rows, 4]` in place of the table's own.
    """

    def __init__(self, traffic: Traffic, rules: Rules, phi: NDArray[np.float64] | None = None) -> None:
        self._traffic = traffic
        self._rules = rules
        # A copy of what the kernel takes for indices: the table's array was checked, but whoever made it may hold a view.
        start = traffic.cell_start.copy()
        check_starts("cell_start", start, len(traffic.weight), len(traffic.advertiser))
        start.setflags(write=False)
        self._buckets = AuctionBuckets(start, traffic.weight, traffic.market_ecpm)
        self._max_candidates = int(np.diff(start).max(initial=0))
        quality = rules.quality(traffic.pctr)
        self._candidates = table_candidates(traffic, quality, phi)
        if rules.preranker is not None:
            self._candidates = self._candidates._replace(advertiser=_preranked_table(traffic, rules, quality, start))
        if rules.rings:
            from auctionsim.auction.rings.withholding import withdraw_members

            who = self._candidates.advertiser.copy()
            value = traffic.pcvr * traffic.item_price
            withdraw_members(rules.rings, start, quality, traffic.keyword_bid, value, who, len(traffic.advertisers))
            who.setflags(write=False)
            self._candidates = self._candidates._replace(advertiser=who)
        self._has_own_phi = phi is not None
        self._largest: dict[int, Largest] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled source; a pickle keeps no array read-only, and the kernel is compiled for read-only ones."""
        self.__dict__.update(state)
        for array in (*self._buckets, *self._candidates):
            array.setflags(write=False)

    def __deepcopy__(self, memo: dict[int, Any]) -> TableSource:
        """Return the source itself, which never changes."""
        return self

    @property
    def advertisers(self) -> tuple[str, ...]:
        """Names, in the order of every advertiser axis."""
        return self._traffic.advertisers

    @property
    def max_candidates(self) -> int:
        """Candidates in the largest bucket."""
        return self._max_candidates

    @property
    def phi(self) -> NDArray[np.float64]:
        """Bid features of every row, `[rows, 4]`."""
        return self._candidates.features[:, :QUALITY]

    @property
    def quality(self) -> NDArray[np.float64]:
        """Factor that turns each row's bid into its rank score, pctr^squash, `[rows]`."""
        return self._candidates.features[:, QUALITY]

    @property
    def is_ranked(self) -> NDArray[np.bool_]:
        """Whether each row takes part in its auction: the pre-ranker did not drop it, and it does not withdraw, `[rows]`."""
        return self._candidates.advertiser < len(self.advertisers)

    def chunks(self, day: int, hour: int, within: tuple[int, int] | None = None) -> Iterator[Chunk]:
        """Yield the hour, or the part of it with bucket indexes in the range `within`, as one chunk.

        Raises:
            ValueError: The table has no such day.
        """
        first, last = self._traffic.cells_of(day, hour)
        begin, end = (0, last - first) if within is None else within
        yield Chunk(self._buckets, self._candidates, first + begin, first + end, begin)

    def size_of(self, day: int, hour: int) -> tuple[int, int]:
        """Count the buckets and the candidates of an hour."""
        first, last = self._traffic.cells_of(day, hour)
        return last - first, int(self._buckets.start[last] - self._buckets.start[first])

    def auctions(self, day: int, hour: int) -> int:
        """Count the auctions of an hour."""
        return int(self._traffic.weight[slice(*self._traffic.cells_of(day, hour))].sum())

    def largest(self, day: int) -> Largest:
        """Return the largest figures of a day, found once for each."""
        if day not in self._largest:
            self._largest[day] = self._measured(day)
        return self._largest[day]

    def _measured(self, day: int) -> Largest:
        from auctionsim.auction.kernel.candidates import has_repeats
        from auctionsim.traffic.rows.ends import ends_of

        traffic, cells, n = self._traffic, self._traffic.cell_slice(day), len(self.advertisers)
        start, advertiser = self._buckets.start, self._candidates.advertiser
        rows = slice(int(start[cells.start]), int(start[cells.stop]))
        columns = {name: getattr(traffic, name)[cells if name == "market_ecpm" else rows] for name in BOUNDED}
        if traffic.rows is None:
            ends = {name: _ends_of(one) for name, one in columns.items()}
            is_true = np.array_equal(columns["ctr"], columns["pctr"])
        else:
            # In one pass: each column would read all of the rows.
            ends, is_true = ends_of(traffic.rows[rows])
            ends["market_ecpm"] = _ends_of(columns["market_ecpm"])
        return largest_of(
            traffic.auctions_on(day), ends, self._rules,
            phi=np.abs(self.phi[rows]).max(axis=0, initial=0.0) if self._has_own_phi else None,
            ctr_per_quality=None if is_true else float((columns["ctr"] / self.quality[rows]).max(initial=0.0)),
            has_repeats=has_repeats(start, advertiser, cells.start, cells.stop, n, np.full(n, -1)),
        )  # fmt: skip


class StoreSource:
    """Traffic stored on disk, read chunk by chunk.

    Args:
        stored: The stored traffic.
        rules: The auction's rules.
        in_parts: Whether chunks are read in parts that fit into the cache, each written over by the next. To give memory back
            and ask for it again takes as long as clearing the auctions in it.
    """

    def __init__(self, stored: StoredTraffic, rules: Rules, *, in_parts: bool = False) -> None:
        self._columns = PartMemory(_ROWS_OF_A_PART) if in_parts else None
        self._memory = aligned((0, CANDIDATE_COLUMNS)) if in_parts else None
        self._stored = stored
        self._rules = rules
        self.advertisers = stored.advertisers
        self.max_candidates = stored.most_rows
        self._largest: dict[int, Largest] = {}

    def in_parts(self) -> StoreSource:
        """Return the same traffic for whoever needs a chunk until the next only."""
        # glibc keeps freed memory of up to twice the largest block that was given back; the columns of a chunk take 20 MB.
        # In a worker of Ray, which had freed nothing large, a day of 20 million auctions took 580,000 page faults; now 38,000.
        np.empty(_KEPT, dtype=np.uint8)
        return StoreSource(self._stored, self._rules, in_parts=True)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the memory that is written over."""
        return {**self.__dict__, "_memory": None if self._memory is None else self._memory[:0]}

    def size_of(self, day: int, hour: int) -> tuple[int, int]:
        """Count the buckets and the candidates of an hour."""
        return self._stored.size_of(day, hour)

    def auctions(self, day: int, hour: int) -> int:
        """Count the auctions of an hour."""
        return int(self._stored.weights(day, hour).sum())

    def largest(self, day: int) -> Largest:
        """Return the largest figures of a day."""
        if day not in self._largest:
            ends = self._stored.ends_on(day)
            ends |= {"ctr": ends["pctr"], "cvr": ends["pcvr"]}
            self._largest[day] = largest_of(self._stored.auctions_on(day), ends, self._rules)
        return self._largest[day]

    def chunks(self, day: int, hour: int, within: tuple[int, int] | None = None) -> Iterator[Chunk]:
        """Yield the buckets of an hour, or those with an index in the range `within`, chunk by chunk."""
        from auctionsim.auction.kernel.candidates import pack_candidates

        preranking = _preranking(self._rules, len(self.advertisers), self.max_candidates)
        index = 0 if within is None else within[0]
        for part in self._stored.columns(day, hour, within, self._columns):
            n_buckets = len(part["size"])
            start = np.append(0, np.cumsum(part["size"], dtype=np.int64))
            buckets = AuctionBuckets(start, part["weight"].astype(np.int64), part["market_ecpm"].astype(np.float64))
            quality, advertiser = self._rules.quality(part["pctr"].astype(np.float64)), part["advertiser"].astype(np.int64)
            pctr, pcvr, item_price = part["pctr"], part["pcvr"], part["item_price"]
            if preranking is not None:
                scores = noiseless_scores(self._rules, quality, pctr, part["keyword_bid"])
                preranking.drop((day, hour), index, start, scores, advertiser)
            if self._rules.rings:
                from auctionsim.auction.rings.withholding import withdraw_members

                keyword_bid, value = (one.astype(np.float64) for one in (part["keyword_bid"], pcvr * item_price))
                withdraw_members(self._rules.rings, start, quality, keyword_bid, value, advertiser, len(self.advertisers))
            candidates = pack_candidates(
                advertiser, quality, pcvr, part["keyword_bid"], pctr, pcvr, item_price,
                memory=self._room(len(advertiser)),
            )  # fmt: skip
            for array in buckets:
                array.setflags(write=False)
            yield Chunk(buckets, candidates, 0, n_buckets, index)
            index += n_buckets

    def _room(self, n_rows: int) -> NDArray[np.float64] | None:
        """Return memory for the rows of a chunk; None for new memory."""
        if self._memory is not None and len(self._memory) < n_rows:
            self._memory = aligned((n_rows, CANDIDATE_COLUMNS))
        return self._memory


def source_of(traffic: Traffic | StoredTraffic, rules: Rules) -> TableSource | StoreSource:
    """Return the traffic in the form that the kernel reads, under these rules.

    A table in memory keeps the last form that was made of it, 72 bytes a row, as long as it lives: to make it takes several
    times as long as to replay a day, and who asks what would be under another reserve replays a table again and again.
    """
    if not isinstance(traffic, Traffic):
        return StoreSource(traffic, rules)
    key = rules.squash, rules.outcomes, _preranker_key(rules), rules.rings
    kept_key, source = traffic.derived.get(_DERIVED, (None, None))
    if source is None or kept_key != key:
        source = TableSource(traffic, rules)
        traffic.derived[_DERIVED] = key, source
    return source


def ranked_rows(traffic: Traffic, rules: Rules) -> NDArray[np.bool_]:
    """Return whether the pre-ranker keeps each row of a table, `[rows]`."""
    source = source_of(traffic, rules)
    assert isinstance(source, TableSource)
    return source.is_ranked


def table_candidates(traffic: Traffic, quality: NDArray[np.float64], phi: NDArray[np.float64] | None = None) -> Candidates:
    """Return the candidates of a table: the very rows that its columns are views of, where it has them, else packed columns.

    Args:
        traffic: The table, whose columns were checked.
        quality: Factor that turns a bid into a rank score, pctr^squash, `[rows]`.
        phi: Features of the bid formula, `[rows, 4]`, in place of the table's own.
    """
    from auctionsim.auction.kernel.candidates import pack_candidates

    # A copy of what the kernel takes for indices: the array was checked, but whoever made it may hold a view.
    advertiser = traffic.advertiser.copy() if traffic.rows is None else traffic.advertiser
    check_range("advertiser", advertiser, index_range(len(traffic.advertisers)))
    if traffic.rows is None:
        columns = (traffic.pcvr, traffic.keyword_bid, traffic.ctr, traffic.cvr, traffic.item_price)
        return pack_candidates(advertiser, quality, *columns, phi=phi)
    if quality is traffic.pctr and phi is None:
        return Candidates(advertiser, traffic.rows)
    features = aligned(traffic.rows.shape)
    features[...] = traffic.rows
    features[:, QUALITY] = quality
    if phi is not None:
        features[:, :QUALITY] = phi
    features.setflags(write=False)
    return Candidates(advertiser, features)


def _ends_of(column: NDArray[np.float64]) -> tuple[float, float]:
    """Return the smallest and the largest element of a column; (infinity, 0) of none."""
    return float(column.min(initial=np.inf)), float(column.max(initial=0.0))


def _preranker_key(rules: Rules) -> tuple[Any, ...] | None:
    """Return all that decides which candidates the pre-ranker drops; None without one."""
    return None if rules.preranker is None else (rules.preranker, rules.reserve, rules.bid_floor, rules.bid_cap)


def _preranking(rules: Rules, n_advertisers: int, max_candidates: int) -> PreRanking | None:
    """Return what drops candidates, which loads the compiled kernel; None without a pre-ranker."""
    if rules.preranker is None:
        return None
    from auctionsim.auction.preranking import PreRanking

    return PreRanking(rules.preranker, n_advertisers, max_candidates)


def known_outcomes(source: TrafficSource, days: Iterable[int]) -> NDArray[np.float64]:
    """Return 1 for each of `OUTCOMES` that the traffic knows, and NaN for the others, `[5]`.

    A log without conversions says nothing of what clicks are worth: conversions of 0 and a profit of minus the cost would be a
    statement about its advertisers.
    """
    largest = [source.largest(day) for day in days]
    known = np.ones(len(OUTCOMES))
    if not any(one.cvr > 0 for one in largest):
        known[[CONVERSIONS, GMV]] = np.nan
    elif not any(one.cvr * one.item_price > 0 for one in largest):
        known[GMV] = np.nan
    return known


def unknown_reason(known: NDArray[np.float64]) -> str:
    """Say why some of `known_outcomes` are not known; nothing where all are."""
    if np.isnan(known[CONVERSIONS]):
        return "no candidate in this traffic has a conversion rate above 0"
    return "no conversion in this traffic has a value" if np.isnan(known[GMV]) else ""


def _preranked_table(
    traffic: Traffic, rules: Rules, quality: NDArray[np.float64], start: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the advertiser of each row of a table, and A where the pre-ranker drops the row, `[rows]`."""
    who = traffic.advertiser.copy()
    check_range("advertiser", who, index_range(len(traffic.advertisers)))
    preranking = _preranking(rules, len(traffic.advertisers), int(np.diff(start).max(initial=0)))
    assert preranking is not None
    for day in traffic.days:
        for hour in range(HOURS):
            first, last = traffic.cells_of(day, hour)
            rows = slice(int(start[first]), int(start[last]))
            if rows.start < rows.stop:
                scores = noiseless_scores(rules, quality[rows], traffic.pctr[rows], traffic.keyword_bid[rows])
                preranking.drop((day, hour), 0, start[first : last + 1] - rows.start, scores, who[rows])
    who.setflags(write=False)
    return who
