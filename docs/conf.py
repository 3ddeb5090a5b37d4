"""The documentation site: `make docs`. Built without network; every warning is an error."""

from __future__ import annotations

import sys
from pathlib import Path

import auctionsim

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "auctionsim"
copyright = "the auctionsim developers"  # noqa: A001  (Sphinx's name)
version = release = auctionsim.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "generated_pages", "mathml", "plain_docstrings"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["_extensions", "images"]

# Notebooks are shown as they are committed; `make test` runs each one and compares its outputs.
nb_execution_mode = "off"

myst_heading_anchors = 3
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
# The pages are written in a dialect that GitHub reads too; code without a language is no code to colour.
highlight_language = "none"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
# Spelled out, what numpy takes for an array fills three lines.
autodoc_type_aliases = {"ArrayLike": "ArrayLike"}
autodoc_class_signature = "separated"
autodoc_default_options = {"members": True, "undoc-members": False}
napoleon_numpy_docstring = False

html_theme = "furo"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = f"auctionsim {release}"
html_show_sphinx = False
html_copy_source = False
