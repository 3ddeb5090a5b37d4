"""Adapters import their library on demand; what they do with it is in tests/clients."""

from __future__ import annotations

import sys

import pytest

from auctionsim.extras import MissingExtra


def test_a_missing_library_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    monkeypatch.delitem(sys.modules, "auctionsim.envs.adapters.sb3", raising=False)
    line = r"^auctionsim\.envs\.adapters\.sb3 needs stable[-_]baselines3: pip install 'auctionsim\[sb3\]'$"
    with pytest.raises(MissingExtra, match=line):
        import auctionsim.envs.adapters.sb3  # noqa: F401
