"""The schemas of what commands print are what the structs say."""

from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from rq_agent.cli.schemas.__main__ import files, main
from rq_agent.cli.schemas.forms import extended, holding, lines, schema, some, whole

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"


class Part(msgspec.Struct, frozen=True):
    """A part."""

    size: int
    """In bytes."""


class Whole(msgspec.Struct, frozen=True):
    """A whole."""

    name: str
    """Its name."""
    parts: list[Part] = []


def test_the_files_are_what_the_structs_say() -> None:
    made = files()

    assert {path.name for path in FOLDER.glob("*.json")} == set(made)
    for name, content in made.items():
        assert (FOLDER / name).read_bytes() == content, f"{name} is old: make schemas"


@pytest.mark.parametrize("name", sorted(files()))
def test_each_file_is_a_schema(name: str) -> None:
    found = msgspec.json.decode(files()[name])

    Draft202012Validator.check_schema(found)
    assert found["description"]
    assert "schema" in found["required"]


def test_files_of_kinds_that_are_no_more_go(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("{}")

    main(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == set(files())


def test_a_kind_has_the_fields_of_its_struct_and_more_all_of_them_always() -> None:
    made = schema("whole", whole(Whole, "A whole: show", extra=bool))

    assert made["required"] == ["extra", "name", "parts", "schema"]
    assert made["properties"]["name"]["description"] == "Its name."
    assert made["$defs"]["Part"]["properties"]["size"]["description"] == "In bytes."
    assert made["description"] == "A whole: show."
    assert schema("x", lines(Part, "Parts"))["description"] == "Parts. One object a line."


def test_a_list_may_hold_what_is_like_a_struct_but_for_some_fields() -> None:
    small = extended(Whole, but=("parts",), count=int)
    made = schema("wholes", holding("Wholes: ls", wholes=some(small)))

    [part] = made["$defs"].values()
    assert part["required"] == ["count", "name"]
    assert part["properties"]["name"]["description"] == "Its name."
