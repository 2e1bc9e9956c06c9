"""Models of pydantic go by their own methods, wherever they stand."""

import datetime
import json
import typing

import msgspec
import pytest

from rq_agent.worker.host import calling

pydantic = pytest.importorskip("pydantic")

NOON = datetime.datetime(2026, 1, 31, 12)

if not typing.TYPE_CHECKING:

    class Model(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(strict=True)
        at: datetime.datetime
        sizes: set[int]

else:
    Model = typing.Any


def models(one: "dict[str, list[Model]]") -> None: ...


class Holder(msgspec.Struct):
    model: Model


def holders(one: Holder) -> None: ...


def received(function: typing.Any, text: str) -> typing.Any:
    return calling.bind(function, [[json.loads(text)], {}])[0][0]


def test_a_strict_model_goes_through_json_and_back() -> None:
    model = Model(at=NOON, sizes={1, 2})

    text = calling.encode({"models": [model]})

    assert text == '{"models":[' + model.model_dump_json() + "]}"
    assert received(models, text) == {"models": [model]}


def test_what_a_model_refuses_is_told_with_its_place() -> None:
    with pytest.raises(
        calling.WrongArguments, match=r"one\['a'\]\[0\]: 1 validation error for Model"
    ):
        received(models, '{"a": [{"at": "2026-01-31T12:00:00"}]}')


def test_a_model_in_a_struct_goes_by_its_own_methods_too() -> None:
    holder = Holder(Model(at=NOON, sizes={1}))

    assert received(holders, calling.encode(holder)) == holder
