"""The address of an environment."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from rq_agent.broker.definition import EnvironmentSpec
from rq_agent.worker.environment.key import environment_key, index_settings, without_credentials
from rq_agent.worker.environment.python import Interpreter

PYTHON = Interpreter(
    executable="/usr/bin/python3.11",
    version="3.11.7",
    implementation="cpython",
    platform="linux-x86_64",
    abi=".cpython-311-x86_64-linux-gnu.so",
    libc="glibc 2.36",
    site_packages="lib/python3.11/site-packages",
    pip_wheel="",
)
SPEC = EnvironmentSpec(
    python=">=3.11",
    requirements=("numpy==2.0",),
    index_options=("--index-url https://me:old@packages.example/simple",),
    source="uv.lock",
    source_roots=("src",),
)


def key(spec: EnvironmentSpec = SPEC, python: Interpreter = PYTHON, **settings: str) -> str:
    return environment_key(spec, python, settings)


@pytest.mark.parametrize(
    "change",
    [
        {"requirements": ("numpy==2.1",)},
        {"requirements": ("numpy==2.0", "six")},
        {"index_options": ("--index-url https://other.example/simple",)},
        {"index_options": ()},
    ],
)
def test_another_wish_has_another_key(change: dict[str, Any]) -> None:
    assert key(msgspec.structs.replace(SPEC, **change)) != key()


@pytest.mark.parametrize(
    "change",
    [
        {"python": ">=3.10"},
        {"source": "flags"},
        {"source_roots": ()},
        {"index_options": ("--index-url https://me:new@packages.example/simple",)},
    ],
)
def test_what_does_not_change_the_content_does_not_change_the_key(change: dict[str, Any]) -> None:
    assert key(msgspec.structs.replace(SPEC, **change)) == key()


@pytest.mark.parametrize(
    "field", ["executable", "version", "implementation", "platform", "abi", "libc"]
)
def test_another_interpreter_has_another_key(field: str) -> None:
    assert key(python=msgspec.structs.replace(PYTHON, **{field: "other"})) != key()


def test_settings_of_the_worker_change_the_key_in_no_order() -> None:
    assert key(UV_INDEX_URL="a") != key()
    assert key(UV_INDEX_URL="a", UV_FIND_LINKS="b") == key(UV_FIND_LINKS="b", UV_INDEX_URL="a")


def test_only_what_uv_reads_is_a_setting(tmp_path: Path) -> None:
    variables = {"HOME": str(tmp_path), "PIP_INDEX_URL": "p", "UV_INDEX_URL": "u", "PATH": "/bin"}
    assert index_settings(variables) == {"UV_INDEX_URL": "u"}


def test_uv_s_own_file_is_a_setting(tmp_path: Path) -> None:
    file = tmp_path / ".config" / "uv" / "uv.toml"
    file.parent.mkdir(parents=True)
    file.write_text('index-url = "https://one.example/"')
    one = index_settings({"HOME": str(tmp_path)})
    file.write_text('index-url = "https://two.example/"')
    two = index_settings({"HOME": str(tmp_path)})
    assert one.keys() == two.keys() == {str(file)}
    assert one != two


def test_credentials_are_cut_out_of_urls_only() -> None:
    text = "x @ git+https://me:secret@host.example/x.git@main --hash=sha256:0 a@b"
    assert (
        without_credentials(text) == "x @ git+https://host.example/x.git@main --hash=sha256:0 a@b"
    )
