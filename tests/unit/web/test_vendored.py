"""The JavaScript of others is what its authors published, and nothing else is there."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

STATIC = Path(__file__).parents[3] / "web" / "static"
VENDOR = STATIC / "vendor"
FILES: list[dict[str, Any]] = json.loads((VENDOR / "manifest.json").read_text("utf-8"))["files"]
OURS = sorted(path for path in STATIC.rglob("*.js") if path.parent != VENDOR)
ALL = sorted(STATIC.rglob("*.js"))
IMPORT = re.compile(r'\b(?:from|import)\s*\(?\s*"([^"]+)"')


@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["file"])
def test_a_file_has_the_hash_of_the_manifest(entry: dict[str, Any]) -> None:
    content = (VENDOR / entry["file"]).read_bytes()

    assert hashlib.sha256(content).hexdigest() == entry["sha256"]


def test_every_file_is_in_the_manifest_and_every_package_has_its_licence() -> None:
    there = {path.name for path in VENDOR.iterdir()} - {"manifest.json"}
    licensed = {entry["package"] for entry in FILES if entry["file"].endswith(".LICENSE")}

    assert there == {entry["file"] for entry in FILES}
    assert licensed == {entry["package"] for entry in FILES}


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_a_module_imports_only_files_that_are_there(path: Path) -> None:
    for name in IMPORT.findall(path.read_text("utf-8")):
        assert name.startswith("."), f"{name} is not a file"
        assert (path.parent / name).is_file(), name


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_no_module_makes_code_or_markup_of_text(path: Path) -> None:
    text = path.read_text("utf-8")

    assert not re.search(r"\beval\s*\(|new Function\b|document\.write", text)
    if path in OURS:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|dangerously", text)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_our_modules_say_their_types_and_what_they_are_for(path: Path) -> None:
    first, second = path.read_text("utf-8").splitlines()[:2]

    assert first == "// @ts-check"
    assert second.startswith("/**")


def test_the_document_holds_no_script_and_no_style_of_its_own() -> None:
    text = (STATIC / "index.html").read_text("utf-8")

    assert re.findall(r"<script[^>]*>([^<]*)</script>", text) == [""]
    assert "<style" not in text
    assert not re.search(r"\son\w+=|\sstyle=|https?://", text)


def test_pages_ask_nobody_but_their_own_server() -> None:
    for path in [*OURS, *STATIC.rglob("*.css")]:
        if path.parent != VENDOR:
            assert not re.search(r"https?://|@import|url\(", path.read_text("utf-8")), path.name
