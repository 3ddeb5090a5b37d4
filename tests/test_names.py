"""Names from outside act as no markup, no formula and no control text, wherever they are shown."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from io import BytesIO, TextIOWrapper
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from auctionsim.analysis.documents import page
from auctionsim.analysis.documents.plots.log_quality import volume_figure
from auctionsim.analysis.documents.plots.style import Figure, legend_above, png, svg
from auctionsim.analysis.documents.plots.sweep import Axis, parallel_coordinates
from auctionsim.analysis.documents.sections import Table, Text, write_document
from auctionsim.envs.frame import day_frame
from auctionsim.machine.stdio import make_unbreakable
from auctionsim.names.lettering import are_drawable, labels
from auctionsim.names.text import code_span, markdown_name, markdown_text, markdown_writer, printable, shortened, width

HOSTILE = [
    "cost$\\cpc$", "Ba$$in", "$", "_base", "__", "预算上限", "x" * 200, "x" * 201, "a\nb\x07", "half \udcff", "<b>", "a|b", "",
    " ",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("a|b", "a\\|b"),
        ("`c`", "\\`c\\`"),
        ("[d](e)", "\\[d\\](e)"),
        ("*f*", "\\*f\\*"),
        ("_g_", "\\_g\\_"),
        ("seller_1-2", "seller_1-2"),
        ("a & b", "a &amp; b"),
        ("a\nb", "a\\\\nb"),
    ],
)
def test_a_name_in_markdown_is_shown_letter_by_letter(name: str, shown: str):
    assert markdown_name(name) == shown
    assert markdown_text(f"{name}: 1.0 [0.9, 1.1]", [name]) == f"{shown}: 1.0 [0.9, 1.1]"


def test_a_sentence_keeps_its_own_markup_and_holds_no_tag_or_link():
    assert markdown_text("run `auctionsim control RUN`, p < 0.1", ["x"]) == "run `auctionsim control RUN`, p < 0.1"
    assert markdown_text("<i>x</i> [a](b) [c]: d") == "&lt;i>x&lt;/i> [a\\](b) [c\\]: d"


def test_names_of_many_sentences_are_looked_through_once():
    write = markdown_writer(iter(["a|b", "c*"]))
    assert [write("a|b c*"), write("c* a|b"), write("")] == ["a\\|b c\\*", "c\\* a\\|b", ""]


def test_the_longest_name_is_found_first():
    assert markdown_text("a|b a|b|c", ["a|b", "a|b|c"]) == "a\\|b a\\|b\\|c"


def test_inline_code_holds_backticks():
    assert code_span("a") == "`a`"
    assert code_span("a `b` ``c``") == "``` a `b` ``c`` ```"


def test_long_names_lose_their_middle_and_wide_letters_count_double():
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghijk", 10) == "abcdef…ijk"
    assert width("预算") == 4
    assert width(shortened("预算上限" * 20, 28)) <= 28


def test_labels_differ_and_hide_nothing():
    found = labels(HOSTILE)
    assert len(set(found)) == len(HOSTILE)
    assert not any(label.startswith("_") for label in found)
    assert all(label.count("$") == label.count("\\$") for label in found)
    assert printable("a\nb\x07\udcff") == "a\\nb\\x07\\udcff"


@pytest.mark.parametrize("draw", [svg, png])
def test_a_legend_of_any_names_is_drawn_without_a_warning(draw):
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    for name in labels(HOSTILE):
        axes.plot([0, 1], label=name)
    legend_above(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = draw(figure)
    assert len(figure.legends[0].get_texts()) == len(HOSTILE) - 1, "all but the empty name, which matplotlib leaves out"
    if draw is svg:
        assert "<!-- cost$\\cpc$ -->" in drawn
        assert "\x07" not in drawn


def test_letters_that_only_another_installed_font_has_are_drawn_with_it(monkeypatch: pytest.MonkeyPatch):
    from auctionsim.names import lettering

    # U+1D6FC, a Greek letter of the mathematical alphabet, stands for any letter that a second font has.
    monkeypatch.setattr(lettering, "_font_with", lambda one: "STIXGeneral" if one == "预" else None)
    assert labels(["预x算"]) == ["预x\\u7b97"]
    figure = Figure()
    text = figure.text(0, 0, "预")
    lettering.letter(figure)
    assert text.get_fontfamily() == ["DejaVu Sans", "STIXGeneral"]
    assert not are_drawable(["算"])


def test_the_environments_picture_has_its_size_whatever_the_names():
    totals = np.ones((3, len(HOSTILE), 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = day_frame(totals, None, tuple(HOSTILE), "day 2")
    assert picture.shape == (400, 800, 3)


def test_a_document_shows_hostile_names_and_is_written_as_utf_8(tmp_path: Path):
    table = Table(["name", *HOSTILE], [[name, *HOSTILE] for name in HOSTILE])
    write_document("t", ["auctionsim report `x`"], [Text("; ".join(HOSTILE)), table], tmp_path, page_in="", names=HOSTILE)
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {len(HOSTILE) + 2}
    assert "<b>" not in text
    assert "half \\\\udcff" in text
    assert "half \\udcff" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.escape("<\x00") == "&lt;\\x00"


def test_a_terminal_without_unicode_shows_escapes_instead_of_a_traceback():
    raw = BytesIO()
    stream = TextIOWrapper(raw, encoding="ascii")
    make_unbreakable(stream)
    stream.write("säml 预 \udcff")
    stream.flush()
    assert raw.getvalue() == rb"s\xe4ml \u9884 \udcff"


def test_the_command_line_survives_an_ascii_terminal(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "auctionsim", "check", "nö"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert b"n\\xf6" in done.stderr
    assert b"Traceback" not in done.stderr


def test_matplotlib_still_reads_dollars_as_formulas_so_that_they_must_be_escaped():
    figure = Figure()
    figure.text(0, 0, "cost$\\cpc$")
    with pytest.raises(ValueError, match="cpc"):
        figure.draw_without_rendering()
    assert matplotlib.__version__


def test_a_sweep_s_figure_writes_words_letter_by_letter_and_keeps_them_apart():
    words = [*HOSTILE, "$\\frac$"]
    figure = parallel_coordinates([Axis("learner.$\\frac$", words), Axis("_x\nafter 3", [1.0] * len(words))], {0})
    drawn = [text.get_text() for text in figure.axes[0].texts]
    assert len(set(drawn)) == len(words) + 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "\x07" not in svg(figure)
        png(figure)


def test_the_days_of_a_log_are_written_letter_by_letter():
    figure = volume_figure(["$\\frac$", "_b"], [[1] * 24] * 2)
    assert "\\frac" in svg(figure)
