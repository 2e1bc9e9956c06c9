"""How calls end, and what is said of it."""

import json
from collections import Counter

import pytest

from .driving import Done, Driven


def test_a_result_comes_back_as_json(host: Driven) -> None:
    source = "async def main(a: int, *, b=2):\n    return {'sum': a + b}\n"

    done = host.function(source, 1, b=5)

    assert done[1:5] == ("succeeded", 0, "", '{"sum":6}')
    assert done.note == f"of {done.key}"
    assert done.lasted_ms >= 0


def test_a_lone_script_runs_under_its_own_name(host: Driven) -> None:
    (host.work / "lone bot.py").write_text("async def main():\n    return [__name__, __file__]\n")
    path = str(host.work / "lone bot.py")

    done = host.run(f"{path}:main")

    assert json.loads(done.result or "") == ["lone bot", path]


def test_modules_of_the_user_may_have_the_names_of_ours(host: Driven) -> None:
    for name in ("call", "lines", "output", "run"):
        (host.work / f"{name}.py").write_text(f"async def main():\n    return {name!r}\n")

        assert host.run(f"{name}:main").result == f'"{name}"'


def test_an_exception_is_a_failure_with_the_traceback_of_python(host: Driven) -> None:
    name = host.module(
        "async def main():\n    inner()\ndef inner():\n    raise ValueError('bad')\n"
    )

    done = host.run(f"{name}:main")

    assert done[1:5] == ("failed", 1, "ValueError: bad", None)
    path = host.work / f"{name}.py"
    lines = [one for one in host.output(done.key, "err").splitlines() if one.strip(" ~^")]
    assert lines == [
        "Traceback (most recent call last):",
        f'  File "{path}", line 2, in main',
        "    inner()",
        f'  File "{path}", line 4, in inner',
        "    raise ValueError('bad')",
        "ValueError: bad",
    ]


@pytest.mark.parametrize(
    ("code", "outcome", "exit_code", "err"),
    [
        ("", "succeeded", 0, ""),
        ("0", "succeeded", 0, ""),
        ("7", "failed", 7, ""),
        ("-1", "failed", 255, ""),
        ("'some words'", "failed", 1, "some words\n"),
    ],
)
def test_sys_exit_ends_only_its_own_call(
    host: Driven, code: str, outcome: str, exit_code: int, err: str
) -> None:
    waiting = host.module(
        "import asyncio\nevent = asyncio.Event()\n"
        "async def wait():\n    await event.wait()\nasync def go():\n    event.set()\n"
    )
    neighbour = host.start(f"{waiting}:wait")

    done = host.function(f"import sys\nasync def main():\n    sys.exit({code})\n")

    assert done[1:3] == (outcome, exit_code)
    assert host.output(done.key, "err") == err
    assert neighbour not in host.ended()
    host.start(f"{waiting}:go")
    assert host.done(neighbour).outcome == "succeeded"


def test_a_keyboard_interrupt_ends_only_its_own_call(host: Driven) -> None:
    done = host.function("async def main():\n    raise KeyboardInterrupt\n")

    assert done[1:4] == ("failed", 130, "KeyboardInterrupt")
    assert "KeyboardInterrupt" in host.output(done.key, "err")


def test_an_endless_recursion_is_a_failure(host: Driven) -> None:
    done = host.function("async def main():\n    await main()\n")

    assert done[1:3] == ("failed", 1)
    assert done.reason.startswith("RecursionError: maximum recursion depth exceeded")


def test_who_cancels_itself_has_failed(host: Driven) -> None:
    done = host.function(
        "import asyncio\nasync def main():\n    asyncio.current_task().cancel()\n"
        "    await asyncio.sleep(0)\n"
    )

    assert done[1:4] == ("failed", 1, "CancelledError")


@pytest.mark.parametrize(
    ("source", "args", "reason"),
    [
        ("import no_such_module_of_mine\n", (), "ModuleNotFoundError: No module named 'no_such"),
        ("1 +\n", (), "SyntaxError: invalid syntax"),
        ("1 / 0\n", (), "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", (), "exit 3"),
        ("main = 5\n", (), "'main' of"),
        ("def main(): pass\n", (), "is not async"),
        ("async def main(): yield 1\n", (), "is an async generator"),
        ("async def main(a): pass\n", (), "main(a): missing 'a'"),
        ("async def main(a: int): pass\n", ("x",), "main(a: int): argument a: expected int"),
        ("async def main(): return object()\n", (), "object"),
        ("async def mian(): pass\n", (), "did you mean 'mian'?"),
        ("async def main(): raise ValueError('x' * 1000)\n", (), "ValueError: xxxxx"),
        ("async def main(): raise ValueError('first\\nsecond')\n", (), "ValueError: first"),
        ("class E(Exception):\n  def __str__(self): 1/0\nasync def main(): raise E\n", (), ".E"),
    ],
)
def test_what_can_not_be_called_or_encoded_fails_with_words(
    host: Driven, source: str, args: tuple[object, ...], reason: str
) -> None:
    done = host.function(source, *args)

    assert done.outcome == "failed"
    assert reason in done.reason
    assert len(done.reason) <= 200
    assert "\n" not in done.reason
    if reason != "exit 3":
        assert host.output(done.key, "err")
    assert "/host/" not in host.output(done.key, "err")


@pytest.mark.parametrize("end", ["return 1", "1 / 0", "await asyncio.sleep(3600)"])
def test_what_a_call_held_is_free_when_it_has_ended(host: Driven, end: str) -> None:
    name = host.module(
        f"""
        import asyncio, gc
        gc.disable()
        freed = []
        class Big:
            def __del__(self):
                freed.append(1)
        async def main():
            big = Big()
            {end}
        async def look():
            gc.enable()
            return len(freed)
        """
    )

    host.run(f"{name}:main", timeout_s=0.1)

    assert host.run(f"{name}:look").result == "1"


def test_ten_thousand_that_end_in_the_same_turn_all_end_once(host: Driven) -> None:
    name = host.module(
        "import asyncio\nevent = asyncio.Event()\ncount = 0\nasync def wait(n):\n"
        "    global count\n    count += 1\n    await event.wait()\n    return n\n"
        "async def go():\n    while count < 10_000: await asyncio.sleep(0.01)\n    event.set()\n"
    )
    for start in range(0, 10_000, 500):
        numbers = range(start, start + 500)
        host.say("start", [[f"m{n}.1", f"{name}:wait", [[n], {}], 60, 5, "", 1] for n in numbers])
    host.done(host.start(f"{name}:go"))

    def all_of_mine() -> dict[str, Done] | None:
        mine = {key: done for key, done in host.ended().items() if key[0] == "m"}
        return mine if len(mine) == 10_000 else None

    mine = host.until(all_of_mine)
    assert Counter(done.outcome for done in mine.values()) == {"succeeded": 10_000}
    assert all(done.result == key[1:-2] for key, done in mine.items())
