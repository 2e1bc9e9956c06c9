"""Functions that a person names: found in the text of their files, or refused with a hint."""

from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.functions import Called, find_function, is_function, main_of

BOT = '''
"""A bot."""
import asyncio
from pkg.deep import work as hard
from rq_agent import task

if True:
    async def main(): ...

@task(queue="services", retries=3)
async def ask(n: int, /, who="ada", *, fast=False): ...

@task
def add(a, b): return a + b

@cached
def wrapped(a): ...

def count():
    yield 1

async def stream():
    yield 1

def quiet():
    def inner():
        yield 1
    return list(inner())

class Bot: ...

double = lambda n: 2 * n
renamed = task(queue="q")(add)
VALUE, other = 3, 4

if __name__ == "__main__":
    def only_as_a_program(): ...
    asyncio.run(main())
'''


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("here")
    files = {
        "bot.py": BOT,
        "train.py": "def main(): ...\n",
        "pkg/__init__.py": "from .mod import run, run as again\nfrom .round import lost\n",
        "pkg/mod.py": "async def run(n): ...\n",
        "pkg/round.py": "from . import lost\n",
        "pkg/deep.py": "def work(*args, **kwargs): ...\n",
        "pkg/foreign.py": "from time import sleep\nimport os\n",
        "src/lib/tools.py": "def mend(): ...\n",
        "broken.py": "def f(:\n",
        "twice.py": "def f(a, a): ...\n",
        "outside.py": "from " + "." * 90 + " import f\nfrom ..... import g\n",
        "sum.py": f"def f(a={'1+' * 900}1): ...\n",
        "deep.py": "x = " + "(" * 5_000 + ")" * 5_000,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "nul.py").write_bytes(b"def f(): ...\n\0")
    (folder / "latin.py").write_bytes(b"# \xe4\ndef f(): ...\n")
    with (folder / "huge.py").open("wb") as file:
        file.truncate(5 * 1024 * 1024)
    return folder


def summary(called: Called) -> tuple[Any, ...]:
    module = called.module.name if called.module else ""
    return called.function.name, called.function.kind, module, called.script.name


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("bot.py:main", ("main", "coroutine", "", "bot.py")),
        ("bot.py:ask", ("ask", "coroutine", "", "bot.py")),
        ("./bot.py:add", ("add", "process", "", "bot.py")),
        ("bot:add", ("add", "process", "bot", "bot.py")),
        ("bot.py:quiet", ("quiet", "process", "", "bot.py")),
        ("bot.py:double", ("double", "process", "", "bot.py")),
        ("bot.py:hard", ("hard", "process", "", "bot.py")),
        ("pkg.mod:run", ("run", "coroutine", "pkg.mod", "mod.py")),
        ("pkg:run", ("run", "coroutine", "pkg", "__init__.py")),
        ("pkg:again", ("again", "coroutine", "pkg", "__init__.py")),
        ("lib.tools:mend", ("mend", "process", "lib.tools", "tools.py")),
        ("src/lib/tools.py:mend", ("mend", "process", "", "tools.py")),
    ],
)
def test_a_function_is_found_and_it_is_seen_how_it_runs(
    here: Path, target: str, expected: tuple[str, ...]
) -> None:
    assert is_function(target)
    assert summary(find_function(target, workdir=here)) == expected


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("bot.py:aks", r"bot.py has no function aks; did you mean ask\?"),
        ("bot.py:only_as_a_program", "has no function"),
        ("bot.py:count", "is a generator"),
        ("bot.py:stream", "is a generator"),
        ("bot.py:Bot", "Bot is a class; name a function"),
        ("bot.py:VALUE", "VALUE is bound on line 34, but not by def"),
        ("bot.py:other", "not by def"),
        ("bot.py:asyncio", "is a module"),
        ("pkg.foreign:sleep", "imported from time, which is not among your files"),
        ("pkg:lost", "in a circle"),
        ("pkg.mdo:run", r"pkg.mdo: no such module in .*; did you mean pkg.mod\?"),
        ("gone.py:f", "script not found: gone.py"),
        ("pkg/:f", "pkg/ is a directory"),
        ("broken.py:f", r"broken.py line 1: invalid syntax \(read as Python 3"),
        ("twice.py:f", "twice.py line 1: duplicate argument 'a'"),
        ("outside.py:f", "which is not among your files"),
        ("outside.py:g", "which is not among your files"),
        ("deep.py:f", "deep.py"),
        ("nul.py:f", "NUL bytes"),
        ("latin.py:f", "latin.py: invalid or missing encoding"),
        ("huge.py:f", "larger than 4 MiB"),
        ("a b:f", "not the name of a module"),
        ("bot.py:", "write a function like"),
        (":f", "write a function like"),
        ("bot.py:a.b", "write a function like"),
    ],
)
def test_what_is_no_function_is_refused_with_a_hint(here: Path, target: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as told:
        find_function(target, workdir=here)

    assert len(str(told.value)) < 400


def test_a_script_with_an_async_main_is_a_coroutine_and_any_other_a_program(here: Path) -> None:
    called = main_of(Path("bot.py"), workdir=here)

    assert called is not None
    assert summary(called) == ("main", "coroutine", "", "bot.py")
    assert main_of(Path("train.py"), workdir=here) is None
    with pytest.raises(UsageError, match=r"broken.py line 1"):
        main_of(Path("broken.py"), workdir=here)


def test_arguments_that_fit_make_a_call(here: Path) -> None:
    ask = find_function("bot.py:ask", workdir=here)

    assert ask.call([1], {"fast": True}) == '[[1],{"fast":true}]'
    assert find_function("bot.py:main", workdir=here).call([], {}) == ""
    assert find_function("bot.py:hard", workdir=here).call([1, 2], {"x": 1})
    assert find_function("sum.py:f", workdir=here).call([], {}) == ""
    assert find_function("bot.py:wrapped", workdir=here).call([1, 2, 3], {})  # who knows


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ([], {}, "missing a required argument: 'n'"),
        ([1, "a", 2], {}, "too many positional"),
        ([1], {"slow": True}, "unexpected keyword argument 'slow'"),
        ([1, "a"], {"who": "b"}, "multiple values for argument 'who'"),
        ([], {"n": 1}, "'n'"),
        ([object()], {}, "can't be written as JSON"),
    ],
)
def test_arguments_that_can_not_fit_are_refused_with_the_signature(
    here: Path, args: list[Any], kwargs: dict[str, Any], words: str
) -> None:
    ask = find_function("bot.py:ask", workdir=here)

    with pytest.raises(UsageError, match=words) as told:
        ask.call(args, kwargs)

    if "JSON" not in words:
        assert "async def ask(n: int, /, who='ada', *, fast=False)" in str(told.value)
