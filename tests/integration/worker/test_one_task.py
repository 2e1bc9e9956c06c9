from rq_agent.broker.states import TaskState

from .lab import Lab


async def test_a_script_runs_to_its_end_and_its_output_is_kept(lab: Lab) -> None:
    task_id = await lab.submit(
        """
        import os, sys
        print("hello from", os.environ["RQ_AGENT_QUEUE"], sys.argv[1:])
        print("careful", file=sys.stderr)
        """,
        argv=("--x", "1"),
    )

    async with lab.worker():
        [record] = await lab.ended(task_id)

    assert (record.state, record.exit_code, record.worker) == (TaskState.SUCCEEDED, 0, "w1")
    assert await lab.output(task_id) == "hello from default ['--x', '1']\n"
    assert await lab.output(task_id, "err") == "careful\n"


async def test_the_exit_code_of_a_script_is_the_task_s(lab: Lab) -> None:
    task_id = await lab.submit("raise SystemExit(3)")

    async with lab.worker():
        [record] = await lab.ended(task_id)

    assert (record.state, record.exit_code, record.reason) == (TaskState.FAILED, 3, "exit 3")


async def test_a_signal_is_the_user_s_failure(lab: Lab) -> None:
    task_id = await lab.submit("import os; os.kill(os.getpid(), 9)")

    async with lab.worker():
        [record] = await lab.ended(task_id)

    assert (record.state, record.exit_code, record.reason) == (TaskState.FAILED, 137, "signal 9")
