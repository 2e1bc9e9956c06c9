"""How the documentation is built: `make docs`. Warnings, broken links among them, are errors."""

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from generate import cli, keys

from rq_agent import __version__

project = "rq-agent"
author = "the rq-agent authors"
release = version = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 4
exclude_patterns = ["generate", "_static"]
nitpicky = True
html_theme = "furo"
html_title = f"rq-agent {release}"
html_copy_source = False
man_pages = [("reference/cli/index", "rq-agent", "run Python work on the machines you own", "", 1)]


def setup(app: Any) -> None:
    """Write the pages that are made from the program itself, before any is read."""
    app.connect("builder-inited", lambda _: cli.write(HERE / "reference" / "cli"))
    app.connect("builder-inited", lambda _: keys.write(HERE / "reference" / "keys.md"))
