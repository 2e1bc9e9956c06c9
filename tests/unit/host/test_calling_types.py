"""Each type of the table goes through JSON and comes back, with and without msgspec."""

import base64
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import sys
import typing
import uuid
from collections.abc import Mapping, Sequence

import msgspec
import pytest

from rq_agent.worker.host import calling

NOON = datetime.datetime(2026, 1, 31, 12, 0, 0, 5)
PARIS = datetime.timezone(datetime.timedelta(hours=1))


class Colour(enum.Enum):
    RED = "red"
    DEEP = 7


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Inner:
    sizes: set[int]
    made: datetime.date


@dataclasses.dataclass
class Outer:
    inner: Inner
    others: "list[Outer]" = dataclasses.field(default_factory=list)
    name: str = "x"
    known: typing.ClassVar[int] = 3
    twice: str = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.twice = self.name * 2


class Point(typing.NamedTuple):
    x: int
    at: datetime.date
    z: float = 0.5


class Options(typing.TypedDict):
    at: datetime.date
    deep: typing.NotRequired[bytes]


class Record(msgspec.Struct, rename="camel", tag=True):
    long_name: int
    at: datetime.timedelta


Name = typing.NewType("Name", str)

PLAIN: list[tuple[typing.Any, typing.Any]] = [
    (None, None),
    (bool, True),
    (int, 3),
    (float, 0.5),
    (str, "ö\n"),
    (list[int], [1, 2]),
    (Sequence[datetime.date], [datetime.date(2026, 1, 31)]),
    (tuple[int, str], (1, "a")),
    (tuple[()], ()),
    (tuple[datetime.date, ...], (datetime.date(2026, 1, 31),)),
    (set[str], {"a", "b"}),
    (frozenset[int], frozenset({1})),
    (dict[str, bytes], {"a": b"\0"}),
    (dict[int, float], {1: 0.5}),
    (Mapping[datetime.date, int], {datetime.date(2026, 1, 31): 1}),
    (int | None, None),
    (typing.Optional[datetime.date], datetime.date(2026, 1, 31)),  # noqa: UP045
    (int | str, "5"),
    (int | float, 5.0),
    (typing.Union[datetime.date, str], "soon"),  # noqa: UP007
    (typing.Literal["a", 1], 1),
    (Colour, Colour.RED),
    (Colour, Colour.DEEP),
    (Level, Level.LOW),
    (datetime.datetime, NOON),
    (datetime.datetime, NOON.replace(tzinfo=datetime.UTC)),
    (datetime.datetime, NOON.replace(tzinfo=PARIS)),
    (datetime.date, datetime.date(2026, 1, 31)),
    (datetime.time, datetime.time(1, 2, 3)),
    (datetime.timedelta, datetime.timedelta(days=1, seconds=2, microseconds=500_000)),
    (datetime.timedelta, -datetime.timedelta(microseconds=1)),
    (datetime.timedelta, datetime.timedelta(0)),
    (uuid.UUID, uuid.UUID(int=5)),
    (decimal.Decimal, decimal.Decimal("1.10")),
    (bytes, b"\xff\0"),
    (
        Outer,
        Outer(Inner({1}, datetime.date(2026, 1, 31)), [Outer(Inner(set(), datetime.date.min))]),
    ),
    (Point, Point(1, datetime.date(2026, 1, 31))),
    (Options, {"at": datetime.date(2026, 1, 31)}),
    (Options, {"at": datetime.date(2026, 1, 31), "deep": b"x"}),
    (list[Name], [Name("a")]),
    (typing.Annotated[datetime.date, "a note"], datetime.date(2026, 1, 31)),
    (typing.Any, {"a": [1, None]}),
]
FOREIGN: list[tuple[typing.Any, typing.Any]] = [
    (Record, Record(1, datetime.timedelta(seconds=1))),
    (list[Record], [Record(1, datetime.timedelta(seconds=1))]),
    (typing.Annotated[int, msgspec.Meta(gt=0)], 3),
]


def taking(annotation: typing.Any) -> typing.Any:
    def function(one: typing.Any) -> None: ...

    function.__annotations__ = {"one": annotation}
    return function


def received(annotation: typing.Any, text: str | bytes) -> typing.Any:
    args, kwargs = calling.bind(taking(annotation), [[], {"one": json.loads(text)}])
    assert args == []
    return kwargs["one"]


@pytest.fixture(params=["with msgspec", "without"])
def environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.setitem(sys.modules, "msgspec", None)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(("annotation", "value"), PLAIN)
def test_a_function_gets_what_the_client_wrote_by_msgspec(
    annotation: typing.Any, value: typing.Any
) -> None:
    got = received(annotation, msgspec.json.encode(value))

    assert (type(got), got) == (type(value), value)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(("annotation", "value"), PLAIN)
def test_a_result_is_what_the_client_reads_by_msgspec(
    annotation: typing.Any, value: typing.Any
) -> None:
    text = calling.encode(value)

    assert json.loads(text) == json.loads(msgspec.json.encode(value))
    got = received(annotation, text)
    assert (type(got), got) == (type(value), value)


@pytest.mark.parametrize(("annotation", "value"), FOREIGN)
def test_what_msgspec_knows_goes_by_its_rules(annotation: typing.Any, value: typing.Any) -> None:
    text = calling.encode(value)

    assert json.loads(text) == json.loads(msgspec.json.encode(value))
    assert received(annotation, text) == value


def test_what_only_msgspec_knows_is_an_error_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)

    with pytest.raises(calling.WrongArguments, match=r"\(gt=0\)\] can't be made of JSON"):
        received(typing.Annotated[int, msgspec.Meta(gt=0)], "3")


def test_rules_of_msgspec_hold() -> None:
    with pytest.raises(calling.WrongArguments, match="argument one: Expected `int` >= 1"):
        received(typing.Annotated[int, msgspec.Meta(gt=0)], "0")


@pytest.mark.usefixtures("environment")
def test_a_path_is_text() -> None:
    assert calling.encode([pathlib.Path("/a/b")]) == '["/a/b"]'
    assert received(pathlib.Path, '"/a/b"') == pathlib.Path("/a/b")


def test_types_of_a_struct_that_msgspec_does_not_know_go_by_ours() -> None:
    class Holder(msgspec.Struct):
        path: pathlib.PurePosixPath

    holder = Holder(pathlib.PurePosixPath("/a"))

    assert received(Holder, calling.encode(holder)) == holder


@pytest.mark.parametrize(
    ("annotation", "text", "problem"),
    [
        (int, '"a"', "one: expected int, got str"),
        (int, "true", "one: expected int, got bool"),
        (int, "1.5", "one: expected int, got float"),
        (str, "null", "one: expected str, got null"),
        (list[int], '{"a": 1}', "one: expected an array, got object"),
        (dict[str, list[int]], '{"a": [1, "b"]}', "one['a'][1]: expected int, got str"),
        (tuple[int, str], "[1]", "one: expected 2 items, got 1"),
        (set[typing.Any], "[[1]]", "one: unhashable type: 'list'"),
        (int | None, '"a"', "one: expected int, got str"),
        (int | bytes | None, "[]", "one: expected int or bytes or null, got array"),
        (Colour, '"blue"', "one: expected Colour, one of 'red', 7"),
        (typing.Literal[1, "a"], "true", "one: expected one of 1, 'a'"),
        (bytes, '"a"', "one: is no base64"),
        (datetime.datetime, '"2026-01-31"', "one: is no date and time"),
        (datetime.date, '"2026-02-31"', "one: is no date"),
        (datetime.timedelta, '"P"', "one: is no duration"),
        (datetime.timedelta, '"P99999999999D"', "one: is no duration"),
        (uuid.UUID, '"a"', "one: is no UUID"),
        (decimal.Decimal, '"a"', "one: is no decimal number"),
        (Outer, '{"inner": {"sizes": []}}', "one.inner: field 'made' is missing"),
        (Outer, '{"inner": {"sizes": [0, "a"]}}', "one.inner.sizes[1]: expected int, got str"),
        (Point, "[1]", "one: expected 2 to 3 items, got 1"),
        (Options, "{}", "one: key 'at' is missing"),
        (Options, '{"at": 1}', "one['at']: expected date (a string), got int"),
        (dict[int, int], '{"a": 1}', "one['a']: expected int, got str"),
    ],
)
@pytest.mark.usefixtures("environment")
def test_a_value_of_another_type_names_its_place(
    annotation: typing.Any, text: str, problem: str
) -> None:
    with pytest.raises(calling.WrongArguments) as caught:
        received(annotation, text)

    assert str(caught.value).endswith(f": argument {problem}")


def test_base64_is_read_as_it_was_written() -> None:
    assert received(bytes, json.dumps(base64.b64encode(b"abc").decode())) == b"abc"


def test_a_number_of_javascript_is_whole() -> None:
    got = received(int, "2.0")

    assert (type(got), got) == (int, 2)


def test_what_a_dataclass_checks_itself_is_told() -> None:
    @dataclasses.dataclass
    class Positive:
        n: int

        def __post_init__(self) -> None:
            if self.n < 0:
                raise ValueError("n must not be negative")

    with pytest.raises(calling.WrongArguments, match=r"one\[1\]: n must not be negative"):
        received(list[Positive], '[{"n": 1}, {"n": -1}]')
