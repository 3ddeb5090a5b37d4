"""`ipinyou`: the logs of iPinYou's bidding competition (Zhang et al. 2014, arXiv 1407.7073), raw or joined, header or not.

A campaign pays the winning price of each impression, so an impression is what the engine calls a click (pctr 1) and a click is
what it calls a conversion: a bid of at least `payprice` wins and pays it, in the log's unit, per thousand impressions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from auctionsim.errors import InputError, shown
from auctionsim.traffic.ingest.formats.base import Field, Format, Layout, price, text, whole, with_header

_IDENTIFIED = ("ipinyouid", "useragent", "IP")
_PLACED = (
    "region", "city", "adexchange", "domain", "url", "urlid", "slotid", "slotwidth", "slotheight", "slotvisibility",
    "slotformat", "slotprice", "creative", "bidprice",
)  # fmt: skip
_SHOWN = ("payprice", "keypage")
_LAST = ("advertiser", "usertag")
_RAW = ("bidid", "timestamp", "logtype", *_IDENTIFIED, *_PLACED, *_SHOWN, *_LAST)
_BIDS = ("bidid", "timestamp", *_IDENTIFIED, *_PLACED, *_LAST)
_JOINED = ("click", "weekday", "hour", *_RAW)
_TIME = re.compile(r"20\d{15}")
_BID, _IMPRESSION, _CLICK, _CONVERSION = "0", "1", "2", "3"

_FIELDS = (
    text("bidid"),
    Field("timestamp", "17 digits, from the year to the millisecond", "try_strptime(trim({0}), '%Y%m%d%H%M%S%g')",
          "{0} IS NOT NULL"),
    whole("logtype", most=3),
    whole("click", needed=False),
    text("adexchange", needed=False),
    whole("slotwidth", needed=False),
    whole("slotheight", needed=False),
    price("bidprice"),
    price("payprice"),
    text("advertiser"),
)  # fmt: skip
_LOG = f"""WITH shown AS (
  SELECT * FROM good WHERE logtype = {_IMPRESSION} QUALIFY row_number() OVER (PARTITION BY bidid ORDER BY row) = 1),
clicks AS (SELECT DISTINCT bidid FROM good WHERE logtype = {_CLICK}),
conversions AS (SELECT DISTINCT bidid FROM good WHERE logtype = {_CONVERSION}),
joined AS (
  SELECT shown.*, (coalesce(click, 0) > 0 OR clicks.bidid IS NOT NULL)::INTEGER AS clicked,
    (conversions.bidid IS NOT NULL)::INTEGER AS converted
  FROM shown LEFT JOIN clicks USING (bidid) LEFT JOIN conversions USING (bidid)),
worth AS (SELECT advertiser, coalesce(sum(payprice) / nullif(sum(clicked), 0), 0) AS price FROM joined GROUP BY advertiser)
SELECT row, datediff('day', DATE '1970-01-01', "timestamp"::DATE), (epoch("timestamp") % 86400)::INTEGER, row::VARCHAR, 1,
  'exchange ' || coalesce(adexchange, '?') || ', ' || coalesce(slotwidth::BIGINT::VARCHAR, '?') || 'x'
    || coalesce(slotheight::BIGINT::VARCHAR, '?'),
  joined.advertiser, 1, NULL, worth.price, bidprice, 1, clicked, payprice, 0, 0, 1, clicked, 1, clicked, converted, payprice
FROM joined JOIN worth USING (advertiser)"""


def _layout(place: str, lines: Sequence[str]) -> Layout:
    """By the header, or by where the first row's timestamp stands and how many columns follow it."""
    first = lines[0].removeprefix("\ufeff").split("\t")
    if not any(_TIME.fullmatch(value.strip()) for value in first):
        if len(first) > 20 and "payprice" not in first and "timestamp" not in first:
            raise InputError(
                f"{place}: row 1: expected column names or a timestamp of 17 digits, got {len(first)} columns of neither"
            )
        constants = {} if "logtype" in first else {"logtype": _IMPRESSION}
        needed = [field for field in _FIELDS if field.name not in constants]
        layout = with_header(place, lines, "\t", needed, quote="")
        return Layout("\t", layout.names, quote="", constants=constants)
    at = next(i for i, value in enumerate(first) if _TIME.fullmatch(value.strip()))
    names = _names(place, at, first)
    if "payprice" in names and not first[names.index("payprice")].strip().replace(".", "", 1).isdigit():
        raise InputError(
            f"{place}: row 1, column {names.index('payprice') + 1}: expected the paying price (give the log a header where its "
            f"columns stand otherwise), got {shown(first[names.index('payprice')])}"
        )
    constants = {} if "logtype" in names else {"logtype": _BID, "payprice": "0"}
    return Layout("\t", names, has_header=False, quote="", constants=constants)


def _names(place: str, at: int, first: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns of a file without a header whose timestamp is column `at`."""
    n_after = len(first) - at
    ahead = (*(f"column {i}" for i in range(at - 1)), "bidid")[:at]
    if at > 1:
        ahead = ("click", *ahead[1:])
    if at == 0:
        raise InputError(f"{place}: row 1: expected the bid's id ahead of the timestamp, got none")
    if n_after == len(_BIDS) - 1:
        return (*ahead, *_BIDS[1:])
    full = _RAW[1:]
    if n_after == len(full) - 1:
        # Some releases lack the last column, some the landing page: then the tags are last, and they are not a number.
        lacks = "usertag" if first[-1].strip().isdigit() else "keypage"
        return (*ahead, *(name for name in full if name != lacks))
    if n_after >= len(full):
        return (*ahead, *full, *(f"more {i}" for i in range(n_after - len(full))))
    known = f"{len(_BIDS)} (bids), {len(_RAW)} (impressions, clicks, conversions) or {len(_JOINED)} columns (joined)"
    raise InputError(f"{place}: row 1: expected {known} or a header, got {len(first)} columns")


FORMAT = Format(
    "ipinyou",
    _FIELDS,
    _layout,
    _LOG,
    {
        "prices": "the log's unit per thousand impressions, as in the log; divide sums by 1000",
        "clicks": "what is called a click is an impression (pctr is 1), what is called a conversion is a click",
        "market": "market_ecpm is the winning price: a bid of at least that wins and pays it; lost bids are not replayed",
        "values": "item_price is supposed: what the advertiser paid for a click in this log",
        "cvr": "whether the impression was clicked in the log",
    },
    is_single=True,
    left_out=(
        (
            "bids, not impressions: the price of a lost bid is not in the log",
            f"SELECT count(*) FROM good WHERE logtype = {_BID}",
        ),
        (
            "an impression of a bid seen before",
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
