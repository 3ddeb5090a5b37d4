"""`auctionnet`: the auction log of the NeurIPS 2024 auto-bidding track (AuctionNet), one row per advertiser and opportunity.

Bids are per exposure, so the engine's click is an exposure: pctr is 1, `slot_effect = [1, 0.8, 0.6]` is the probability of an
exposure by slot, and pcvr is the logged pValue. With `pricing = "gsp"` and `reserve = 0.01` the logged bids then win the logged
slots, and the price per click is the logged cost of an exposure.
"""

from __future__ import annotations

from collections.abc import Sequence

from auctionsim.traffic.ingest.formats.base import Format, Layout, number, price, whole, with_header

_FIELDS = (
    whole("deliveryPeriodIndex"), whole("advertiserNumber"), price("CPAConstraint"), price("budget", needed=False),
    whole("timeStepIndex", maximum=47),
    whole("pvIndex"), number("pValue", maximum=1), price("bid"), whole("xi", maximum=1), price("cost"),
    whole("isExposed", maximum=1), whole("conversionAction", maximum=1), whole("adSlot", maximum=3, needed=False),
)  # fmt: skip
_DAY, _SECOND = '"deliveryPeriodIndex"::BIGINT', '("timeStepIndex" * 1800)::INTEGER'
_AUCTION = """"timeStepIndex"::BIGINT || ' ' || "pvIndex"::BIGINT"""
_LOG = f"""SELECT row, {_DAY}, {_SECOND}, {_DAY} || ' ' || {_AUCTION}, 1, 'all',
  printf('advertiser-%02d', "advertiserNumber"::BIGINT), 1, "pValue", "CPAConstraint", "bid", NULL, NULL, 0, 0, 0, 0, 0,
  "xi", "isExposed", "conversionAction" * "isExposed", CASE WHEN "isExposed" = 1 THEN "cost" END FROM good"""


_BUDGETS = """SELECT printf('advertiser-%02d', "advertiserNumber"::BIGINT) AS advertiser, "deliveryPeriodIndex" AS day, "budget"
FROM good"""

# A slot that was won is shown to the engine; its click is an exposure, which alone is charged.
_OBSERVED = """SELECT row, nullif("adSlot", 0)::BIGINT, "xi" = 1, CASE WHEN "xi" = 1 THEN "isExposed" END,
  CASE WHEN "isExposed" = 1 THEN "cost" END, false FROM good"""


def _layout(source: str, lines: Sequence[str]) -> Layout:
    return with_header(source, lines, ",", _FIELDS)


FORMAT = Format(
    "auctionnet",
    _FIELDS,
    _layout,
    _LOG,
    {
        "prices": "currency of the log per exposure, as in the log",
        "clicks": "a click stands for an exposure: pctr is 1, the slot effects 1, 0.8, 0.6 are its probability",
        "conversions": "pcvr is the logged pValue, item_price the advertiser's CPA constraint",
        "time": "a day is a delivery period, an hour two of its 48 steps",
    },
    day=_DAY,
    second=_SECOND,
    auction=_AUCTION,
    slot_effect=(1.0, 0.8, 0.6),
    reserve=0.01,
    budgets=_BUDGETS,
    has_cpa=True,
    observed=_OBSERVED,
    has_shown=True,
    cost_per="click",
    price_words="logged charges per exposure",
)
