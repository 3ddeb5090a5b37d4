"""How a format's columns of numbers and times are written in a log, found from the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auctionsim.traffic.ingest.database import Database, named
from auctionsim.traffic.ingest.dialect.clock import Clock, Source, read_clock, read_days, read_elapsed
from auctionsim.traffic.ingest.dialect.numbers import PLAIN, find_marks
from auctionsim.traffic.ingest.dialect.zones import Zone
from auctionsim.traffic.ingest.formats.base import PARTS, Field, Format
from auctionsim.traffic.ingest.formats.conversion_times import AUCTION_AT


@dataclass(frozen=True)
class FoundDialect:
    """How the columns of a log are read."""

    parses: Mapping[str, tuple[str, str]]
    """Parse and rule by key, where they are other than the field's."""
    derived: tuple[str, ...]
    """SQL of further columns of `good`, with their names, from the texts of the fields."""
    clock: Clock | None
    """Clock of the log's times or days, or None if the format has its own."""
    assumed: tuple[str, ...]
    """Lines that say what was assumed."""


def read_dialect(database: Database, form: Format, zone: Zone | None, source: Source) -> FoundDialect:
    """Find out how numbers and times in the table `raw` are written.

    Args:
        database: The database that holds `raw`.
        form: The log's format.
        zone: The zone that days and hours are asked for in, or None for that of the log.
        source: Function from a row to its file and line.

    Raises:
        InputError: Numbers can be read in two ways, or times in none.
    """
    parses: dict[str, tuple[str, str]] = {}
    assumed: list[str] = []
    if form.dialect is not None:
        is_time = {field.key: field.times is not None or field.is_day for field in form.fields}
        numbers = {field.key: field.name for field in form.fields if field.parse == PLAIN and not is_time[field.key]}
        marks = find_marks(database, numbers, form.dialect.decimal, form.dialect.thousands, source)
        parses = {field.key: (_divided(marks.parse, field.part), field.rule) for field in form.fields if field.key in numbers}
        assumed.append(f"numbers: {marks.words}")
        assumed += _divided_words(form)
    clock = None
    for field in form.fields:
        if field.times is not None and not field.is_later:
            clock = read_clock(database, field.name, field.key, field.times, zone, source)
        elif field.is_day:
            clock = read_days(database, field.key, field.parse, field.rule)
        else:
            continue
        parses[field.key] = (clock.parse, clock.rule)
        assumed += clock.assumed
    later = [field for field in form.fields if field.is_later]
    derived: tuple[str, ...] = ()
    if later and clock is not None:
        parses |= {field.key: (_elapsed(database, field, clock, source), clock.rule) for field in later}
        first = next(field for field in form.fields if field.times is not None and not field.is_later)
        derived = (f"{_elapsed(database, first, clock, source).format(named([first.key]))} AS {AUCTION_AT}",)
    return FoundDialect(parses, derived, clock, tuple(assumed))


def _divided(parse: str, part: str | None) -> str:
    """Return SQL that divides a number. The quotient is the nearest number to the true one, so that 542200 becomes 0.5422."""
    return parse if part is None else f"(({parse}) / {PARTS[part]}::DOUBLE)"


def _divided_words(form: Format) -> list[str]:
    """Say which columns are divided."""
    columns = {part: [field.name for field in form.fields if field.part == part] for part in PARTS}
    return [f"{', '.join(names)}: in {part}, divided by {PARTS[part]:,}" for part, names in columns.items() if names]


def _elapsed(database: Database, field: Field, clock: Clock, source: Source) -> str:
    assert field.times is not None
    return read_elapsed(database, field.name, field.key, field.times, clock, source)
