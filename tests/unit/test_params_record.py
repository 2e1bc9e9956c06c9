"""What is recorded of the parameters used, and what is said about names that nobody read."""

import json
from pathlib import Path
from typing import Any

import pytest

from rq_agent.worker.bootstrap.ledger import Ledger, read_overrides
from rq_agent.worker.bootstrap.near import hint
from rq_agent.worker.bootstrap.sources import survey
from rq_agent.worker.bootstrap.values import is_secret, render


class Angry:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (3, "3"),
        ([1, "a"], '[1, "a"]'),
        (None, "null"),
        ({1, 2}, "{1, 2}"),
        (Path("a"), repr(Path("a"))),
        (survey, "rq_agent.worker.bootstrap.sources.survey"),
        (Angry(), "<Angry: repr failed with RuntimeError>"),
        ("\udcff", "\\udcff"),
    ],
)
def test_values_are_recorded_as_text(value: Any, text: str) -> None:
    assert render("name", value) == text


def test_long_values_are_cut() -> None:
    assert len(render("x", {"a" * 300})) == 200
    assert len(render("x", "a" * 9_000)) == 2_000


@pytest.mark.parametrize("name", ["password", "hf_token", "API-KEY", "db.secret", "aws_secret_key"])
def test_secrets_are_hidden(name: str) -> None:
    assert render(name, "s3cret") == "***"
    assert render(name, None) == "null"


@pytest.mark.parametrize("name", ["max_tokens", "tokenizer", "key", "keys", "monkey"])
def test_ordinary_names_are_no_secrets(name: str) -> None:
    assert not is_secret(name)


def test_later_records_are_merged_and_at_most_500_names_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "used.json"
    ledger = Ledger("train.py", {}, str(file))

    ledger.record({"a": 1, "b": 2})
    ledger.record({"a": 3, **{f"n{i}": i for i in range(600)}})

    used = json.loads(file.read_text())
    assert (used["a"], used["b"], len(used)) == ("3", "2", 500)
    assert [path.name for path in tmp_path.iterdir()] == ["used.json"]


def test_a_record_that_cannot_be_written_is_said_and_the_script_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Ledger("train.py", {}, str(tmp_path / "gone" / "used.json")).record({"a": 1})

    assert "cannot record the parameters used" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["[1]", "{", "3"])
def test_a_damaged_file_of_overrides_is_an_error_of_the_machine(tmp_path: Path, text: str) -> None:
    file = tmp_path / "params.json"
    file.write_text(text)

    with pytest.raises(SystemExit) as stop:
        read_overrides(str(file))

    assert stop.value.code == 125


def test_near_names_are_offered_else_what_there_is() -> None:
    assert hint("--epoch", ["epochs", "lr"]) == "; did you mean 'epochs'?"
    assert hint("batch-siz", ["batch_size"]) == "; did you mean 'batch_size'?"
    assert hint("zzz", ["epochs", "lr"]) == "; there is epochs, lr"
    assert hint("zzz", []) == ""


IMPORT = "from rq_agent import params\n"


@pytest.mark.parametrize(
    ("source", "later"),
    [
        (IMPORT + "p = params({'a': 1})", False),
        ("import rq_agent\nD = {'a': 1}\np = rq_agent.params(D)", False),
        (IMPORT + "params({'a': 1})\nparams({'b': 1})", True),
        (IMPORT + "def get(d): return params(d)", True),
        (IMPORT + "params({**other})", True),
        (IMPORT + "import argparse\nparams({'a': 1})", True),
        ("from rq_agent import params as p\np({'a': 1})", True),
        (IMPORT + "params({'a': 1})\nimport model", True),
        (IMPORT + "params({'a': 1})\nfrom pack.sub import x", True),
        (IMPORT + "params({'a': 1})\nimport unrelated, json", False),
        (IMPORT + "params({'a': 1})\nimport importlib\nimportlib.import_module(name)", True),
    ],
)
def test_the_sources_tell_whether_later_code_may_read_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, later: bool
) -> None:
    (tmp_path / "model.py").write_text(IMPORT + "M = params({'depth': 1})")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "sub.py").write_text("import argparse")
    (tmp_path / "unrelated.py").write_text("x = 1")
    (tmp_path / "never_imported.py").write_text("import argparse")
    script = tmp_path / "train.py"
    script.write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))

    assert survey(str(script)).has_later_readers is later


@pytest.mark.parametrize(("plugin", "may_be_called"), [("import rq_agent", True), ("x = 1", False)])
def test_modules_loaded_by_name_are_looked_for_in_the_whole_project(
    tmp_path: Path, plugin: str, may_be_called: bool
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "one.py").write_text(plugin)
    script = tmp_path / "train.py"
    script.write_text("import importlib\nimportlib.import_module('plugins.' + name)")

    assert survey(str(script)).has_params is may_be_called
