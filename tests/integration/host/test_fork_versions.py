"""The fork host, and typed calls, in the interpreters that users have."""

from pathlib import Path

import pytest

from .driving import Driven
from .test_versions import VERSIONS, interpreter

SOURCE = """
    from __future__ import annotations
    import dataclasses, datetime, enum, os, pathlib, typing, uuid
    class Colour(enum.Enum):
        RED = "red"
    @dataclasses.dataclass
    class Item:
        at: datetime.date
        more: typing.List[Item] = dataclasses.field(default_factory=list)
    class Options(typing.TypedDict, total=False):
        x: int
    class Pair(typing.NamedTuple):
        a: int
        b: str = "z"
    def main(
        item: Item, colour: Colour, *, sizes: typing.Dict[int, float], absent: Absent = 1,
        name: typing.Optional[uuid.UUID] = None, path: pathlib.Path = None,
        options: Options = None, pair: Pair = None, when: typing.Tuple[datetime.datetime, ...] = (),
    ):
        assert (item.more[0].at.year, colour, sizes[1]) == (2025, Colour.RED, 2.0)
        return [item, colour, sizes, name, path, options, pair, when]
    def leaves():
        if os.fork() == 0:
            os.setsid()
            os.execvp("sleep", ["sleep", "600"])
    """


@pytest.mark.parametrize("version", VERSIONS)
def test_typed_calls_run_fail_and_leave_nothing(version: str, tmp_path: Path, cache: Path) -> None:
    host = Driven(tmp_path, cache, kind="process", python=interpreter(version))
    try:
        name = host.module(SOURCE)
        item = {"at": "2026-01-31", "more": [{"at": "2025-01-31", "more": []}]}
        moments = ["2026-01-31T12:00:00.5Z"]
        given = {"sizes": {"1": 2}, "path": "/a", "options": {"x": 1}, "pair": [1]}

        done = host.run(f"{name}:main", item, "red", when=moments, **given)

        assert done.outcome == "succeeded", host.output(done.key, "err")
        assert done.result == (
            '[{"at":"2026-01-31","more":[{"at":"2025-01-31","more":[]}]},"red",{"1":2.0},null,"/a",'
            '{"x":1},[1,"z"],["2026-01-31T12:00:00.500000Z"]]'
        )
        wrong = host.run(f"{name}:main", {"at": 5}, "red", sizes={})
        assert wrong.reason.endswith("argument item.at: expected date (a string), got int")
        assert host.run(f"{name}:leaves").outcome == "succeeded"
    finally:
        host.close()
