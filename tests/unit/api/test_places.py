"""Where workers find functions."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rq_agent.api.code import workdir_of
from rq_agent.api.places import place_of
from rq_agent.broker.errors import UsageError
from rq_agent.sdk.task import Task, task

Make = Callable[[str, str], ModuleType]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Writes a module below a folder on the path, and imports it."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, text: str) -> ModuleType:
        path = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield write
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


def test_a_function_of_a_package_is_found_by_its_module(make: Make, tmp_path: Path) -> None:
    make("shop_a.mail", "async def send(): pass\n")

    place = place_of(Task(sys.modules["shop_a.mail"].send, {}))

    assert place.module is not None
    assert (place.module.name, place.module.top) == ("shop_a.mail", tmp_path.resolve())
    assert (place.function.name, place.function.kind) == ("send", "coroutine")


def test_a_plain_function_gets_a_process(make: Make) -> None:
    module = make("shop_b", "def weigh(): pass\n")

    assert place_of(Task(module.weigh, {})).function.kind == "process"


def test_a_variant_of_a_task_stands_where_the_task_does(make: Make) -> None:
    module = make("shop_c", "from rq_agent import task\n@task\ndef weigh(): pass\n")

    assert place_of(module.weigh.options(queue="x")).function.name == "weigh"


class Shop:
    @task
    def sell(self) -> None:
        pass


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda: 1, "at the top of a module"),
        (Shop.sell, "not in functions and classes"),
    ],
)
def test_what_a_worker_could_not_find_is_refused(function: Any, problem: str) -> None:
    one = function if isinstance(function, Task) else Task(function, {})

    with pytest.raises(UsageError, match=problem):
        place_of(one)


def test_a_function_that_another_one_hides_is_refused(make: Make) -> None:
    module = make("shop_d", "def weigh(): pass\nfirst = weigh\ndef weigh(): pass\n")

    with pytest.raises(UsageError, match=r"shop_d\.weigh is something else"):
        place_of(Task(module.first, {}))


def test_a_function_of_an_installed_package_is_refused() -> None:
    from anyio.to_thread import run_sync

    with pytest.raises(UsageError, match="installed package"):
        place_of(Task(run_sync, {}))


def as_main(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> Task[..., Any, Any]:
    module = make(name, f"def go(): pass\n{text}")
    module.go.__module__ = "__main__"
    module.__name__ = "__main__"
    module.__spec__ = None
    monkeypatch.setitem(sys.modules, "__main__", module)
    return Task(module.go, {})


def test_a_script_that_would_submit_again_when_it_is_imported_is_refused(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguarded = as_main(make, monkeypatch, "script_a", "go()\n")

    with pytest.raises(UsageError, match='below `if __name__ == "__main__":`'):
        place_of(unguarded)


def test_a_function_of_a_script_is_found_by_its_file(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    guarded = as_main(make, monkeypatch, "script_b", "if __name__ == '__main__':\n    go()\n")

    place = place_of(guarded)

    assert place.module is None
    assert place.script == (tmp_path / "script_b.py").resolve()


def test_a_package_itself_may_hold_tasks(make: Make, tmp_path: Path) -> None:
    make("shop_e.__init__", "def weigh(): pass\n")

    place = place_of(Task(importlib.import_module("shop_e").weigh, {}))

    assert place.module is not None
    assert (place.module.name, place.module.top) == ("shop_e", tmp_path.resolve())


def test_a_module_that_was_loaded_under_another_name_is_found_by_its_file(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = make("shop_f", "def weigh(): pass\n")
    module.__name__ = module.weigh.__module__ = "renamed"
    monkeypatch.setitem(sys.modules, "renamed", module)

    assert place_of(Task(module.weigh, {})).module is None


@pytest.mark.parametrize(
    ("top", "here", "found"),
    [
        ("project", "project", "project"),
        ("project/app", "project", "project"),  # where somebody stands in the project
        ("project", "elsewhere", "project"),
        ("project/src", "elsewhere", "project"),  # a server started from anywhere
    ],
)
def test_code_is_looked_for_from_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, top: str, here: str, found: str
) -> None:
    for folder in (top, here):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / here)

    assert workdir_of(tmp_path / top, None) == tmp_path / found
    assert workdir_of(tmp_path / top, tmp_path) == tmp_path
