"""Write the datasheet of a dataset under the headings of Gebru et al., Datasheets for datasets (CACM 64(12), 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from auctionsim import arithmetic
from auctionsim.jobs.offline.columns import Column
from auctionsim.names.text import code_span, markdown_name

FORMULA = """\
Each agent draws its action x anew every hour, a number in [-1, 1] for each of the k coefficients, around the behavior policy's
own action m (columns `behavior_*`, clipped to [-1, 1]):

    p(x) = (1 - u) prod_j N(x_j; m_j, s^2) / (Phi((1 - m_j) / s) - Phi((-1 - m_j) / s)) + u / 2^k

with s = {noise:g} and u = {uniform:g}. `log_propensity` is the natural logarithm of p at the logged action, which is stored in
single precision and bid as it is stored. The bid's coefficient is the starting coefficient times 50^x, so that noise of s
changes bids by a factor of about 50^s = {factor:.3g}."""
_MOTIVATION = (
    "Made to train and to judge bidding policies from logs alone: offline reinforcement learning and off-policy "
    "evaluation. The days are simulated, so that every estimate from the logs can be held against the simulator's "
    "truth (`auctionsim evaluate-offline`). The propensities are those that were drawn with, not estimates."
)
_DEPENDENCE = (
    "Observations, rewards and costs are described in docs/environments.md. Agents of one episode meet in the same "
    "auctions, so that their rows depend on each other; episodes of a day share its traffic."
)
_USES = (
    "Behavior cloning, offline value learning, budget pacing, and estimates of a policy's value by importance "
    "sampling. Not for claims about real advertisers: docs/traffic.md says what is measured and what is assumed in "
    "the traffic. A policy that bids far from the behavior policy cannot be judged from these rows; the estimates "
    "then say `not defined`."
)
_DISTRIBUTION = (
    "The rows are made by a program and carry no third party's rights, unless the scenario reads a log of your own: "
    "then that log's terms hold for what is made from it."
)
_MAINTENANCE = (
    "The dataset is made again by its command. A later version of auctionsim may log other days; `dataset.json` names "
    "the version."
)


def datasheet(settings: Mapping[str, Any], table: pl.DataFrame | None, rows: Sequence[Column], file: str) -> str:
    """Return the datasheet as Markdown.

    Args:
        settings: Contents of the dataset as of `dataset.json`.
        table: The steps, for their ranges; None where they are not in a table.
        rows: The columns.
        file: Name of the file that holds the steps.
    """
    agents, days = settings["agents"], settings["days"]
    episodes = len(days) * settings["episodes_per_day"]
    who = markdown_name(", ".join(agents[:20]) + (f" and {len(agents) - 20} more" if len(agents) > 20 else ""))
    rivals = "" if settings["rivals"] is None else f" The other learners follow the rule {code_span(settings['rivals'])}."
    formula = FORMULA.format(
        noise=settings["noise"], uniform=settings["uniform"], factor=float(arithmetic.power(50.0, settings["noise"]))
    )
    made = (
        f"Scenario {code_span(settings['scenario'])}, seed {settings['seed']}; its text is in `dataset.json`. Version "
        f"{settings['version']} of auctionsim. SHA-256 of `{file}`: `{settings['sha256']}`. Command:"
    )
    at = settings["checkpoint"]
    checkpoint = "" if at is None else f" at iteration {at['iteration']}, SHA-256 `{at['sha256']}`"
    behavior = (
        f"Behavior policy: {code_span(settings['policy'])}{checkpoint}, with a factor of {settings['factor']:g} on its bids, "
        f"in the bid model `{settings['bid_model']}`.{rivals} {settings['clipped_share']:.2%} of its own actions "
        "were outside [-1, 1] and clipped."
    )
    count = (
        f"{episodes} episodes: {settings['episodes_per_day']} of each of the {settings['split']} days {days}, each of 24 "
        f"hours, for {len(agents)} agents ({who}): {episodes * 24 * len(agents)} steps. An instance is an hour of one "
        "agent. There is no missing value, and no person's data: advertisers, queries and clicks are simulated from the "
        "scenario's traffic."
    )
    same = "The same command writes the same bytes, on any number of workers."
    parts = [
        f"# Datasheet: logged days of {markdown_name(settings['scenario'])}",
        *("## Motivation", _MOTIVATION),
        *("## Composition", count, _columns_table(rows, table), _DEPENDENCE),
        *("## Collection process", behavior, formula, made, code_span(settings["command"]), same),
        *("## Preprocessing", "None: rows are what the environments returned."),
        *("## Uses", _USES),
        *("## Distribution", _DISTRIBUTION),
        *("## Maintenance", _MAINTENANCE),
    ]
    return "\n\n".join(parts) + "\n"


def _columns_table(rows: Sequence[Column], table: pl.DataFrame | None) -> str:
    """Return the table of columns: type, unit, range, and the least and the largest value that there is."""
    lines = ["| column | type | unit | range | least | largest | meaning |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        found = ("", "")
        if table is not None and row.dtype not in (pl.String, pl.Boolean):
            values = table[row.name].to_numpy()
            found = (f"{float(values.min()):.6g}", f"{float(values.max()):.6g}")
        lines.append(
            f"| `{row.name}` | {row.dtype.__name__} | {row.unit} | {row.span} | {found[0]} | {found[1]} | {row.meaning} |"
        )
    return "\n".join(lines)
