"""Arguments and options of calls."""

import datetime
import enum
import json
import uuid
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rq_agent.api.arguments import Arguments
from rq_agent.api.places import Place
from rq_agent.api.wishes import submission_of
from rq_agent.broker.definition import Function
from rq_agent.broker.errors import UsageError
from rq_agent.worker.host import calling


@dataclass
class Point:
    x: int
    y: float = 0.0


class Box(msgspec.Struct):
    points: list[Point]


class Color(enum.Enum):
    RED = "red"


def paint(point: Point, color: Color = Color.RED, *rest: Any, **named: Any) -> None:
    pass


def add(a: int, b: int = 1) -> int:
    return a + b


def text_of(function: Any, *args: Any, **kwargs: Any) -> Any:
    return json.loads(Arguments(function.__name__, function).text(args, kwargs))


def test_arguments_are_a_list_and_an_object() -> None:
    assert text_of(add, 1, b=2) == [[1], {"b": 2}]
    assert text_of(lambda: 1) == [[], {}]


@pytest.mark.parametrize(
    ("args", "kwargs", "problem"),
    [
        ((), {}, r"add\(\): missing a required argument: 'a'"),
        ((1, 2, 3), {}, "too many positional"),
        ((1,), {"c": 1}, "unexpected keyword argument 'c'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_as_by_a_call(
    args: tuple[Any, ...], kwargs: dict[str, Any], problem: str
) -> None:
    with pytest.raises(TypeError, match=problem):
        text_of(add, *args, **kwargs)


VALUES: list[tuple[Any, Any]] = [
    (Point, Point(1, 2.5)),
    (Box, Box([Point(1)])),
    (Color, Color.RED),
    (datetime.datetime, datetime.datetime(2031, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)),
    (datetime.timedelta, datetime.timedelta(days=1, seconds=2.5)),
    (uuid.UUID, uuid.UUID(int=7)),
    (Decimal, Decimal("1.10")),
    (bytes, b"\x00\xff"),
    (Path, Path("/a/b")),
    (set[int], {1, 2}),
    (dict[int, str], {1: "a"}),
    (tuple[int, str], (1, "a")),
    (int | None, None),
    (str, "é\u2028"),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=lambda each: str(each)[:30])
def test_a_value_arrives_as_it_was_sent(kind: Any, value: Any) -> None:
    def take(value: Any) -> None:
        pass

    take.__annotations__["value"] = kind

    arguments = json.loads(Arguments("take", take).text((value,), {}))

    assert calling.bind(take, arguments)[0] == [value]


@pytest.mark.parametrize("value", [float("nan"), [None, float("inf")], object(), "\ud800"])
def test_a_value_without_a_form_in_json_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=r"add\(\): its arguments can't be sent: "):
        text_of(add, value)


def test_the_argument_without_a_form_is_named() -> None:
    with pytest.raises(UsageError, match=r"complex at argument 2$"):
        text_of(add, 1, 1j)
    with pytest.raises(UsageError, match=r"complex at argument b\[1\]"):
        text_of(add, 1, b=[0, 1j])


class Usual:
    queue = "services"
    user = "ann"


PLACE = Place(script=Path("/p/t.py"), module=None, function=Function(name="t", kind="process"))


def asked(**options: Any) -> Any:
    return submission_of(PLACE, options, Usual(), workdir=Path("/p"))


def test_what_is_not_said_is_usual() -> None:
    found = asked()

    assert (found.queue, found.name, found.user, found.light) == ("services", "t", "ann", True)
    assert (found.retry, found.restart, found.timeout_s) == ("", "never", 0.0)


def test_retries_count_for_what_raised_and_for_what_a_machine_did() -> None:
    assert asked(retries=3, retry_delay=0.5).retry == "3 x 500 3600000 10 eft"


def test_times_may_be_timedeltas() -> None:
    assert asked(timeout=datetime.timedelta(minutes=2), delay=1.5).timeout_s == 120


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"timeout": -1}, "timeout: -1"),
        ({"delay": "1h"}, "delay: '1h'"),
        ({"restart": "sometimes"}, "restart: 'sometimes'"),
        ({"after": "id"}, "after: give a list"),
        ({"after": [3]}, "after: 3 is neither"),
        ({"after": [("id", "later")]}, "'later' is no condition"),
        ({"retries": -1}, "retries"),
    ],
)
def test_an_option_that_says_nothing_sensible_is_refused(
    options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        asked(**options)
