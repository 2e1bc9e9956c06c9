"""What tasks of before light tasks and functions are made of keeps every byte."""

from typing import Any

import msgspec
import pytest

from rq_agent.broker import definition, needs
from rq_agent.broker.definition import Code, Definition, Entry, EnvironmentSpec, Function
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.signed_task import Place, SignedTask, decode, encode

BODY = bytes.fromhex(
    "87a46172677691a62d2d66617374a3656e7681a14da178a46e65656483a46770757301a463707573cb4000000000"
    "000000a76d656d5f6d696207a96e6f745f616674657263a6706172616d7381a26c72a3302e31a974696d656f7574"
    "5f73cb4014000000000000a475736572a3616461"
)
TASK = SignedTask(
    namespace="lab",
    task_id="t1",
    definition="a" * 64,
    argv=("--fast",),
    params={"lr": "0.1"},
    env={"M": "x"},
    need=Need(gpus=1, cpus=2.0, mem_mib=7),
    timeout_s=5.0,
    not_after=99,
    user="ada",
)
DEFINITION = Definition(
    code=Code(form="file", blob="b" * 64, size_bytes=3, file_name="bot.py"),
    environment=EnvironmentSpec(python=">=3.11", requirements=("a==1",)),
    entry=Entry(script="bot.py"),
)


@pytest.mark.parametrize(
    ("need", "shape", "stored"),
    [
        (Need(), "sa4d7baf8bb", b'{"cpus":0.0,"gpus":0,"mem_mib":0}'),
        (Need(gpus=1), "s186c43e43e", b'{"cpus":0.0,"gpus":1,"mem_mib":0}'),
        (
            Need(gpus=2, cpus=1.5, mem_mib=300),
            "sf76fa36423",
            b'{"cpus":1.5,"gpus":2,"mem_mib":300}',
        ),
    ],
)
def test_a_need_that_is_not_light_has_the_name_it_had(
    need: Need, shape: str, stored: bytes
) -> None:
    assert (needs.encode(need), shape_id(need)) == (stored, shape)


def test_a_light_need_has_a_name_of_its_own() -> None:
    light = needs.encode(Need(light=True))

    assert light == b'{"cpus":0.0,"gpus":0,"light":true,"mem_mib":0}'
    assert shape_id(Need(light=True)) != shape_id(Need())


def test_what_is_signed_of_a_task_is_what_it_was() -> None:
    assert encode(TASK)[1] == BODY
    assert decode(Place("lab", "t1", "a" * 64), BODY) == TASK


def test_a_definition_without_a_function_has_the_address_it_had() -> None:
    encoded = definition.encode(DEFINITION)

    assert b"function" not in encoded
    assert definition.digest(encoded) == (
        "6308019954472cf1d4a4d43c76b0a23ff3882c04a120908d8e4a94867272a267"
    )


class _OldNeed(msgspec.Struct, forbid_unknown_fields=True):
    gpus: int = 0
    cpus: float = 0.0
    mem_mib: int = 0


class _OldBody(msgspec.Struct, forbid_unknown_fields=True):
    need: _OldNeed
    not_after: int


class _OldEntry(msgspec.Struct, forbid_unknown_fields=True):
    script: str
    workdir: str
    module: str


@pytest.mark.parametrize(
    ("new", "name"),
    [
        ({"call": "[[],{}]"}, "call"),
        ({"restart": "always"}, "restart"),
        ({"need": Need(light=True)}, "light"),
    ],
)
def test_workers_of_before_name_what_they_do_not_know(new: dict[str, Any], name: str) -> None:
    task = SignedTask(namespace="lab", task_id="t1", definition="a" * 64, not_after=99, **new)

    with pytest.raises(msgspec.ValidationError, match=f"unknown field `{name}`"):
        msgspec.msgpack.decode(encode(task)[1], type=_OldBody)


def test_workers_of_before_know_no_shape_of_light_tasks_and_no_functions() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `light`"):
        msgspec.json.decode(needs.encode(Need(light=True)), type=_OldNeed)
    entry = Entry(script="bot.py", function=Function(name="ask", kind="coroutine"))
    with pytest.raises(msgspec.ValidationError, match="unknown field `function`"):
        msgspec.msgpack.decode(msgspec.msgpack.encode(entry), type=_OldEntry)


@pytest.mark.parametrize("name", ["", "a.b", "1a", "a b", "a" * 300, "a\n", "__import__('os')"])
def test_a_function_has_the_name_of_one(name: str) -> None:
    encoded = msgspec.msgpack.encode({"name": name, "kind": "coroutine"})

    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(encoded, type=Function)
