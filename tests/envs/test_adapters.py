"""Adapters import their library on demand; what they do with it is in tests/clients."""

from __future__ import annotations

import importlib
import re
import sys

import pytest

from auctionsim.extras import MissingExtra


@pytest.mark.parametrize(
    ("adapter", "library", "line"),
    [
        ("sb3", "stable_baselines3", r"needs stable[-_]baselines3: pip install 'auctionsim\[sb3\]'"),
        ("torchrl", "torchrl", r"needs torchrl: pip install torchrl"),
        ("benchmarl", "benchmarl", r"needs benchmarl: pip install benchmarl"),
    ],
)
def test_a_missing_library_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, adapter: str, library: str, line: str):
    name = f"auctionsim.envs.adapters.{adapter}"
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(MissingExtra, match=rf"^{re.escape(name)} {line}$"):
        importlib.import_module(name)
