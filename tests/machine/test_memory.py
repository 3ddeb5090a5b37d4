"""What does not fit is refused, and what is small is not blamed for the memory that other things took."""

from __future__ import annotations

import pytest

from auctionsim.errors import InputError
from auctionsim.machine import memory
from auctionsim.machine.memory import expect_memory


def test_only_what_is_large_is_blamed_for_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 800_000)
    with pytest.raises(MemoryError, match=r"^a market takes 816 KB, and 800 KB are left$"):
        expect_memory("s.toml", 816_000, "a market", "make the number smaller")
    with pytest.raises(InputError, match=r"^s.toml: expected a market of <= 800 KB, .* about 1 GB; make it smaller$"):
        expect_memory("s.toml", 1e9, "a market", "make it smaller")
    expect_memory("s.toml", 700_000, "a market", "make the number smaller")
