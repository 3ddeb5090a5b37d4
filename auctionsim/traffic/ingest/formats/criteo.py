"""`criteo-attribution`: Criteo's attribution data (Diemert et al. 2017, arXiv 1707.06409), one row per impression.

As with iPinYou, the engine's click is an impression. Its conversion is one that is attributed to the impression's click, the
last click of the user's path.
"""

from __future__ import annotations

from collections.abc import Sequence

from auctionsim.traffic.ingest.formats.base import Field, Format, Layout, RowRule, price, text, whole, with_header

_FIELDS = (
    whole("timestamp"),
    text("campaign"),
    whole("attribution", maximum=1),
    whole("click", maximum=1),
    Field("click_pos", "a whole number", rule="{0} = round({0})"),
    Field("click_nb", "a whole number", rule="{0} = round({0})"),
    price("cost"),
    price("cpo"),
    text("cat1", needed=False),
    Field(
        "conversion_timestamp",
        "a whole number >= 0, or -1 for none",
        rule=f"{{0}} = round({{0}}) AND {{0}} BETWEEN -1 AND {2**53}",
        needed=False,
    ),
)
_BOUGHT = "click = 1 AND attribution = 1 AND click_pos = click_nb - 1"
_DAY, _SECOND = 'floor("timestamp" / 86400)::BIGINT', '("timestamp" % 86400)::INTEGER'
_LOG = f"""WITH marked AS (
  SELECT *, CASE WHEN {_BOUGHT} THEN 1 ELSE 0 END AS bought FROM good),
worth AS (
  SELECT campaign, avg(cost) AS bid, coalesce(avg(cpo) FILTER (cpo > 0), 0) AS price FROM marked GROUP BY campaign)
SELECT row, {_DAY}, {_SECOND}, row::VARCHAR, 1, coalesce('cat1 ' || cat1, 'all'),
  marked.campaign, 1, NULL, worth.price, worth.bid, 1, bought, cost, 0, 0, 1, bought, 1, click, bought, cost
FROM marked JOIN worth USING (campaign)"""


# A conversion of the user that is attributed to another impression has a time in this row, too.
_TIME = f"CASE WHEN {_BOUGHT} AND conversion_timestamp >= 0 THEN conversion_timestamp END"


def _layout(source: str, lines: Sequence[str]) -> Layout:
    return with_header(source, lines, "\t", _FIELDS, quote="")


FORMAT = Format(
    "criteo-attribution",
    _FIELDS,
    _layout,
    _LOG,
    {
        "prices": "the log's transformed currency per impression, as in the log",
        "clicks": "a click stands for an impression (pctr is 1), a conversion is one attributed to the last click",
        "market": "market_ecpm is the impression's cost: a bid >= that wins and pays it",
        "values": "assumed: item_price is the campaign's mean cpo, manual_bid its mean cost",
        "cvr": "1 if the impression led to a conversion in the log, else 0",
    },
    day=_DAY,
    second=_SECOND,
    price_words="logged charges per impression",
    rules=(
        RowRule(
            "conversion_timestamp", "a time no earlier than the impression's", f'coalesce({_TIME}, "timestamp") >= "timestamp"'
        ),
    ),
    conversion_times=f'SELECT row, "timestamp", "timestamp", {_TIME} FROM good',
)
