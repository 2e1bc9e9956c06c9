"""The definition of a function: what travels, what is imported, and what is called."""

from pathlib import Path
from typing import Any

import pytest
from fakeredis import FakeAsyncRedis

from rq_agent.broker import definition as definitions
from rq_agent.broker.definition import Definition, Entry, Function
from rq_agent.broker.definitions import decode
from rq_agent.broker.errors import UsageError
from rq_agent.broker.functions import find_function
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.submission import Submission, pack


async def packed(target: str, workdir: Path) -> Definition:
    """Return what is packed of a function that a person named."""
    called = find_function(target, workdir=workdir)
    submission = Submission(
        target=called.script, module=called.module, function=called.function, workdir=workdir
    )
    namespace = await Namespace.open(FakeAsyncRedis(), "lab")
    found = await pack(namespace, submission, progress=lambda text: None)
    assert definitions.digest(found.upload.encoded) == found.digest
    return decode(found.digest, found.upload.encoded)


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


async def test_a_function_of_a_lone_script_travels_with_it_alone(tmp_path: Path) -> None:
    write(tmp_path, "bot.py", "async def ask(n): ...\n")

    definition = await packed("bot.py:ask", tmp_path)

    assert (definition.code.form, definition.code.file_name) == ("file", "bot.py")
    assert definition.entry == Entry(
        script="bot.py", function=Function(name="ask", kind="coroutine")
    )


@pytest.mark.parametrize(
    ("target", "expected", "root"),
    [
        ("pkg.mod:run", {"script": "pkg/mod.py", "module": "pkg.mod"}, "."),
        ("pkg:run", {"script": "pkg/__init__.py", "module": "pkg"}, "."),
        ("lib.tools:run", {"script": "src/lib/tools.py", "module": "lib.tools"}, "src"),
        ("pkg/mod.py:run", {"script": "pkg/mod.py", "module": ""}, ""),
    ],
)
async def test_a_function_of_a_project_travels_with_the_project(
    tmp_path: Path, target: str, expected: dict[str, Any], root: str
) -> None:
    write(tmp_path, "requirements.txt", "")
    for name in ("pkg/__init__.py", "pkg/mod.py", "src/lib/tools.py"):
        write(tmp_path, name, "def run(): ...\n")

    definition = await packed(target, tmp_path)

    assert definition.code.form == "pack"
    function = Function(name="run", kind="process")
    assert definition.entry == Entry(**expected, function=function)
    assert not root or root in definition.environment.source_roots


async def test_a_package_that_would_travel_without_its_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "src/lib/tools.py", "def run(): ...\n")

    with pytest.raises(UsageError, match=r"^lib.tools: a package travels from a git repository"):
        await packed("lib.tools:run", tmp_path)
