"""The launcher: what happens when it, or its worker, dies."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import anyio
import msgspec
import psutil
import pytest

import rq_agent
from rq_agent.broker.errors import RqAgentError
from rq_agent.worker.process import launcher as launching
from rq_agent.worker.process.handle import CLAIMS, Handle, recover
from rq_agent.worker.process.launcher import Launcher
from rq_agent.worker.process.spec import Spec
from rq_agent.worker.process.stop import stop
from rq_agent.worker.process.wait import LOST, Exit, wait

ROOT = Path(rq_agent.__file__).parent.parent
WORKER = """
import os, sys
from pathlib import Path
import anyio, msgspec
from rq_agent.worker.process.launcher import Launcher
from rq_agent.worker.process.spec import Spec

async def main(folder: Path) -> None:
    code = "print(open('go').read()); raise SystemExit(4)"
    argv = (sys.executable, "-I", "-S", "-c", code)
    async with Launcher() as launcher:
        spec = Spec(argv=argv, env={}, cwd=str(folder), task_id="t1", fence=2, nonce="n")
        handle = await launcher.start(spec, folder)
        print(msgspec.json.encode(handle).decode(), flush=True)
        await anyio.sleep_forever()

anyio.run(main, Path(sys.argv[1]))
"""
DIES_BEFORE_IT_ANSWERS = """
import os, sys
sys.path.append({root!r})
import socket
from rq_agent.worker.process import launcher_loop

def start(*asked, real=launcher_loop._start):
    real(*asked)
    while not os.path.lexists(os.path.join({folder!r}, "shim.1")): pass
    os._exit(1)

launcher_loop._start = start
launcher_loop.serve(socket.socket(fileno=int(sys.argv[1])))
"""


def python(folder: Path, code: str) -> Spec:
    argv = (sys.executable, "-I", "-S", "-c", code)
    return Spec(argv=argv, env={}, cwd=str(folder), task_id="t1", fence=2, nonce="n")


def new_folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def launcher_pid(handle: Handle) -> int:
    return int(psutil.Process(handle.pid).ppid())


async def ended_process(pid: int) -> None:
    """Return when a process is gone."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return  # and reaped
    with anyio.fail_after(5):
        await anyio.wait_readable(fd)
    os.close(fd)


@pytest.mark.parametrize("use_uvloop", [False, True])
def test_tasks_run_side_by_side_on_either_event_loop(tmp_path: Path, use_uvloop: bool) -> None:
    codes: dict[int, int | None] = {}

    async def one(launcher: Launcher, number: int) -> None:
        folder = new_folder(tmp_path, str(number))
        spec = python(folder, f"raise SystemExit({number})")
        codes[number] = (await wait(await launcher.start(spec, folder))).code

    async def many() -> None:
        async with Launcher() as launcher, anyio.create_task_group() as tg:
            for number in range(10):
                tg.start_soon(one, launcher, number)

    anyio.run(many, backend_options={"use_uvloop": use_uvloop})

    assert codes == {number: number for number in range(10)}


async def test_tasks_outlive_a_launcher_and_the_next_start_has_a_new_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    first = new_folder(tmp_path, "first")
    async with Launcher() as launcher:
        old = await launcher.start(
            python(first, "open('../go').read(); raise SystemExit(4)"), first
        )
        pid = launcher_pid(old)
        os.kill(pid, signal.SIGKILL)
        await ended_process(pid)

        second = new_folder(tmp_path, "second")
        new = await launcher.start(python(second, "raise SystemExit(5)"), second)
        assert (await wait(new)).code == 5
    (tmp_path / "go").write_text("")
    assert (await wait(old)).code == 4


async def test_a_start_that_a_hanging_launcher_swallowed_happens_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "_ANSWER_S", 0.2)
    monkeypatch.setattr(launching, "_END_S", 0.1)
    waiting, folder = new_folder(tmp_path, "waiting"), new_folder(tmp_path, "run")
    async with Launcher() as launcher:
        other = await launcher.start(python(waiting, "import signal; signal.pause()"), waiting)
        os.kill(launcher_pid(other), signal.SIGSTOP)

        handle = await launcher.start(python(folder, "print('ran')"), folder)

        assert (await wait(handle)).code == 0
        await stop(other, grace_s=0)
    assert (folder / "out").read_text() == "ran\n"
    assert [os.readlink(folder / claim).split(".")[0] for claim in CLAIMS] == [
        "given-up",
        str(handle.pid),
    ]


async def test_a_start_is_found_when_the_launcher_died_before_it_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, program = new_folder(tmp_path, "run"), tmp_path / "program.py"
    program.write_text(DIES_BEFORE_IT_ANSWERS.format(root=str(ROOT), folder=str(folder)))
    monkeypatch.setattr(launching, "_PROGRAM", program)

    async with Launcher() as launcher:
        handle = await launcher.start(python(folder, "print('ran')"), folder)
        ended = await wait(handle)

    assert ended.code == 0
    assert (folder / "out").read_text() == "ran\n"
    assert recover(folder) == handle


async def test_an_error_tells_when_no_launcher_lives_long_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, program = new_folder(tmp_path, "run"), tmp_path / "program.py"
    program.write_text("")
    monkeypatch.setattr(launching, "_PROGRAM", program)

    async with Launcher() as launcher:
        with pytest.raises(RqAgentError, match=r"died twice while it started .*run; nothing runs"):
            await launcher.start(python(folder, "pass"), folder)
    assert recover(folder) is None


async def test_a_task_outlives_its_worker_and_tells_its_end_to_the_next(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    argv = [sys.executable, "-c", WORKER, str(tmp_path)]
    async with await anyio.open_process(argv, stdin=None, stderr=None) as worker:
        assert worker.stdout is not None
        handle = msgspec.json.decode(await worker.stdout.receive(), type=Handle)
        launcher = launcher_pid(handle)
        worker.kill()
    await ended_process(launcher)
    (tmp_path / "go").write_text("on")
    ended = await wait(handle)

    assert ended.code == 4
    assert (tmp_path / "out").read_text() == "on\n"
    assert recover(tmp_path) == handle


async def test_replacing_the_installed_files_harms_no_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "installed" / "rq_agent"
    for package in ("worker", "worker/process"):
        (installed / package).mkdir(parents=True)
        for file in (ROOT / "rq_agent" / package).glob("*.py"):
            shutil.copy(file, installed / package)
    shutil.copy(ROOT / "rq_agent" / "__init__.py", installed)
    monkeypatch.setattr(launching, "_PROGRAM", installed / "worker/process/launcher_main.py")

    async with Launcher() as launcher:
        for number in range(2):
            folder = new_folder(tmp_path, str(number))
            ended = await wait(await launcher.start(python(folder, "raise SystemExit(6)"), folder))
            assert ended.code == 6
            shutil.rmtree(installed, ignore_errors=True)


@pytest.mark.parametrize("name", ["missing", "used"])
async def test_a_folder_must_exist_and_be_new(tmp_path: Path, name: str) -> None:
    used = new_folder(tmp_path, "used")
    async with Launcher() as launcher:
        await wait(await launcher.start(python(used, "pass"), used))
        with pytest.raises(RqAgentError, match=f"{name}(: No such file| was used before)"):
            await launcher.start(python(used, "pass"), tmp_path / name)


async def test_many_held_files_are_refused_by_number(tmp_path: Path) -> None:
    async with Launcher() as launcher:
        with pytest.raises(RqAgentError, match="17 held files; at most 16"):
            await launcher.start(python(tmp_path, "pass"), tmp_path, held=range(17))


async def test_secrets_stand_in_no_command_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    argv = (sys.executable, "-I", "-S", "-c", "open('go').read()")
    spec = Spec(argv=argv, env={"TOKEN": "s3cret"}, cwd=str(tmp_path))
    async with Launcher() as launcher:
        handle = await launcher.start(spec, tmp_path)
        lines = [
            p.cmdline()
            for p in (psutil.Process(handle.pid), psutil.Process(handle.pid).parent())
            if p
        ]
        (tmp_path / "go").write_text("")
        assert await wait(handle) != Exit()

    assert "s3cret" not in json.dumps(lines)
    assert json.loads((tmp_path / "spec.json").read_text())["env"] == {"TOKEN": "s3cret"}


async def test_a_handle_of_another_boot_is_gone_and_kills_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    async with Launcher() as launcher:
        handle = await launcher.start(python(tmp_path, "open('go').read()"), tmp_path)
        before_reboot = msgspec.structs.replace(
            handle, boot_id="another", folder=str(new_folder(tmp_path, "other"))
        )

        assert (await wait(before_reboot)).error == LOST
        await stop(before_reboot, grace_s=0)

        (tmp_path / "go").write_text("")
        assert (await wait(handle)).code == 0
