"""Render formulas as MathML when the site is built: browsers draw it themselves, so a page needs no script and no font.

`html_math_renderer = "mathml"` in `conf.py` selects it. A formula that cannot be read is a warning, which fails the build.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

_LOG = logging.getLogger(__name__)
_CONVERTER = LatexToMathML(fancy_error=False)


def _inline(translator: HTML5Translator, node: nodes.math) -> NoReturn:
    translator.body.append(_mathml(node, displaystyle=False))
    raise nodes.SkipNode


def _block(translator: HTML5Translator, node: nodes.math_block) -> NoReturn:
    translator.body.append(f'<div class="math-block">{_mathml(node, displaystyle=True)}</div>\n')
    raise nodes.SkipNode


def _mathml(node: nodes.Element, *, displaystyle: bool) -> str:
    """Return the formula as a `math` element; empty, with a warning, where it cannot be read."""
    try:
        return _CONVERTER.convert_with_local_state(node.astext(), displaystyle=displaystyle)
    except LatexError as error:
        _LOG.warning("expected a formula in LaTeX, got '%s': %s", node.astext(), error, location=node)
        return ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
