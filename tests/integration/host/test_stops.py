"""Calls that are stopped, and what they leave behind."""

import pytest

from .driving import Driven

SLEEPER = """
import asyncio
async def main():
    print("sleeping")
    await asyncio.sleep(3600)
"""


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [("cancelled", "cancelled"), ("released", "released"), ("timed out", "timed_out")],
)
def test_a_cancel_ends_a_call_with_the_outcome_of_its_cause(
    host: Driven, cause: str, outcome: str
) -> None:
    key = host.start(f"{host.module(SLEEPER)}:main")
    host.printed(key, "sleeping")

    host.say("cancel", key, 5, cause)

    assert host.done(key)[1:5] == (outcome, None, cause, None)
    assert host.output(key, "err") == ""


def test_a_call_ends_when_its_time_is_over(host: Driven) -> None:
    done = host.function(SLEEPER, timeout_s=0.1)

    assert done[1:4] == ("timed_out", None, "timed out after 0.1 s")
    assert done.lasted_ms >= 90  # clocks of loops are coarse


def test_a_cancelled_call_may_tidy_up_within_its_grace(host: Driven) -> None:
    key = host.start(
        host.module(
            """
            import asyncio
            async def main():
                try:
                    print("sleeping")
                    await asyncio.sleep(3600)
                finally:
                    await asyncio.sleep(0.1)
                    print("tidy")
            """
        )
        + ":main"
    )
    host.printed(key, "sleeping")

    host.say("cancel", key, 60, "cancelled")

    assert host.done(key).outcome == "cancelled"
    assert host.output(key) == "sleeping\ntidy\n"


def test_what_fails_while_it_tidies_up_was_cancelled_and_says_why(host: Driven) -> None:
    key = host.start(
        host.module(
            """
            import asyncio
            async def main():
                try:
                    print("sleeping")
                    await asyncio.sleep(3600)
                finally:
                    1 / 0
            """
        )
        + ":main"
    )
    host.printed(key, "sleeping")

    host.say("cancel", key, 60, "cancelled")

    assert host.done(key)[1:4] == ("cancelled", None, "cancelled")
    assert "ZeroDivisionError" in host.output(key, "err")


SWALLOWS = """
import asyncio
async def main(times):
    count = 0
    while True:
        try:
            print("waiting", count)
            await asyncio.sleep(3600)
        except {error}:
            count += 1
            if count == times:
                return
"""


def test_who_swallows_a_cancellation_is_cancelled_again(host: Driven) -> None:
    key = host.start(host.module(SWALLOWS.format(error="asyncio.CancelledError")) + ":main", 3)
    host.printed(key, "waiting 0")

    host.say("cancel", key, 0.4, "cancelled")
    host.printed(key, "waiting 1")
    host.say("cancel", key, 0.2, "cancelled")

    assert host.done(key).outcome == "cancelled"


def test_who_swallows_all_cancellations_is_closed_at_the_end_of_the_grace(host: Driven) -> None:
    key = host.start(host.module(SWALLOWS.format(error="asyncio.CancelledError")) + ":main", 99)
    host.printed(key, "waiting 0")

    host.say("cancel", key, 0.1, "cancelled")

    assert host.done(key).outcome == "cancelled"
    assert "waiting 2" in host.output(key)
    assert host.output(key, "err") == ""


def test_who_waits_for_a_task_that_swallows_cancellations_is_closed_with_it(host: Driven) -> None:
    source = SWALLOWS.format(error="asyncio.CancelledError").replace("def main", "def stubborn")
    source += "async def main():\n    await asyncio.create_task(stubborn(99))\n"
    key = host.start(host.module(source) + ":main")
    host.printed(key, "waiting 0")

    host.say("cancel", key, 0.1, "cancelled")

    assert host.done(key).outcome == "cancelled"


def test_who_can_not_even_be_closed_is_told(host: Driven) -> None:
    key = host.start(host.module(SWALLOWS.format(error="BaseException")) + ":main", 99)
    host.printed(key, "waiting 0")

    host.say("cancel", key, 0.1, "cancelled")

    assert "cancelled and closed" in host.report("refused", key)[1]
    assert key not in host.ended()
    host.run(host.module("async def main(): pass") + ":main")  # the others go on


def test_a_cancel_of_what_does_not_run_is_passed_over(host: Driven) -> None:
    host.say("cancel", "nobody.1", 5, "cancelled")

    assert host.function("async def main(): pass\n").outcome == "succeeded"


IMPORT = """
import os, time
print("importing")
while not os.path.exists({flag!r}):
    time.sleep(0.01)
async def main():
    return 1
"""


def test_others_run_on_while_a_module_is_imported(host: Driven) -> None:
    flag = host.work / "flag of neighbours"
    name = host.module(IMPORT.format(flag=str(flag)))
    slow = [host.start(f"{name}:main") for _ in range(3)]
    host.printed(slow[0], "importing")

    host.function("async def main(): pass\n")
    assert not set(slow) & set(host.ended())
    flag.touch()

    assert [host.done(key).result for key in slow] == ["1", "1", "1"]
    assert [host.output(key) for key in slow] == ["importing\n", "", ""]


def test_a_call_can_be_stopped_while_its_module_is_imported(host: Driven) -> None:
    flag = host.work / "flag of stopped"
    name = host.module(IMPORT.format(flag=str(flag)))
    cancelled, timed_out = host.start(f"{name}:main"), host.start(f"{name}:main", timeout_s=0.1)
    host.printed(cancelled, "importing")
    other = host.start(f"{name}:main")

    host.say("cancel", cancelled, 5, "cancelled")

    late = host.done(timed_out)
    assert host.done(cancelled).outcome == "cancelled"
    assert (late.outcome, late.reason) == (
        "timed_out",
        f"timed out after 0.1 s, while {name} was being imported",
    )
    flag.touch()
    assert host.done(other).result == "1"


def test_tasks_that_a_call_leaves_behind_end_with_it(host: Driven) -> None:
    done = host.function(
        """
        import asyncio
        kept = []
        async def child():
            try:
                await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0)
                print("child has ended")
        async def main():
            kept.extend(asyncio.create_task(child()) for _ in range(2))
            await asyncio.sleep(0)
            return "mine"
        """
    )

    assert done[1:5] == ("succeeded", 0, "", '"mine"')
    assert host.output(done.key) == "child has ended\n" * 2
    text = "rq-agent: 2 tasks that it started were still running, and ended with it\n"
    assert host.output(done.key, "err") == text


def test_a_task_in_a_context_of_its_own_may_outlive_who_started_it(host: Driven) -> None:
    name = host.module(
        """
        import asyncio, contextvars, sys
        kept = []
        async def child(event):
            await event.wait()
            return "lived on"
        async def main():
            event = asyncio.Event()
            coroutine = child(event)
            loop = asyncio.get_running_loop()
            if sys.version_info >= (3, 11):
                task = loop.create_task(coroutine, context=contextvars.Context())
            else:
                task = contextvars.Context().run(loop.create_task, coroutine)
            kept.extend([event, task])
        async def look():
            kept[0].set()
            return await kept[1]
        """
    )

    assert host.run(f"{name}:main").outcome == "succeeded"
    assert host.run(f"{name}:look").result == '"lived on"'


def test_a_task_left_behind_that_can_not_be_ended_is_told(host: Driven) -> None:
    source = SWALLOWS.format(error="BaseException").replace("def main", "def stubborn")
    source += (
        "kept = []\nasync def main():\n    kept.append(asyncio.create_task(stubborn(99)))\n"
        "    await asyncio.sleep(0)\n    return 5\n"
    )

    done = host.function(source, grace_s=0.1)

    assert done[1:5] == ("succeeded", 0, "", "5")
    host.report("refused", done.key)


def test_done_tasks_of_a_call_do_not_keep_it(host: Driven) -> None:
    done = host.function(
        """
        import asyncio
        async def child(n): return n
        async def main():
            return sum(await asyncio.gather(*map(child, range(1000))))
        """
    )

    assert done.result == "499500"
    assert host.output(done.key, "err") == ""
