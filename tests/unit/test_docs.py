"""What the documents say of tests is true."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
PROMISES = sorted(
    {
        (page.name, *named)
        for page in (ROOT / "docs").glob("*.md")
        for named in NAMED.findall(page.read_text("utf-8"))
    }
)


def test_every_promise_is_looked_at() -> None:
    assert len(PROMISES) > 60


@pytest.mark.parametrize(("page", "file", "name"), PROMISES)
def test_a_test_that_a_page_names_is_there(page: str, file: str, name: str) -> None:
    code = (ROOT / "tests" / file).read_text("utf-8")

    assert re.search(rf"^(async )?def {name}\(", code, re.MULTILINE), f"{page}: {file}::{name}"
