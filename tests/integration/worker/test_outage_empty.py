"""A server that comes back with nothing: what workers know is made anew."""

from rq_agent.broker import keys
from rq_agent.broker.keys import TaskId
from rq_agent.broker.replacement import Replacements
from rq_agent.broker.retries import RetryPolicy, encode
from rq_agent.cli.doctor.loss_rules import loss

from .lab import open_lab
from .outage_stage import SAID, TALKER, OpenLab, ended, go, started, told
from .outside import kill, worker_process
from .persistent import PersistentServer


async def test_the_task_that_runs_is_there_again_with_its_output(
    server: PersistentServer, look: OpenLab
) -> None:
    nothing = server.remember()
    async with look() as lab, worker_process(lab):
        task_id = await started(lab, name="train", priority=7)
        folder = lab.run_folder(task_id)
        before = await lab.record(task_id)
        server.kill()
        server.roll_back(nothing)
        await go(folder)
        await told(folder)
        server.start()
        async with look() as lab:
            await lab.reached(task_id, "recreated")
            await go(folder)
            [record] = await lab.ended(task_id)

            assert (record.state, record.exit_code, record.fence) == ("succeeded", 0, 1)
            for field in ("name", "user", "queue", "priority", "created_at", "definition"):
                assert getattr(record, field) == getattr(before, field), field
            assert await lab.output(task_id) == SAID


async def test_what_was_lost_is_told(server: PersistentServer, look: OpenLab) -> None:
    nothing = server.remember()
    async with look() as lab:
        await lab.submit("print('nobody takes it')", queue="other")
        task_id = await lab.submit(TALKER)
        async with worker_process(lab):
            await lab.reached(task_id, "phase", phase="running")
            await lab.printed(task_id, "before")
            server.kill()
            server.roll_back(nothing)
            server.start()
            async with look() as lab:
                event = await lab.reached(TaskId(""), "server_replaced")
                await lab.reached(task_id, "recreated")
                found = await Replacements(lab.namespace).last()
                await go(lab.run_folder(task_id))
                await told(lab.run_folder(task_id))
                await go(lab.run_folder(task_id))
                await lab.ended(task_id)

    assert event.fields["before"]
    assert found is not None
    before = found.before  # counted around the moment of the claim, one state after the other
    assert before.queued in (1, 2)
    assert found.recreated == 1
    [finding] = loss(found, found.at_ms / 1000 + 60)
    assert f"lost: {before.queued} queued; 1 task was made anew" in finding.words
    assert "restore the server's append-only file from a backup" in finding.todo


async def test_ends_while_it_was_away_and_a_moment_before_are_there_too(
    server: PersistentServer, look: OpenLab
) -> None:
    nothing = server.remember()
    async with look() as lab, worker_process(lab):
        before = await lab.submit("print('done')")
        await lab.ended(before)
        task_id = await started(lab)
        folder = lab.run_folder(task_id)
        server.kill()
        server.roll_back(nothing)
        await go(folder)
        await told(folder)
        await go(folder)
        await ended(folder)
        server.start()
        async with look() as lab:
            records = await lab.ended(before, task_id)

            assert [(r.state, r.exit_code, r.fence) for r in records] == [("succeeded", 0, 1)] * 2
            assert await lab.output(before) == "done\n"
            assert await lab.output(task_id) == SAID


async def test_it_can_run_once_more_since_its_code_is_put_back(
    server: PersistentServer, look: OpenLab
) -> None:
    """Its code is a pack, and the worker that has it is a later session."""
    nothing = server.remember()
    policy = encode(RetryPolicy(retries=1, base_ms=0, exit_codes=(7,)))
    async with look() as lab:
        script = lab.script(
            """
            import os, helper
            if os.environ["RQ_AGENT_ATTEMPT"] == "2":
                raise SystemExit(0)
            os.mkfifo("go")
            print("before", flush=True)
            open("go").read()
            raise SystemExit(7)
            """
        )
        (script.parent / "helper.py").write_text("")
        async with worker_process(lab) as first:
            task_id = await lab.submit(script, retry=policy)
            await lab.reached(task_id, "phase", phase="running")
            await lab.printed(task_id, "before")
            folder = lab.run_folder(task_id)
            first.kill()
            await first.wait()
        server.kill()
        server.roll_back(nothing)
        server.start()
        async with look() as lab, worker_process(lab):
            await lab.reached(task_id, "recreated")
            await go(folder)
            [record] = await lab.ended(task_id)

            assert (record.state, record.attempt, record.fence) == ("succeeded", 2, 2)
            [blob] = [key async for key in lab.namespace.redis.scan_iter("*:blob:*")]
            assert await lab.namespace.redis.ttl(blob) == -1
            assert not (folder / "claim").exists()


async def test_a_task_of_another_namespace_is_not_made_anew_here(
    server: PersistentServer, look: OpenLab
) -> None:
    """A worker finds what its name left behind, whatever namespace it worked for."""
    async with look() as lab:
        async with worker_process(lab) as first:
            task_id = await started(lab)
            await kill(first)
        name = f"{lab.namespace.name}-2"
        async with open_lab(server.url, name, lab.folder.parent) as other, worker_process(other):
            await ended(lab.run_folder(task_id))

            assert [e for e in await other.events() if e.event == "recreated"] == []
            assert (await lab.record(task_id)).state == "running"


async def test_a_task_that_somebody_removed_is_not_made_anew(
    server: PersistentServer, look: OpenLab
) -> None:
    """The server is the same: the record went on purpose."""
    async with look() as lab, worker_process(lab):
        task_id = await started(lab)
        folder = lab.run_folder(task_id)
        await lab.namespace.redis.delete(keys.task(lab.namespace.prefix, task_id))

        await ended(folder)

        assert [e for e in await lab.events() if e.event == "recreated"] == []
