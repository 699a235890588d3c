"""Sphinx settings of the manual; `make docs` builds it with warnings as errors and without network."""

from __future__ import annotations

import configparser
from pathlib import Path

_setup = configparser.ConfigParser()
_setup.read(Path(__file__).parent.parent / "setup.cfg", encoding="utf-8")

project = _setup["metadata"]["name"]
author = copyright = _setup["metadata"]["author"]
release = version = _setup["metadata"]["version"]

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
