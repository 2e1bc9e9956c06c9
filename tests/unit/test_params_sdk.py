"""`rq_agent.params` returns the defaults with the overrides in place."""

import json
import pickle
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from rq_agent.sdk.convert import WrongType, convert
from rq_agent.sdk.params import Params, params


@pytest.fixture
def overrides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def put(**named: str) -> None:
        file = tmp_path / "params.json"
        file.write_text(json.dumps({name.replace("__", "."): v for name, v in named.items()}))
        monkeypatch.setenv("RQ_AGENT_PARAMS_FILE", str(file))

    return put


@pytest.mark.parametrize(
    ("default", "text", "wanted"),
    [
        (0.1, "1e-3", 1e-3),
        (0.1, "3", 3.0),
        (3, "-4", -4),
        (False, "Yes", True),
        (True, "0", False),
        ("x", "007", "007"),
        ("x", "", ""),
        ([1, 2], "[3]", [3]),
        ((1, 2), "[3, 4]", (3, 4)),
        ({}, '{"a": 1}', {"a": 1}),
        (None, "2.5", 2.5),
        (None, "null", None),
        (None, "adam", "adam"),
        (PurePosixPath("a"), "b/c", PurePosixPath("b/c")),
    ],
)
def test_a_text_becomes_the_type_of_the_default(default: Any, text: str, wanted: Any) -> None:
    found = convert(default, text)

    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("default", "text", "says"),
    [
        (3, "3.5", "whole number"),
        (3, "true", "whole number"),
        (0.1, "fast", "a number"),
        (True, "maybe", "true or false"),
        ([], "1 2", "JSON list"),
        ((), '{"a": 1}', "JSON list"),
        ({}, "[1]", "JSON object"),
        (object(), "x", "cannot be overridden"),
    ],
)
def test_a_text_of_another_type_is_refused(default: Any, text: str, says: str) -> None:
    with pytest.raises(WrongType, match=says):
        convert(default, text)


def test_outside_a_task_the_defaults_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RQ_AGENT_PARAMS_FILE", raising=False)
    layers = [1, 2]

    found = params({"lr": 0.1, "layers": layers, "model": {"depth": 2}})

    assert found == {"lr": 0.1, "layers": [1, 2], "model": {"depth": 2}}
    assert found.layers is layers
    assert found.model.depth == 2


def test_overrides_reach_keys_attributes_and_nested_names(overrides: Any) -> None:
    overrides(lr="0.5", model__depth="3", batch_size="8")
    defaults = {"lr": 0.1, "model": {"depth": 2, "act": "relu"}, "batch-size": 4}

    found = params(defaults)

    assert found.lr == 0.5
    assert found["model"] == {"depth": 3, "act": "relu"}
    assert found["batch-size"] == 8
    assert defaults["model"] == {"depth": 2, "act": "relu"}  # the script's own dict is untouched


def test_a_whole_nested_dict_can_be_replaced(overrides: Any) -> None:
    overrides(model='{"depth": 3}')

    found = params({"model": {"depth": 2, "act": "relu"}})

    assert found.model == {"depth": 3}
    assert found.model.depth == 3


def test_a_wrong_type_ends_the_script_and_names_the_parameter(
    overrides: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides(model__depth="deep")

    with pytest.raises(SystemExit) as stop:
        params({"model": {"depth": 2}})

    assert stop.value.code == 2
    assert "parameter 'model.depth' from --set wants a whole number" in capsys.readouterr().err


def test_params_are_a_dict_that_can_be_changed_and_pickled() -> None:
    found = params({"lr": 0.1})
    found.lr = 0.2
    found.new = 1
    del found.new

    assert pickle.loads(pickle.dumps(found)) == {"lr": 0.2}
    assert isinstance(found, Params)
    assert not hasattr(found, "missing")
