"""A server that dies and comes back, with or without its last writes."""

import signal

from .outage_stage import SAID, TALKER, OpenLab, ended, go, started, told
from .outside import complaint, kill, says, worker_process
from .persistent import PersistentServer


async def test_a_task_outlives_its_server_and_its_output_is_whole(
    server: PersistentServer, look: OpenLab
) -> None:
    async with look() as lab, worker_process(lab):
        task_id = await started(lab)
        folder = lab.run_folder(task_id)
        server.kill()
        await go(folder)
        await told(folder)
        server.start()
        async with look() as lab:
            await lab.worker_is("w1", "busy")
            await go(folder)
            [record] = await lab.ended(task_id)
            next_task = await lab.submit("print('claimed again')")
            [after] = await lab.ended(next_task)

            assert (record.state, record.fence, record.attempt, record.lost) == (
                "succeeded",
                1,
                1,
                0,
            )
            assert await lab.output(task_id) == SAID
            assert after.state == "succeeded"


async def test_an_end_while_the_server_is_away_is_told_when_it_is_back(
    server: PersistentServer, look: OpenLab
) -> None:
    async with look() as lab, worker_process(lab):
        task_id = await started(lab)
        folder = lab.run_folder(task_id)
        server.kill()
        await go(folder)
        await told(folder)
        await go(folder)
        await ended(folder)
        server.start()
        async with look() as lab:
            [record] = await lab.ended(task_id)

            assert (record.state, record.exit_code, record.fence) == ("succeeded", 0, 1)
            assert await lab.output(task_id) == SAID


async def test_a_server_that_came_back_without_the_claim_hears_of_it(
    server: PersistentServer, look: OpenLab
) -> None:
    async with look() as lab:
        task_id = await lab.submit(TALKER)
        before_the_claim = server.remember()
        async with worker_process(lab):
            await lab.reached(task_id, "phase", phase="running")
            await lab.printed(task_id, "before")
            folder = lab.run_folder(task_id)
            server.kill()
            server.roll_back(before_the_claim)
            await go(folder)
            await told(folder)
            server.start()
            async with look() as lab:
                await lab.reached(task_id, "readopted")
                await lab.reached(task_id, "phase", phase="running")
                await go(folder)
                [record] = await lab.ended(task_id)

                assert (record.state, record.fence, record.attempt) == ("succeeded", 1, 1)
                assert await lab.output(task_id) == SAID
                claimed = [e for e in await lab.events() if e.event == "claimed"]
                assert claimed == []


async def test_output_that_was_lost_is_shipped_again_though_nothing_follows_it(
    server: PersistentServer, look: OpenLab
) -> None:
    silent = TALKER.replace('print("after")', "")
    async with look() as lab, worker_process(lab):
        task_id = await started(lab, silent)
        folder = lab.run_folder(task_id)
        before_the_lines = server.remember()
        await go(folder)
        await told(folder)
        await lab.printed(task_id, "line 99")
        server.kill()
        server.roll_back(before_the_lines)
        server.start()
        async with look() as lab:
            await lab.printed(task_id, "line 99")
            await go(folder)
            [record] = await lab.ended(task_id)

            assert (record.state, record.fence) == ("succeeded", 1)
            assert await lab.output(task_id) == SAID.removesuffix("after\n")


async def test_output_that_was_lost_is_shipped_again_though_its_task_ended_meanwhile(
    server: PersistentServer, look: OpenLab
) -> None:
    silent = TALKER.replace('print("after")', "")
    async with look() as lab, worker_process(lab):
        task_id = await started(lab, silent)
        folder = lab.run_folder(task_id)
        before_the_lines = server.remember()
        await go(folder)
        await told(folder)
        await lab.printed(task_id, "line 99")
        server.kill()
        await go(folder)
        await ended(folder)
        server.roll_back(before_the_lines)
        server.start()
        async with look() as lab:
            [record] = await lab.ended(task_id)
            await lab.printed(task_id, "line 99")

            assert (record.state, record.fence) == ("succeeded", 1)
            assert await lab.output(task_id) == SAID.removesuffix("after\n")


async def test_a_server_that_came_back_without_the_end_is_told_again(
    server: PersistentServer, look: OpenLab
) -> None:
    async with look() as lab, worker_process(lab):
        task_id = await started(lab)
        folder = lab.run_folder(task_id)
        while_it_ran = server.remember()
        await go(folder)
        await told(folder)
        await go(folder)
        await lab.ended(task_id)
        server.kill()
        server.roll_back(while_it_ran)
        server.start()
        async with look() as lab:
            [record] = await lab.ended(task_id)
            await lab.printed(task_id, "after")

            assert (record.state, record.fence) == ("succeeded", 1)
            assert await lab.output(task_id) == SAID


async def test_a_worker_that_starts_meanwhile_waits_and_goes_on_with_its_tasks(
    server: PersistentServer, look: OpenLab
) -> None:
    async with look() as lab:
        async with worker_process(lab) as first:
            task_id = await started(lab)
            folder = lab.run_folder(task_id)
            server.kill()
            await kill(first)
        async with worker_process(lab, is_heard=True) as second:
            await says(second, "an earlier session left a task running; waiting for redis")
            await go(folder)
            await told(folder)
            server.start()
            async with look() as lab:
                await lab.worker_is("w1", "busy")
                await go(folder)
                [record] = await lab.ended(task_id)

                assert (record.state, record.fence, record.lost) == ("succeeded", 1, 0)
                assert await lab.output(task_id) == SAID


async def test_a_worker_that_left_no_tasks_says_at_once_that_there_is_no_redis(
    server: PersistentServer, look: OpenLab
) -> None:
    async with look() as lab:
        server.kill()
        async with worker_process(lab, is_heard=True) as worker:
            said = await complaint(worker)
        server.start()

    assert "connection refused; is it running?" in said


async def test_what_many_tasks_come_to_while_the_server_is_away_is_told_as_it_was(
    server: PersistentServer, look: OpenLab
) -> None:
    """One fails, one runs out of time, one was cancelled a moment before."""
    ends = """
        import os, sys, time
        os.mkfifo("go")
        print("before", flush=True)
        {}
        """
    fail = "open('go').read(); print('after'); sys.exit(3)"
    async with look() as lab, worker_process(lab, slots=3) as worker:
        fails = await started(lab, ends.format(fail))
        late = await started(lab, ends.format("time.sleep(600)"), timeout_s=0.5, grace_s=0)
        unwanted = await started(lab, ends.format("time.sleep(600)"), grace_s=0)
        worker.send_signal(signal.SIGSTOP)
        await lab.cancel(unwanted)
        server.kill()
        worker.send_signal(signal.SIGCONT)
        await go(lab.run_folder(fails))
        await ended(lab.run_folder(fails))
        await ended(lab.run_folder(late))
        server.start()
        async with look() as lab:
            records = await lab.ended(fails, late, unwanted)

            assert [(r.state, r.fence, r.lost) for r in records] == [
                ("failed", 1, 0),
                ("timed_out", 1, 0),
                ("cancelled", 1, 0),
            ]
            assert records[0].exit_code == 3
            said = [await lab.output(task_id) for task_id in (fails, late, unwanted)]
            assert said == ["before\nafter\n", "before\n", "before\n"]
