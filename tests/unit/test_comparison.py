"""What differs between two tasks."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from rq_agent.broker.asked import Asked
from rq_agent.broker.comparison import Part, Row, compare
from rq_agent.broker.definition import Code, Definition, Entry, EnvironmentSpec
from rq_agent.broker.errors import SnapshotError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.needs import Need
from rq_agent.broker.record import parse
from rq_agent.broker.snapshot.contents import Changed, Contents, changed
from rq_agent.broker.snapshot.take import Snapshot, take
from rq_agent.broker.task_details import TaskDetails

CODE = Code(form="file", blob="a" * 64, size_bytes=1, file_name="t.py", origin_commit="c" * 40)


def details(
    *requirements: str, arguments: tuple[str, ...] = (), lr: str = "0.1", gpus: int = 0
) -> TaskDetails:
    fields = {b"state": b"succeeded", b"queue": b"q", b"shape": b"s"}
    extra = {b"used": b'{"lr":"%s","n":"3"}' % lr.encode()}
    return TaskDetails(
        record=parse(TaskId("1"), fields, extra, {"s": Need(gpus=gpus)}),
        history=[],
        definition=Definition(
            code=CODE,
            environment=EnvironmentSpec(requirements=requirements),
            entry=Entry(script="t.py"),
        ),
        asked=Asked(arguments=arguments, env={}, grace_s=0, env_writable=False, not_after=0),
    )


def test_equal_tasks_differ_in_nothing() -> None:
    assert compare(details("numpy==2"), details("numpy==2")) == []


def test_only_what_differs_is_told_in_parts() -> None:
    a = details("numpy==2.1 --hash=sha256:x", "Old_Name>=1", arguments=("a b",))
    b = details("numpy==2.2 --hash=sha256:y", "new", lr="0.5", gpus=2)

    assert compare(a, b) == [
        Part("parameters", (Row("lr", "0.1", "0.5"),)),
        Part("arguments", (Row("arguments", "'a b'", ""),)),
        Part(
            "packages",
            (
                Row("numpy", "==2.1", "==2.2"),
                Row("old-name", ">=1", ""),
                Row("new", "", "any"),
            ),
        ),
        Part("needs", (Row("GPUs", "0", "2"),)),
    ]


def test_on_request_what_is_equal_is_told_too() -> None:
    parts = {part.title: part.rows for part in compare(details(), details(), everything=True)}

    assert Row("n", "3", "3") in parts["parameters"]
    assert Row("commit", "c" * 12, "c" * 12) in parts["code"]


def test_a_definition_that_can_not_be_read_leaves_the_rest_to_be_compared() -> None:
    a = details("numpy")
    b = TaskDetails(record=details(lr="0.5").record, history=[], definition=None)

    assert Part("parameters", (Row("lr", "0.1", "0.5"),)) in compare(a, b)


def snapshot(folder: Path, files: dict[str, bytes]) -> Snapshot:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return take(Path("t.py"), workdir=folder)


def test_files_of_two_snapshots_are_compared_without_unpacking_them(tmp_path: Path) -> None:
    same = {"t.py": b"1\n", "lib/same.py": b"2\n"}
    first = snapshot(tmp_path / "a", same | {"gone.py": b"", "lib/x.py": b"old\n"})
    second = snapshot(tmp_path / "b", same | {"new\u00e9.py": b"", "lib/x.py": b"new\n"})

    a, b = (Contents(s.code, s.content, cache=tmp_path / "cache") for s in (first, second))

    assert changed(a, b) == Changed(
        added=("new\u00e9.py",), removed=("gone.py",), changed=("lib/x.py",)
    )
    assert (a.read("lib/x.py"), b.read("lib/x.py")) == (b"old\n", b"new\n")


def test_a_file_alone_is_compared_with_a_file_of_a_repository(tmp_path: Path) -> None:
    packed = snapshot(tmp_path / "a", {"t.py": b"1\n"})
    alone = CODE.__class__(
        form="file", blob=hashlib.sha256(b"1\n").hexdigest(), size_bytes=2, file_name="t.py"
    )

    a = Contents(packed.code, packed.content, cache=tmp_path / "cache")
    b = Contents(alone, b"1\n", cache=tmp_path / "cache")

    assert changed(a, b) == Changed()


def test_altered_code_is_not_compared(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="snapshot aaaaaaaaaaaa is damaged"):
        Contents(CODE, b"2\n", cache=tmp_path)
