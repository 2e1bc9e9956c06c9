"""What `--service` makes of a script, a function, and a program."""

from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker.definition import Function
from rq_agent.broker.errors import UsageError
from rq_agent.broker.needs import Need
from rq_agent.broker.submission import Submission
from rq_agent.cli.options import TaskOptions
from rq_agent.cli.submitting import submission_of

COROUTINE = Function(name="main", kind="coroutine")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "bot.py").write_text("async def main(n: int = 1) -> None: ...\n")
    (tmp_path / "plain.py").write_text("print()\n")
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "ask.py").write_text("def ask(n, *, fast=False): ...\n")
    return tmp_path


def asked(code: Path, target: str, *arguments: str, **options: Any) -> Submission:
    given = TaskOptions(service=True, **options)
    return submission_of(given, target, arguments, environ={}, workdir=code, queue="q")


def test_a_script_with_an_async_main_is_a_coroutine(code: Path) -> None:
    found = asked(code, "bot.py", "--fast", restart="always")

    assert (found.target, found.module, found.function) == (Path("bot.py"), None, COROUTINE)
    assert (found.need, found.light, found.restart) == (Need(light=True), True, "always")
    assert (found.argv, found.call) == (("--fast",), "")
    assert asked(code, "bot.py", kwargs='{"n": 3}').call == '[[],{"n":3}]'


def test_another_script_is_a_program_on_a_place_for_services(code: Path) -> None:
    found = asked(code, "plain.py", "x")

    assert (found.function, found.need.light, found.argv) == (None, True, ("x",))


def test_a_function_of_a_module_is_called_with_its_arguments(code: Path) -> None:
    found = asked(code, "lab.ask:ask", args="[3]", kwargs='{"fast": true}')

    assert found.function == Function(name="ask", kind="process")
    assert found.module is not None
    assert (found.module.name, found.target) == ("lab.ask", Path(code, "lab/ask.py"))
    assert found.call == '[[3],{"fast":true}]'


def test_it_goes_to_the_queue_of_services_unless_another_one_is_named(code: Path) -> None:
    rest: dict[str, Any] = {"environ": {}, "workdir": code, "queue": "q"}

    assert asked(code, "bot.py").queue == "services"
    assert asked(code, "bot.py", queue="mine").queue == "mine"
    own = submission_of(TaskOptions(service=True), "bot.py", (), **rest, service_queue="bots")
    assert own.queue == "bots"
    assert submission_of(TaskOptions(), "bot.py", (), **rest).queue == "q"


def test_a_file_with_a_colon_in_its_name_is_a_script(code: Path) -> None:
    (code / "a:b").write_text("print()\n")

    assert asked(code, "a:b").function is None
    rest: dict[str, Any] = {"environ": {}, "workdir": code, "queue": "q"}
    assert submission_of(TaskOptions(), "a:b", (), **rest).target == Path("a:b")


def test_an_option_of_ours_behind_a_script_is_the_scripts(code: Path) -> None:
    assert asked(code, "bot.py", "--kwargs", "x").argv == ("--kwargs", "x")
    with pytest.raises(UsageError, match="--kwargs stands behind"):
        asked(code, "lab.ask:ask", "--kwargs=x")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("lab.ask:aks", "did you mean ask?"),
        ("lab.aks:ask", "did you mean"),
        ("lab.ask:", "script not found"),
        ("json:dumps", "json: no such module in"),
    ],
)
def test_a_function_that_is_not_there_is_told_with_what_is_near(
    code: Path, target: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words.replace("?", r"\?")):
        asked(code, target)
