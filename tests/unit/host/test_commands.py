"""What a host says of lines that it does not understand."""

from typing import Any

import pytest

from rq_agent.worker.host.commands import BadCall, BadCommand, call_of


@pytest.mark.parametrize(
    "entry",
    [
        ["a.1", "m:f", [["secret"], {}], "soon", 1.0, "note", True],
        ["a.1", "m:f", ["secret"], 0.0, 1.0, "note", True],
        ["a.1", ["secret"]],
    ],
)
def test_the_arguments_of_a_call_that_cant_be_read_are_told_nobody(entry: list[Any]) -> None:
    with pytest.raises(BadCall) as raised:
        call_of(entry)

    assert raised.value.call.key == "a.1"
    assert "secret" not in str(raised.value)


def test_nor_are_those_of_one_without_a_key() -> None:
    with pytest.raises(BadCommand) as raised:
        call_of({"call": "secret"})

    assert "secret" not in str(raised.value)
