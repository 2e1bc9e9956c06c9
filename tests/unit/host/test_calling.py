"""Functions are found by name, take what fits, and what they return becomes JSON or an error."""

import dataclasses
import functools
import sys
import textwrap
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

from rq_agent.worker.host import calling, targets


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder; what is imported from it is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(targets, "_found", {})
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))


def test_a_function_of_a_module_is_found_and_its_neighbours_too(project: Path) -> None:
    write(project / "shop_t/__init__.py", "")
    write(
        project / "shop_t/till.py",
        "from .prices import of\nclass C:\n    @staticmethod\n    def f(): return 2\n",
    )
    write(project / "shop_t/prices.py", "def of(): return 1")

    assert calling.resolve("shop_t.till:of")() == 1
    assert calling.resolve("shop_t.till:C.f")() == 2
    assert calling.resolve("shop_t.till:of") is sys.modules["shop_t.prices"].of


def test_a_lone_script_is_loaded_under_its_stem_with_what_lies_beside_it(project: Path) -> None:
    write(project / "bots/bot_b.py", "import near_b\ndef main(): return __name__, near_b.N")
    write(project / "bots/near_b.py", "import bot_b\nN = 5")

    assert calling.resolve(f"{project}/bots/bot_b.py:main")() == ("bot_b", 5)


def test_a_script_named_as_a_module_of_python_leaves_that_alone(project: Path) -> None:
    import json

    write(project / "json.py", "import json\ndef main(): return json.__file__")

    assert calling.resolve(f"{project}/json.py:main")() == json.__file__


def test_a_task_object_of_ours_gives_its_function_and_another_decorator_is_kept(
    project: Path,
) -> None:
    write(
        project / "deco_c.py",
        """
        import functools
        class Task:
            def __init__(self, function): self.__wrapped__ = function
        Task.__module__ = "rq_agent.sdk.task"
        def louder(function):
            @functools.wraps(function)
            def wrapper(*args): return function(*args) * 2
            return wrapper
        @Task
        def ours(): return 1
        @louder
        def theirs(n: int): return n
        """,
    )

    assert calling.resolve("deco_c:ours")() == 1
    theirs = calling.resolve("deco_c:theirs")
    assert theirs(1) == 2
    with pytest.raises(calling.WrongArguments, match=r"theirs\(n: int\): argument n: expected int"):
        calling.bind(theirs, [["a"], {}])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("pack_d.modle:f", "no module named 'pack_d.modle'; did you mean 'pack_d.model'?"),
        ("pack_e.model:f", "no module named 'pack_e'; did you mean 'pack_d'?"),
        (
            "pack_d.model.more:f",
            "no module named 'pack_d.model.more': 'pack_d.model' is no package",
        ),
        ("pack_d.model:trian", "pack_d.model has no function 'trian'; did you mean 'train'?"),
        ("pack_d.model:Net", "'Net' of pack_d.model is a class; name a function"),
        ("pack_d.model:SIZE", "'SIZE' of pack_d.model is not a function but an int"),
        ("pack_d/modle.py:f", "there is no file pack_d/modle.py; did you mean 'model.py'?"),
        ("no/such.py:f", "there is no file no/such.py"),
        ("pack_d.model", "'pack_d.model' names no function; wanted: module:function"),
        (":f", "':f' names no function"),
    ],
)
def test_a_target_that_is_none_says_what_there_is(project: Path, target: str, message: str) -> None:
    write(project / "pack_d/__init__.py", "")
    write(project / "pack_d/model.py", "SIZE = 1\nclass Net: ...\ndef train(): ...")

    with pytest.raises(calling.BadTarget) as caught:
        calling.resolve(target)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("source", "error"),
    [("import absent_f", ModuleNotFoundError), ("1 / 0", ZeroDivisionError), ("(", SyntaxError)],
)
def test_what_a_module_raises_is_the_users(
    project: Path, source: str, error: type[Exception]
) -> None:
    write(project / "broken_g.py", source)

    for target in ("broken_g:main", f"{project}/broken_g.py:main"):
        with pytest.raises(error):
            calling.resolve(target)
        assert "broken_g" not in sys.modules


def plain(
    a: typing.Any, b: typing.Any = 2, *rest: int, c: typing.Any = 3, **others: int
) -> None: ...


def strict(a, /, b: int = None, *, flag: bool) -> None: ...  # type: ignore[no-untyped-def, assignment]  # noqa: RUF013


@pytest.mark.parametrize(
    ("function", "arguments", "bound"),
    [
        (plain, [[1], {}], ([1], {})),
        (plain, [[1, 2, 3.0], {"c": [], "d": 4.0}], ([1, 2, 3], {"c": [], "d": 4})),
        (strict, [["x"], {"flag": True}], (["x"], {"flag": True})),
        (strict, [["x", None], {"flag": True}], (["x", None], {"flag": True})),
        (functools.partial(strict, flag=True), [["x", 2.0], {}], (["x", 2], {})),
        (print, [["x"], {"end": ""}], (["x"], {"end": ""})),
        ({}.update, [[{}], {"a": 1}], ([{}], {"a": 1})),
    ],
)
def test_what_fits_is_bound(function: typing.Any, arguments: typing.Any, bound: object) -> None:
    args, kwargs = calling.bind(function, arguments)

    assert (list(args), kwargs) == bound


STRICT = "strict(a, /, b: int = None, *, flag: bool) -> None: "


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([[], {}], "missing 'a', 'flag'"),
        ([[1, 2, 3], {"flag": True}], "takes at most 2 positional arguments, got 3"),
        ([[1, 2], {"flag": True, "b": 3}], "got two values for 'b'"),
        ([[1], {"flga": True}], "has no parameter 'flga'; did you mean 'flag'?"),
        ([[], {"a": 1, "flag": True}], "has no parameter 'a'; there is b, flag"),
        ([[1], {"flag": 1}], "argument flag: expected bool, got int"),
        ([[1, "x"], {"flag": True}], "argument b: expected int, got str"),
    ],
)
def test_what_does_not_fit_is_a_type_error_that_names_the_signature(
    arguments: typing.Any, problem: str
) -> None:
    with pytest.raises(TypeError) as caught:
        calling.bind(strict, arguments)

    assert str(caught.value) == STRICT + problem


def test_names_that_are_only_there_for_type_checkers_ask_for_nothing() -> None:
    module = types.ModuleType("lazy_h")
    source = "from __future__ import annotations\ndef f(a: Absent, b: list[int], c: int): ..."
    exec(source, vars(module))  # noqa: S102

    args, _ = calling.bind(module.f, [["x", [1.0], 2.0], {}])

    assert args == ["x", [1], 2]
    assert [type(args[1][0]), type(args[2])] == [int, int]


def test_a_long_signature_leaves_room_for_the_problem() -> None:
    module = types.ModuleType("long_i")
    many = ", ".join(f"parameter_{i}: Kind = None" for i in range(20))
    exec(f"from __future__ import annotations\ndef f(n: int, {many}): ...", vars(module))  # noqa: S102

    with pytest.raises(calling.WrongArguments) as caught:
        calling.bind(module.f, [["x"], {}])

    text = str(caught.value)
    assert text.startswith("f(n: int, parameter_0: Kind = None, ")
    assert text.endswith("...): argument n: expected int, got str")
    assert len(text) <= 200


class Odd:
    """No JSON form."""


@dataclasses.dataclass
class Holder:
    inner: typing.Any


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (Odd(), f"{__name__}.Odd at result"),
        ({"a": [1, Odd()]}, f"{__name__}.Odd at result['a'][1]"),
        ([Holder({"k": Odd()})], f"{__name__}.Odd at result[0]['inner']['k']"),
        (float("nan"), "nan at result: JSON has no such number"),
        ([Holder(float("-inf"))], "-inf at result[0]['inner']: JSON has no such number"),
        ("\ud800", "str at result with a lone surrogate"),
        ({"\ud800": 1}, "str at a key of result with a lone surrogate"),
        ({None: Odd()}, "NoneType as a key of result"),
        ({(1, 2): 3}, "tuple as a key of result"),
        (iter([]), "list_iterator at result"),
        (object, "type at result"),
    ],
)
def test_a_result_without_a_json_form_names_type_and_place(value: object, problem: str) -> None:
    with pytest.raises(calling.NotEncodable) as caught:
        calling.encode(value)

    assert str(caught.value) == f"its result can't be encoded: {problem}"


def test_a_result_that_contains_itself_or_breaks_is_an_error() -> None:
    circle: list[object] = []
    circle.append(circle)

    class Breaks(dict[str, int]):
        def items(self) -> typing.Any:
            raise RuntimeError("no")

    with pytest.raises(calling.NotEncodable, match="contains itself"):
        calling.encode(circle)
    with pytest.raises(calling.NotEncodable, match="RuntimeError: no"):
        calling.encode(Breaks(a=1))
