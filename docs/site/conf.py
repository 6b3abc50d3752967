"""The site of the documentation (`make docs-site`): the Markdown pages of the checkout, and notebooks with output."""

import os
from pathlib import Path

from bowlby import __version__ as release

ROOT = Path(__file__).parents[2]
os.environ.setdefault("BOWLBY_RESULTS", str(ROOT / "results/example"))

project = "bowlby"
author = "the authors of bowlby"
version = release
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc"]
root_doc = "docs/site/index"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "config/README.md", "docs/**.md"]
include_patterns += ["notebooks/*.ipynb"]
exclude_patterns = ["docs/*_notes.md"]  # parts of other pages
html_theme = "furo"
html_title = f"bowlby {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = html_show_copyright = False
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
numpydoc_show_class_members = False
autodoc_typehints = "none"
suppress_warnings = ["myst.xref_missing", "misc.highlighting_failure"]
"""Links to files that are no page (code, licence) lead nowhere on the site; the tests of the pages examine them."""
