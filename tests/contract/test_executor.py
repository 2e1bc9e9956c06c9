"""What every executor must do: the meaning of worker/executors/base.py.

A new executor adds one line to EXECUTORS.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from rq_agent.broker.claims import Token
from rq_agent.broker.definition import EnvironmentSpec
from rq_agent.broker.errors import BuildError
from rq_agent.broker.keys import TaskId
from rq_agent.worker.environment.cache import Environments
from rq_agent.worker.executors.base import Executor, Program
from rq_agent.worker.executors.venv import VenvExecutor
from rq_agent.worker.process import boot_clock
from rq_agent.worker.process.launcher import Launcher
from rq_agent.worker.sdk_folder import bootstrap_path, host_path, materialize
from tests.looking import look_again

Open = Callable[[Path], AbstractAsyncContextManager[Executor]]

FOREVER = "import time; print('started', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FOREVER}"


@asynccontextmanager
async def venv(cache: Path) -> AsyncIterator[Executor]:
    async with Launcher() as launcher:
        yield VenvExecutor(
            Environments(cache),
            launcher,
            sdk=materialize(cache),
            bootstrap=bootstrap_path(cache),
            host=host_path(cache),
        )


EXECUTORS: list[Open] = [venv]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(params=EXECUTORS, ids=lambda open_: str(open_.__name__))
async def executor(request: pytest.FixtureRequest, cache: Path) -> AsyncIterator[Executor]:
    open_: Open = request.param
    async with open_(cache) as found:
        yield found


def program(folder: Path, code: str, **changes: object) -> Program:
    tree = folder / "tree"
    tree.mkdir(parents=True)
    (tree / "script.py").write_text(code)
    fields: dict[str, object] = {
        "token": Token(task_id=TaskId("t1"), fence=1, nonce="n"),
        "folder": folder,
        "environment": EnvironmentSpec(),
        "script": tree / "script.py",
        "workdir": tree,
        "source_roots": (),
        "argv": (),
        "variables": {"PATH": os.environ["PATH"], "GREETING": "hello"},
        "grace_s": 30.0,
    }
    return Program(**{**fields, **changes})  # type: ignore[arg-type]


def silent(line: str) -> None:
    """Take a line about long work."""


async def started(folder: Path) -> None:
    with anyio.fail_after(20):
        while not (folder / "out").is_file() or not (folder / "out").read_bytes():
            await look_again()


async def test_a_program_gets_its_arguments_its_variables_and_its_folder(
    executor: Executor, tmp_path: Path
) -> None:
    code = "import os, sys; print(sys.argv[1:], os.environ['GREETING'], os.getcwd())"
    what = program(tmp_path / "run", code, argv=("--lr", "0.1"))

    async with executor.prepare(what, report=silent) as start:
        exited = await executor.wait(await start())

    assert exited.code == 0
    said = (tmp_path / "run" / "out").read_text()
    assert said == f"['--lr', '0.1'] hello {tmp_path / 'run' / 'tree'}\n"


async def test_output_and_errors_go_to_two_files(executor: Executor, tmp_path: Path) -> None:
    what = program(tmp_path / "run", "import sys; print('a'); print('b', file=sys.stderr)")

    async with executor.prepare(what, report=silent) as start:
        await executor.wait(await start())

    assert (tmp_path / "run" / "out").read_text() == "a\n"
    assert (tmp_path / "run" / "err").read_text() == "b\n"


@pytest.mark.parametrize(
    ("code", "exit_code", "number"),
    [("raise SystemExit(3)", 3, None), ("import os; os.kill(os.getpid(), 6)", None, 6)],
)
async def test_the_end_of_a_program_is_told(
    executor: Executor, tmp_path: Path, code: str, exit_code: int | None, number: int | None
) -> None:
    async with executor.prepare(program(tmp_path / "run", code), report=silent) as start:
        handle = await start()
        exited = await executor.wait(handle)

    assert (exited.code, exited.signal, exited.error) == (exit_code, number, "")
    assert await executor.wait(handle) == exited


async def test_a_program_is_killed_above_its_memory_limit(
    executor: Executor, tmp_path: Path
) -> None:
    code = "import time; mine = b'x' * (200 << 20); time.sleep(600)"
    what = program(tmp_path / "run", code, mem_limit_mib=100.0)

    async with executor.prepare(what, report=silent) as start:
        exited = await executor.wait(await start())

    assert (exited.oom, exited.mem_limit_mib, exited.stopped_by) == (True, 100, None)


async def test_a_program_is_killed_at_its_deadline(executor: Executor, tmp_path: Path) -> None:
    what = program(tmp_path / "run", FOREVER)

    async with executor.prepare(what, report=silent) as start:
        exited = await executor.wait(await start(deadline_s=boot_clock.now_s() + 0.2))

    assert (exited.stopped_by, exited.code) == ("deadline", None)


async def test_requirements_can_be_imported(executor: Executor, tmp_path: Path) -> None:
    spec = EnvironmentSpec(requirements=("iniconfig",))
    what = program(tmp_path / "run", "import iniconfig; print('there')", environment=spec)

    async with executor.prepare(what, report=silent) as start:
        exited = await executor.wait(await start())

    assert exited.code == 0


@pytest.mark.parametrize("writable", [True, False])
async def test_only_a_program_that_asked_for_it_can_change_its_packages(
    executor: Executor, tmp_path: Path, writable: bool
) -> None:
    code = "import iniconfig; open(iniconfig.__file__, 'a').write('CHANGED = 1')"
    spec = EnvironmentSpec(requirements=("iniconfig",))
    what = program(tmp_path / "run", code, environment=spec, env_writable=writable)
    look = program(tmp_path / "next", "import iniconfig; iniconfig.CHANGED", environment=spec)

    async with executor.prepare(what, report=silent) as start:
        changed = await executor.wait(await start())
    async with executor.prepare(look, report=silent) as start:
        seen = await executor.wait(await start())

    assert (changed.code == 0) is writable
    assert seen.code == 1  # nobody else sees a change


async def test_what_can_t_be_installed_is_told_in_the_tool_s_own_words(
    executor: Executor, tmp_path: Path
) -> None:
    spec = EnvironmentSpec(requirements=("no-such-package-anywhere-4711==9",))

    with pytest.raises(BuildError) as caught:
        async with executor.prepare(program(tmp_path / "run", "", environment=spec), report=silent):
            pass

    assert "no-such-package-anywhere-4711" in caught.value.details


async def test_a_stopped_program_is_gone(executor: Executor, tmp_path: Path) -> None:
    async with executor.prepare(program(tmp_path / "run", FOREVER), report=silent) as start:
        handle = await start()
        await started(tmp_path / "run")

        await executor.stop(handle, grace_s=30)
        await executor.stop(handle, grace_s=30)

    exited = await executor.wait(handle)
    assert (exited.signal, exited.stopped_by) == (15, "term")


async def test_a_stubborn_program_is_killed_after_the_grace(
    executor: Executor, tmp_path: Path
) -> None:
    async with executor.prepare(program(tmp_path / "run", STUBBORN), report=silent) as start:
        handle = await start()
        await started(tmp_path / "run")

        await executor.stop(handle, grace_s=0.1)

    exited = await executor.wait(handle)
    assert (exited.signal, exited.stopped_by) == (9, "kill")


async def test_another_session_waits_for_and_stops_what_this_one_started(
    executor: Executor, cache: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with executor.prepare(program(tmp_path / "run", FOREVER), report=silent) as start:
        handle = await start()
        await started(tmp_path / "run")

    open_: Open = request.node.callspec.params["executor"]
    async with open_(cache) as other:
        await other.stop(handle, grace_s=30)
        exited = await other.wait(handle)

    assert exited.stopped_by == "term"
