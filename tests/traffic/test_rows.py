"""Generated rows are what plain numpy would compute, and lie in memory once, as the auction reads them."""

from __future__ import annotations

import pickle
import threading
from dataclasses import replace

import numpy as np
import pytest

from auctionsim import arithmetic
from auctionsim.auction.kernel import arguments
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource
from auctionsim.errors import InputError
from auctionsim.scenario import TrafficSection
from auctionsim.traffic import generator
from auctionsim.traffic.generator import make_traffic, stream_traffic
from auctionsim.traffic.profile import load_profile
from auctionsim.traffic.rows import layout
from auctionsim.traffic.rows.drawing import AT_ONCE, Noise, Pairs, draw_rows
from auctionsim.traffic.rows.ends import ends_of
from auctionsim.traffic.table import ROW_COLUMNS, Traffic

NAMES = tuple("abcdefgh")
SECTION = TrafficSection(auctions_per_day=2000, queries=20, candidates=5, days=2, train_days=(0,), test_days=(1,))
CELLS = ("day", "hour", "weight", "query", "market_ecpm", "cell_start", "advertisers", "queries", "notes")


def made(profile: str = "ss-rtb", **changes: object) -> Traffic:
    return make_traffic(SECTION.model_copy(update=changes), load_profile(profile), NAMES, seed=4)


def plain(table: Traffic, **changes: object) -> Traffic:
    """The same table of columns that are arrays of their own."""
    columns = {name: np.array(getattr(table, name)) for name in ROW_COLUMNS}
    return Traffic(**({name: getattr(table, name) for name in CELLS} | columns | changes))


@pytest.mark.parametrize(("n_cells", "n_candidates"), [(1, 2), (700, 48), (3, AT_ONCE + 5)])
@pytest.mark.parametrize("noise", [Noise(0.3, 2.5, 0.7), Noise(0.0, 0.6, 1.8)])
def test_drawn_rows_are_those_of_numpy_passes_to_the_bit(n_cells: int, n_candidates: int, noise: Noise):
    n, shape, draw = n_cells * n_candidates, (7, n_candidates), np.random.default_rng(0)
    who = np.sort(draw.permuted(np.tile(np.arange(n_candidates + 3), (7, 1)), axis=1)[:, :n_candidates], axis=1)
    pairs = Pairs(who, draw.random(shape), draw.random(shape), 90 * draw.random(shape), draw.random(shape))
    query, rng, again = draw.integers(0, 7, n_cells), np.random.default_rng(5), np.random.default_rng(5)
    advertiser, rows = np.empty(n, dtype=np.int64), layout.empty_rows(n)
    assert draw_rows(rng, noise, query, pairs, advertiser, rows)

    def lognormal(sd: float) -> np.ndarray:
        return arithmetic.exp(sd * arithmetic.normal(again, (n_cells, n_candidates)) - 0.5 * sd * sd)

    ctr = np.clip(pairs.ctr[query] * lognormal(noise.ctr), 1e-9, 1.0)
    pcvr = np.clip(pairs.cvr[query] * lognormal(noise.cvr), 0.0, 1.0)
    price = pairs.item_price[query]
    cvr = np.minimum(pcvr * noise.true_rate, 1.0)
    expected = [np.ones_like(ctr), pcvr, pcvr * price, pairs.keyword_bid[query], ctr, ctr, cvr, price]
    assert rows.tobytes() == np.stack(expected, axis=2).tobytes()
    assert (advertiser == who[query].ravel()).all()
    assert rng.bit_generator.state == again.bit_generator.state


def test_rows_are_laid_out_as_the_kernel_reads_them():
    order = (layout.PCTR, layout.CTR, layout.CVR, layout.ITEM_PRICE, layout.WIDTH)
    assert order == (arguments.QUALITY, arguments.CTR, arguments.CVR, arguments.ITEM_PRICE, arguments.CANDIDATE_COLUMNS)
    table = made()
    for rules in (Rules(), Rules(squash=0.6)):
        own, packed = (TableSource(one, rules)._candidates for one in (table, plain(table)))
        assert own.features.tobytes() == packed.features.tobytes()
        assert own.advertiser.tobytes() == packed.advertiser.tobytes()
        assert not own.features.flags.writeable
    phi = np.arange(4.0 * len(table.advertiser)).reshape(-1, 4)
    one, other = (TableSource(each, Rules(), phi)._candidates.features for each in (table, plain(table)))
    assert one.tobytes() == other.tobytes()


def test_the_auction_reads_the_table_s_own_memory():
    table = made()
    assert table.rows is not None
    assert table.rows.ctypes.data % 64 == 0
    candidates = TableSource(table, Rules())._candidates
    assert candidates.features is table.rows
    assert candidates.advertiser is table.advertiser
    for name, position in layout.POSITIONS.items():
        column = getattr(table, name)
        assert not column.flags.writeable
        assert column.ctypes.data == table.rows.ctypes.data + 8 * position


def test_a_table_with_a_column_of_its_own_does_not_read_the_old_rows():
    table = made()
    halved = replace(table, ctr=table.ctr / 2)
    assert halved.rows is None
    assert (TableSource(halved, Rules())._candidates.features[:, layout.CTR] == table.ctr / 2).all()


def test_a_pickle_holds_rows_once():
    table = made()
    assert table.rows is not None
    source = TableSource(table, Rules())
    data = pickle.dumps((table, source))
    back, back_source = pickle.loads(data)
    assert len(data) < 1.1 * (table.rows.nbytes + table.advertiser.nbytes + 5 * table.cell_start.nbytes)
    for name in (*ROW_COLUMNS, "query", "cell_start"):
        assert getattr(back, name).tobytes() == getattr(table, name).tobytes(), name
        assert not getattr(back, name).flags.writeable
    assert back_source._candidates.features is back.rows
    assert np.shares_memory(back.pctr, back.rows)


def test_generated_numbers_outside_their_range_are_named_as_those_of_any_table(monkeypatch: pytest.MonkeyPatch):
    """A world of infinite prices: no row is trusted because a generator made it."""
    world = generator.make_world

    def broken(*given: object) -> generator.World:
        found = world(*given)
        return replace(found, item_price=np.full_like(found.item_price, np.inf))

    monkeypatch.setattr(generator, "make_world", broken)
    with pytest.raises(InputError, match=r"^Traffic: item_price: expected finite numbers >= 0, got inf at index 0$"):
        made()


def test_rates_that_are_no_numbers_are_noticed():
    ones, rows = np.ones((1, 2)), layout.empty_rows(2)
    pairs = Pairs(np.array([[0, 1]]), ones, np.array([[1.0, np.nan]]), ones, ones)
    advertiser = np.empty(2, dtype=np.int64)
    assert not draw_rows(np.random.default_rng(0), Noise(0.1, 0.1, 1.0), np.zeros(1, np.int64), pairs, advertiser, rows)


def test_a_streamed_day_is_the_table_s_day(monkeypatch: pytest.MonkeyPatch):
    """In parts of at most 50 cells, so that an hour has several."""
    monkeypatch.setattr(generator, "_CELLS_AT_ONCE", 50)
    table = made()
    parts = list(stream_traffic(SECTION, load_profile("ss-rtb"), len(NAMES), 4, (0, 1)))
    assert len(parts) > 48
    for name in (*ROW_COLUMNS, "query", "weight"):
        assert np.concatenate([columns[name] for _, _, columns in parts]).tobytes() == getattr(table, name).tobytes(), name
    assert [(day, hour) for day, hour, _ in parts] == sorted((day, hour) for day, hour, _ in parts)


def test_threads_draw_what_one_thread_draws(monkeypatch: pytest.MonkeyPatch):
    alone = made()
    threads: set[int] = set()
    draw = generator._Hour.draw

    def noted(hour: generator._Hour, cells: generator._Cells) -> bool:
        threads.add(threading.get_ident())
        return draw(hour, cells)

    monkeypatch.setattr(generator._Hour, "draw", noted)
    monkeypatch.setattr(generator, "threads_for", lambda _: 3)
    together = made()
    assert threading.get_ident() not in threads
    assert alone.rows is not None
    assert together.rows is not None
    assert together.rows.tobytes() == alone.rows.tobytes()
    assert (together.query == alone.query).all()
    assert (together.advertiser == alone.advertiser).all()


@pytest.mark.parametrize("squash", [1.0, 2.0])
def test_the_ends_of_rows_are_those_of_their_columns(squash: float):
    table = made()
    assert table.rows is not None
    rows = np.array(table.rows)
    rows[:, layout.CTR] = rows[:, layout.CTR] ** squash
    ends, is_predicted = ends_of(rows)
    assert is_predicted == (squash == 1.0)
    for name, position in layout.POSITIONS.items():
        assert ends[name] == (rows[:, position].min(), rows[:, position].max()), name
    assert ends_of(rows[:0]) == (dict.fromkeys(layout.POSITIONS, (np.inf, 0.0)), True)
