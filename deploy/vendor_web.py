#!/usr/bin/env python3
"""Fetches the JavaScript of the dashboard from the npm registry into web/static/vendor.

Only for whoever changes a version here: the files are kept in the repository and travel in the
wheel, so that nothing is fetched when rq-agent is installed or used. Needs `npm`.
"""

import hashlib
import io
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

VENDOR = Path(__file__).parent.parent / "web" / "static" / "vendor"


class Source(NamedTuple):
    """One file of a package, and where it goes."""

    package: str
    version: str
    sha256: str
    """Of the package as it is published."""
    path: str
    target: str


PREACT = ("preact", "11.2.0", "3c4456766bd32b6b534d52bf4e9c2a29b33e7eedf6e96ed479300ba1a7888ebf")
SIGNALS = (
    "@preact/signals",
    "2.11.4",
    "66ea8221dd8aaa0da2365d49c3f116b071d56cfb63b2e16c072c6b4e08a928b7",
)
CORE = (
    "@preact/signals-core",
    "1.14.5",
    "94c421ac996214c94f532fb4c43d8ede048a16df0cd9538ffb965174dbe8daba",
)
HTM = ("htm", "3.1.1", "2425b9bee11409177bcabc7f32e319926fc6690c1701c0b257c88bdff2d5ba90")
UPLOT = ("uplot", "1.6.32", "4b8a8191e425658e3ea8c8c1314b0fc679c861ee3a1af2b20c7b16ba50b5133d")

SOURCES = (
    Source(*PREACT, "dist/preact.mjs", "preact.js"),
    Source(*PREACT, "hooks/dist/hooks.mjs", "preact-hooks.js"),
    Source(*PREACT, "LICENSE", "preact.LICENSE"),
    Source(*SIGNALS, "dist/signals.mjs", "signals.js"),
    Source(*SIGNALS, "LICENSE", "signals.LICENSE"),
    Source(*CORE, "dist/signals-core.mjs", "signals-core.js"),
    Source(*CORE, "LICENSE", "signals-core.LICENSE"),
    Source(*HTM, "dist/htm.module.js", "htm.js"),
    Source(*HTM, "LICENSE", "htm.LICENSE"),
    Source(*UPLOT, "dist/uPlot.iife.min.js", "uplot.js"),
    Source(*UPLOT, "dist/uPlot.min.css", "uplot.css"),
    Source(*UPLOT, "LICENSE", "uplot.LICENSE"),
)

BARE = {
    "preact": "./preact.js",
    "preact/hooks": "./preact-hooks.js",
    "@preact/signals-core": "./signals-core.js",
}
"""Names that the modules import each other by; an import map would need an inline script."""


def main() -> None:
    """Write all files and their manifest."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    packages: dict[str, bytes] = {}
    files = []
    for source in SOURCES:
        if source.package not in packages:
            packages[source.package] = fetched(source)
        content = adapted(source, member(packages[source.package], f"package/{source.path}"))
        (VENDOR / source.target).write_bytes(content)
        files.append(
            {
                "file": source.target,
                "sha256": hashlib.sha256(content).hexdigest(),
                "package": source.package,
                "version": source.version,
                "path": source.path,
            }
        )
    (VENDOR / "manifest.json").write_text(json.dumps({"files": files}, indent=2) + "\n", "utf-8")


def fetched(source: Source) -> bytes:
    """Return a package as published."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["npm", "pack", "--silent", f"{source.package}@{source.version}"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        [packed] = Path(folder).iterdir()
        content = packed.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise SystemExit(f"{source.package} {source.version}: SHA-256 is {found}")
    return content


def member(package: bytes, path: str) -> bytes:
    """Return one file of a package."""
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        found = archive.extractfile(path)
        assert found is not None, path
        return found.read()


def adapted(source: Source, content: bytes) -> bytes:
    """Return a file as a browser can import it: relative imports, no source map, a module."""
    if not source.target.endswith(".js"):
        return content
    text = re.sub(r"\n?//# sourceMappingURL=\S+\s*$", "", content.decode("utf-8"))
    text = re.sub(
        r'(\bfrom|\bimport)\s*"([^"]+)"', lambda found: f'{found[1]} "{BARE[found[2]]}"', text
    )
    if source.target == "uplot.js":
        text += "export default uPlot;"
    return text.rstrip().encode() + b"\n"


if __name__ == "__main__":
    main()
