"""`ipinyou`: logs of iPinYou's bidding competition (Zhang et al. 2014, arXiv 1407.7073), raw or joined, with or without header.

A campaign pays the winning price of each impression. So the engine's click is an impression (pctr is 1), and its conversion is
a click. A bid >= `payprice` wins and pays it, in the log's unit, per thousand impressions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from auctionsim.errors import InputError, shown
from auctionsim.traffic.ingest.dialect.times import TimeFormat, day_of, second_of
from auctionsim.traffic.ingest.formats.base import Format, Layout, price, text, times, whole, with_header

_IDENTIFIED = ("ipinyouid", "useragent", "IP")
_PLACED = (
    "region", "city", "adexchange", "domain", "url", "urlid", "slotid", "slotwidth", "slotheight", "slotvisibility",
    "slotformat", "slotprice", "creative", "bidprice",
)  # fmt: skip
_SHOWN = ("payprice", "keypage")
_LAST = ("advertiser", "usertag")
_TEST = ("nclick", "nconversation")
_OTHER_NAMES = {
    "nclicks": "nclick", "clicks": "click", "nconversion": "nconversation", "nconversions": "nconversation",
    "conversion": "nconversation", "conversions": "nconversation",
}  # fmt: skip
"""Names of columns in headers of other hands, which would be passed over, by the names that are read."""
_RAW = ("bidid", "timestamp", "logtype", *_IDENTIFIED, *_PLACED, *_SHOWN, *_LAST)
_BIDS = ("bidid", "timestamp", *_IDENTIFIED, *_PLACED, *_LAST)
_JOINED = ("click", "weekday", "hour", *_RAW)
_TIME = re.compile(r"20\d{15}")
_BID, _IMPRESSION, _CLICK, _CONVERSION = "0", "1", "2", "3"

_FIELDS = (
    text("bidid"),
    times("timestamp", TimeFormat("%Y%m%d%H%M%S%g"), "17 digits, from the year to the millisecond"),
    whole("logtype", maximum=3),
    whole("click", needed=False),
    whole("nclick", needed=False),
    whole("nconversation", needed=False),
    text("adexchange", needed=False),
    whole("slotwidth", needed=False),
    whole("slotheight", needed=False),
    price("bidprice"),
    price("payprice"),
    text("advertiser"),
)  # fmt: skip
_DAY, _SECOND = day_of('"timestamp"'), second_of('"timestamp"')
_LOG = f"""WITH shown AS (
  SELECT * FROM good WHERE logtype = {_IMPRESSION} QUALIFY row_number() OVER (PARTITION BY bidid ORDER BY row) = 1),
clicks AS (SELECT DISTINCT bidid FROM good WHERE logtype = {_CLICK}),
conversions AS (SELECT DISTINCT bidid FROM good WHERE logtype = {_CONVERSION}),
joined AS (
  SELECT shown.*, (coalesce(click, 0) > 0 OR coalesce(nclick, 0) > 0 OR clicks.bidid IS NOT NULL)::INTEGER AS clicked,
    (coalesce(nconversation, 0) > 0 OR conversions.bidid IS NOT NULL)::INTEGER AS converted
  FROM shown LEFT JOIN clicks USING (bidid) LEFT JOIN conversions USING (bidid)),
worth AS (SELECT advertiser, coalesce(sum(payprice) / nullif(sum(clicked), 0), 0) AS price FROM joined GROUP BY advertiser)
SELECT row, {_DAY}, {_SECOND}, row::VARCHAR, 1,
  'exchange ' || coalesce(adexchange, '?') || ', ' || coalesce(slotwidth::BIGINT::VARCHAR, '?') || 'x'
    || coalesce(slotheight::BIGINT::VARCHAR, '?'),
  joined.advertiser, 1, NULL, worth.price, bidprice, 1, clicked, payprice, 0, 0, 1, clicked, 1, clicked, converted, payprice
FROM joined JOIN worth USING (advertiser)"""


def _layout(source: str, lines: Sequence[str]) -> Layout:
    """Find the columns by the header, or by the position of the first row's time stamp and the number of columns after it."""
    first = lines[0].removeprefix("\ufeff").split("\t")
    if not any(_TIME.fullmatch(value.strip()) for value in first):
        if len(first) > 20 and "payprice" not in first and "timestamp" not in first:
            raise InputError(
                f"{source}: expected column names or a timestamp of 17 digits, got {len(first)} columns of neither"
            )
        constants = {} if "logtype" in first else {"logtype": _IMPRESSION}
        needed = [field for field in _FIELDS if field.name not in constants]
        layout = with_header(source, lines, "\t", needed, quote="")
        return Layout("\t", _usual(source, layout.names), quote="", constants=constants)
    time = next(i for i, value in enumerate(first) if _TIME.fullmatch(value.strip()))
    names = _names(source, time, first)
    if "payprice" in names and not first[names.index("payprice")].strip().replace(".", "", 1).isdigit():
        raise InputError(
            f"{source}, column {names.index('payprice') + 1}: expected the paying price (add a header if the columns "
            f"have another order), got {shown(first[names.index('payprice')])}"
        )
    constants = {} if "logtype" in names else {"logtype": _BID, "payprice": "0"}
    return Layout("\t", names, has_header=False, quote="", constants=constants)


def _usual(source: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a header with those of clicks and conversions as they are read."""
    usual = tuple(_OTHER_NAMES.get(name.lower(), name) for name in names)
    for name in ("click", *_TEST):
        if usual.count(name) > 1:
            twice = ", ".join(one for one, other in zip(names, usual, strict=True) if other == name)
            raise InputError(f"{source}: expected one column {name}, got {twice}")
    return usual


def _names(source: str, time: int, first: Sequence[str]) -> tuple[str, ...]:
    """Return the column names of a file without a header whose time stamp is column `time`, counted from 0."""
    n_rest = len(first) - time
    before = (*(f"column {i}" for i in range(time - 1)), "bidid")[:time]
    if time > 1:
        before = ("click", *before[1:])
    if time == 0:
        raise InputError(f"{source}: expected the bid's id before the timestamp, got none")
    if n_rest == len(_BIDS) - 1:
        return (*before, *_BIDS[1:])
    full = _RAW[1:]
    if n_rest == len(full) - 1:
        # Some releases lack the last column, the tags, and some the landing page. Tags are no single number, an advertiser is.
        missing = "usertag" if first[-1].strip().isdigit() else "keypage"
        return (*before, *(name for name in full if name != missing))
    if n_rest == len(full):
        return (*before, *full)
    # The files of the competition's tests end in the clicks and conversions of each impression.
    counts = first[-len(_TEST) :]
    if n_rest == len(full) + len(_TEST) and all(value.strip().isdigit() for value in counts):
        return (*before, *full, *_TEST)
    known = (
        f"{len(_BIDS)} (bids), {len(_RAW)} (impressions, clicks, conversions), {len(_RAW) + len(_TEST)} (tests, which end in "
        f"nclick and nconversation) or {len(_JOINED)} columns (joined)"
    )
    raise InputError(f"{source}: expected {known} or a header, got {len(first)} columns")


FORMAT = Format(
    "ipinyou",
    _FIELDS,
    _layout,
    _LOG,
    {
        "prices": "the log's unit per thousand impressions, as in the log; divide sums by 1000",
        "clicks": "a click stands for an impression (pctr is 1), a conversion stands for a click",
        "market": "market_ecpm is the winning price: a bid >= that wins and pays it; lost bids are not replayed",
        "values": "assumed: item_price is what the advertiser paid per click in this log",
        "cvr": "1 if the impression was clicked in the log, else 0",
    },
    day=_DAY,
    second=_SECOND,
    # Each impression was won, at its paying price.
    observed=f"SELECT row, NULL, true, NULL, payprice, false FROM good WHERE logtype = {_IMPRESSION}",
    has_shown=True,
    cost_per="click",
    price_words="logged charges per thousand impressions",
    left_out=(
        (
            "bids without an impression: the log does not hold the price of a lost bid",
            f"SELECT count(*) FROM good WHERE logtype = {_BID}",
        ),
        (
            "further impressions of the same bid",
            f"SELECT count(bidid) - count(DISTINCT bidid) FROM good WHERE logtype = {_IMPRESSION}",
        ),
        (
            "clicks and conversions, joined to their impressions",
            f"SELECT count(*) FROM good WHERE logtype IN ({_CLICK}, {_CONVERSION}) AND bidid IN "
            f"(SELECT bidid FROM good WHERE logtype = {_IMPRESSION})",
        ),
        (
            "clicks and conversions without an impression",
            f"SELECT count(*) FROM good WHERE logtype IN ({_CLICK}, {_CONVERSION}) AND bidid NOT IN "
            f"(SELECT bidid FROM good WHERE logtype = {_IMPRESSION})",
        ),
    ),
)
