"""`@task`: what it makes is still the function."""

import asyncio
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import rq_agent
from rq_agent import task
from rq_agent.sdk import absent
from rq_agent.worker.sdk_folder import materialize


@task(queue="mail", retries=3)
async def send(to: str, copies: int = 1) -> str:
    """Send a letter."""
    return f"{to} {copies}"


@task
def weigh(grams: float) -> float:
    return grams / 1000


async def test_a_task_is_called_as_the_function() -> None:
    assert await send("ann", copies=2) == "ann 2"
    assert weigh(500) == 0.5


def test_a_task_tells_what_the_function_does() -> None:
    assert send.__name__ == "send"
    assert send.__doc__ == "Send a letter."
    assert str(inspect.signature(send)) == "(to: str, copies: int = 1) -> str"
    assert send.__wrapped__ is inspect.unwrap(send)


def test_a_task_of_a_coroutine_function_is_taken_for_one() -> None:
    assert inspect.iscoroutinefunction(send) or sys.version_info < (3, 12)
    assert asyncio.iscoroutinefunction(send) or sys.version_info >= (3, 14)
    assert not inspect.iscoroutinefunction(weigh)
    assert send.is_coroutine
    assert not weigh.is_coroutine


def test_other_options_leave_the_task_as_it_is() -> None:
    other = send.options(queue="low", priority=5)

    assert other.task_options == {"queue": "low", "retries": 3, "priority": 5}
    assert send.task_options == {"queue": "mail", "retries": 3}
    assert other.__wrapped__ is send.__wrapped__


def test_an_option_that_is_not_known_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError, match="no option 'retry'; did you mean retries"):
        task(retry=3)  # type: ignore[call-overload]


def test_only_functions_are_tasks() -> None:
    with pytest.raises(TypeError, match="for functions"):
        task(Path)


async def test_without_a_client_a_submit_says_how_to_open_one() -> None:
    with pytest.raises(RuntimeError, match=r"async with rq_agent\.Client"):
        await send.submit("ann")


def run(code: str, *, path: Path | None = None) -> str:
    """Return what a program says; with a path, in an environment that has only that."""
    prefix = f"import sys; sys.path.insert(0, {str(path)!r}); " if path else ""
    # -S: no site-packages, so no installed rq_agent
    command = [sys.executable, *(["-I", "-S"] if path else []), "-c", prefix + code]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return said.stdout


def test_where_only_the_sdk_is_a_module_with_tasks_and_a_client_can_be_imported(
    tmp_path: Path,
) -> None:
    code = """
from rq_agent import Client, Handle, SyncClient, TaskFailed, params, task
client = SyncClient("redis://nowhere")
@task(queue="q")
def double(n: int) -> int: return 2 * n
print(double(4))
try: client.submit(double, 3)
except RuntimeError as e: print(e)
try: raise TaskFailed("x")
except TaskFailed: print("caught")
"""
    said = run(code, path=materialize(tmp_path)).splitlines()

    assert said[0] == "8"
    assert "add rq-agent to its requirements" in said[1]
    assert said[2] == "caught"


def test_the_client_loads_nothing_that_only_a_terminal_needs() -> None:
    said = run("import sys; from rq_agent import Client, SyncClient; print(*sys.modules)")

    assert not {"typer", "rich", "click", "textual"} & set(said.split())


def test_a_task_can_be_made_without_loading_typing() -> None:
    said = run("import sys; from rq_agent import task; task(lambda: 1); print(*sys.modules)")

    assert not {"typing", "asyncio", "redis", "msgspec"} & set(said.split())


def test_every_public_name_is_there_and_has_a_stand_in() -> None:
    there = {"__version__", "params", "task"}
    for name in rq_agent.__all__:
        assert getattr(rq_agent, name) is not None
        assert name in there or getattr(absent, name) is not None
