"""A server that dies and comes back, with or without its last writes."""

from .outage_stage import SAID, TALKER, OpenLab, ended, go, started, told
from .outside import worker_process
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
