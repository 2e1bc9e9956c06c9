"""Requirements, scripts and processes that go wrong: a clear end, and nothing left behind."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import psutil
import pytest

from rq_agent.broker.keys import TaskId
from rq_agent.broker.record import Record

from ..environment.packages import ends
from .lab import Lab
from .tampering import start_another_script


async def run(lab: Lab, script: str | Path, **options: Any) -> tuple[TaskId, Record]:
    """Run one task, and a good one after it in the same worker."""
    task_id = await lab.submit(script, **options)
    good = await lab.submit("print('still here')")
    async with lab.worker():
        record, last = await lab.ended(task_id, good)
    assert last.state == "succeeded"
    return task_id, record


async def test_a_requirement_that_does_not_exist_is_told_in_uv_s_own_words(lab: Lab) -> None:
    script = lab.script("print('never')")
    listed = script.with_name("requirements.txt")
    listed.write_text("--no-index\nthere-is-no-such-thing==1.0\n")

    task_id, record = await run(lab, script)

    assert record.state == "errored"
    assert record.reason.startswith("environment: ")
    assert "there-is-no-such-thing" in record.reason
    words = await lab.output(task_id, "sys")
    assert "No solution found when resolving dependencies" in words
    assert await lab.output(task_id) == ""


async def test_a_python_that_the_machine_lacks_is_named(lab: Lab) -> None:
    _, record = await run(lab, "print('never')", python="3.99")

    assert record.state == "errored"
    assert record.reason.startswith("environment: python 3.99 is not on this machine; found: 3.")


async def test_a_script_without_any_output_succeeds(lab: Lab) -> None:
    task_id, record = await run(lab, "")

    assert (record.state, record.exit_code) == ("succeeded", 0)
    assert await lab.output(task_id) == ""


async def test_a_script_that_is_not_in_its_snapshot_is_named(lab: Lab) -> None:
    script = lab.script("print('never')")
    task_id = await lab.submit(script)
    await start_another_script(lab, task_id, "absent.py")
    good = await lab.submit("print('still here')")

    async with lab.worker():
        record, _ = await lab.ended(task_id, good)

    said = record.reason + await lab.output(task_id, "err")
    assert record.state in ("failed", "errored")
    assert "absent.py" in said


async def test_what_a_script_forks_off_ends_with_it(lab: Lab) -> None:
    task_id, record = await run(
        lab,
        """
        import os, sys, time
        read, write = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.setsid()
                os.write(write, str(os.getpid()).encode())
                time.sleep(600)
            os._exit(0)
        print(os.read(read, 20).decode())
        """,
    )

    assert record.state == "succeeded"
    await ends(int(await lab.output(task_id)))


async def test_a_script_may_close_its_streams(lab: Lab) -> None:
    task_id, record = await run(
        lab, "import os; print('before', flush=True); os.close(1); os.close(2)"
    )

    assert (record.state, await lab.output(task_id)) == ("succeeded", "before\n")


async def test_a_script_that_kills_its_shim_is_an_error_and_leaves_nothing(lab: Lab) -> None:
    task_id, record = await run(
        lab,
        """
        import os, subprocess, sys, time
        sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
        children = [subprocess.Popen(sleeps), subprocess.Popen(sleeps, start_new_session=True)]
        print(os.getpid(), *(child.pid for child in children), flush=True)
        os.kill(os.getppid(), 9)
        time.sleep(600)
        """,
    )

    assert (record.state, record.reason) == ("errored", "supervisor lost")
    for pid in (await lab.output(task_id)).split():
        await ends(int(pid))


async def test_a_launcher_that_dies_takes_no_task_along(lab: Lab) -> None:
    async with lab.worker(slots=2):
        task_id = await lab.submit(
            """
            import os
            os.mkfifo("go")
            print("started", flush=True)
            print(open("go").read())
            """
        )
        await lab.reached(task_id, "phase", phase="running")
        await lab.printed(task_id, "started")
        launcher = only_child("rq-agent-launch")
        launcher.kill()
        [after] = await lab.ended(await lab.submit("print('the next one')"))
        go = lab.run_folder(task_id) / "tree" / "go"
        await anyio.to_thread.run_sync(go.write_text, "went on")
        [record] = await lab.ended(task_id)

    assert (after.state, record.state) == ("succeeded", "succeeded")
    assert (await lab.output(task_id)).endswith("went on\n")


def only_child(name: str) -> psutil.Process:
    [found] = [p for p in psutil.Process().children() if p.name() == name]
    return found


async def test_a_task_that_damages_its_run_folder_harms_itself_only(lab: Lab) -> None:
    _, record = await run(
        lab,
        """
        import os
        folder = os.path.dirname(os.environ["RQ_AGENT_USED_FILE"])
        os.chdir(folder)
        os.mkfifo("params.json")
        os.remove("out")
        os.mkdir("out")
        os.remove("spec.json")
        os.mkdir("spec.json")
        """,
    )

    assert record.state == "succeeded"


async def test_what_was_used_may_be_nonsense(lab: Lab) -> None:
    task_id, record = await run(
        lab,
        """
        import os
        with open(os.environ["RQ_AGENT_USED_FILE"], "wb") as file:
            file.write(b'{"lr": "\\xff"}')
        """,
    )

    assert record.state == "succeeded"
    assert (await lab.record(task_id)).used == {}


async def test_a_task_s_variables_are_its_own(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = lab.folder / "worker-bin"
    monkeypatch.setenv("VIRTUAL_ENV", "/of/the/worker")
    monkeypatch.setenv("PYTHONPATH", "/of/the/worker")
    monkeypatch.setenv("RQ_AGENT_REDIS_URL", "redis://user:secret@example/0")
    monkeypatch.setenv("INHERITED", "yes")
    monkeypatch.setenv("PATH", f"{sys.prefix}/bin:{hidden}:{os.environ['PATH']}")

    task_id, _ = await run(
        lab,
        "import json, os; print(json.dumps(dict(os.environ)))",
        env={"MOOD": "é\n=", "RQ_AGENT_ATTEMPT": "99", "INHERITED": "overridden"},
    )

    seen = json.loads(await lab.output(task_id))
    record = await lab.record(task_id)
    told = {
        "RQ_AGENT_TASK_ID": task_id,
        "RQ_AGENT_ATTEMPT": "1",
        "RQ_AGENT_FENCE": str(record.fence),
        "RQ_AGENT_QUEUE": "default",
        "RQ_AGENT_WORKER": "w1",
    }
    assert told.items() <= seen.items()
    assert "RQ_AGENT_REDIS_URL" not in seen
    assert "secret" not in str(seen)
    assert (seen["MOOD"], seen["INHERITED"]) == ("é\n=", "overridden")
    assert seen["VIRTUAL_ENV"] != "/of/the/worker"
    assert "PYTHONPATH" not in seen
    path = seen["PATH"].split(":")
    assert path[0] == f"{seen['VIRTUAL_ENV']}/bin"
    assert str(hidden) in path
    assert f"{sys.prefix}/bin" not in path


async def test_a_task_inherits_no_files_and_no_input(lab: Lab) -> None:
    task_id, _ = await run(
        lab,
        """
        import os, sys
        print(sorted(os.listdir("/proc/self/fd"), key=int)[:4], repr(sys.stdin.read()))
        """,
    )

    # 3 is that of the listing itself.
    assert await lab.output(task_id) == "['0', '1', '2', '3'] ''\n"
