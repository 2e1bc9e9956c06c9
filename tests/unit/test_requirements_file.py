"""Requirements files in the format of pip."""

from pathlib import Path

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.requirements.requirements_file import RequirementsFile
from rq_agent.broker.requirements.wanted import Place, Wanted


@pytest.fixture
def place(tmp_path: Path) -> Place:
    root = tmp_path / "root"
    root.mkdir()
    return Place(script=root / "x.py", root=root)


def read(place: Place, text: str) -> Wanted:
    (place.root / "requirements.txt").write_text(text)
    return RequirementsFile(place).read(place.root / "requirements.txt")


def test_lines_comments_continuations_markers_and_hashes_are_read(place: Place) -> None:
    text = (
        "\ufeff# first\n\nnumpy >= 2 # why\n  torch[cu]==2.5 ; sys_platform=='linux'\n"
        "pin==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "rq-agent\nx==1#not-a-comment-for-nobody\n"
    ).replace("x==1#not-a-comment-for-nobody\n", "last==1 \\")

    assert read(place, text).requirements == (
        "numpy>=2",
        'torch[cu]==2.5; sys_platform == "linux"',
        "pin==1 --hash=sha256:aa --hash=sha256:bb",
        "last==1",
    )


def test_nested_files_are_written_out_relative_to_the_file_that_names_them(place: Place) -> None:
    (place.root / "needs" / "deep").mkdir(parents=True)
    (place.root / "needs" / "a.txt").write_text("-r deep/b.txt\na\n")
    (place.root / "needs" / "deep" / "b.txt").write_text("--requirement=../c.txt\nb\n")
    (place.root / "needs" / "c.txt").write_text("c\na\n")

    assert read(place, "-rneeds/a.txt\nown\n").requirements == ("c", "a", "b", "own")


def test_files_that_include_each_other_are_refused(place: Place) -> None:
    with pytest.raises(UsageError, match="include each other in a circle"):
        read(place, "-r requirements.txt\n")


def test_constraints_bind_what_is_required_and_the_others_are_named(place: Place) -> None:
    (place.root / "c.txt").write_text("A_b==1.2\nunused==3\n")

    found = read(place, "-c c.txt\na-b>1\n")

    assert found.requirements == ("a-b>1", "A_b==1.2")
    assert found.warnings == (
        "constraints on packages that no line requires are not used: unused==3",
    )


def test_index_options_are_collected_and_variables_stay_as_they_are(place: Place) -> None:
    text = (
        "-i https://i.example.org/simple\n"
        "--extra-index-url https://${USER}:${TOKEN}@i.example.org/x\n"
        "--extra-index-url=https://i.example.org/y\n"
        "-f https://i.example.org/links\n--no-binary :all:\n--pre\na\n"
    )

    found = read(place, text)

    assert found.index_options == (
        "--index-url https://i.example.org/simple",
        "--extra-index-url https://${USER}:${TOKEN}@i.example.org/x",
        "--extra-index-url https://i.example.org/y",
        "--find-links https://i.example.org/links",
        "--no-binary :all:",
    )
    assert found.warnings == (f"{place.root / 'requirements.txt'}:6: --pre is not used",)


def test_local_projects_go_on_the_import_path_with_what_they_require(place: Place) -> None:
    (place.root / "src" / "me").mkdir(parents=True)
    (place.root / "src" / "me" / "__init__.py").write_text("")
    (place.root / "libs" / "old").mkdir(parents=True)
    (place.root / "pyproject.toml").write_text(
        '[project]\ndependencies = ["a"]\noptional-dependencies = {dev = ["b"], x = ["c"]}\n'
    )

    found = read(place, f"-e .[dev]\n./libs/old\nown\nold2 @ file://{place.root}/libs/old\n")

    assert found.requirements == ("a", "b", "own")
    assert found.source_roots == ("src", "libs/old")
    assert "old has no pyproject.toml" in found.warnings[0]


def test_urls_and_git_without_credentials_are_kept(place: Place) -> None:
    lines = (
        "git+https://git.example.org/a.git@v1#egg=a",
        "https://files.example.org/b-1-py3-none-any.whl",
        "git+ssh://git@git.example.org/c.git",
        "https://${TOKEN}@files.example.org/d-1-py3-none-any.whl",
    )

    assert read(place, "\n".join(lines)).requirements == lines


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\nb c\n", r"requirements\.txt:2: 'b c' is not a requirement"),
        ("a \\\n==1\n??\n", r"requirements\.txt:3: '\?\?' is not a requirement"),
        ("-r missing.txt\n", r"can't read the requirements file .*missing\.txt"),
        ("--frobnicate\n", r"requirements\.txt:1: '--frobnicate' is no option"),
        (
            "--index-url https://me:pw@i.example.org/\n",
            r":1: the URL on i\.example\.org holds a pass",
        ),
        ("--extra-index-url https://token@i.example.org/\n", r"holds a password"),
        ("a @ https://me:pw@i.example.org/a.whl\n", r"holds a password"),
        ("git+https://tok:x@git.example.org/a.git\n", r"holds a password"),
        ("git+ssh://git:pw@git.example.org/a.git\n", r"holds a password"),
        ("a @ https://[broken\n", r":1: a malformed URL"),
        ("-f ./wheels\n", r"--find-links \./wheels is a local path"),
        ("./missing\n", r":1: .*missing does not exist"),
        ("-e ..\n", r":1: .* lies outside .* and does not travel"),
        ("wheels/a-1-py3-none-any.whl\n", r":1: .*a-1-py3-none-any\.whl does not exist"),
        ("./a.whl\n", r":1: a\.whl is a local file, which a worker can't install"),
        (".[nope]\n", r"no optional dependencies are called 'nope'"),
    ],
)
def test_a_line_that_can_not_be_used_is_named(place: Place, text: str, words: str) -> None:
    (place.root / "a.whl").write_bytes(b"")
    (place.root / "pyproject.toml").write_text("[project]\ndependencies = []\n")

    with pytest.raises(UsageError, match=words):
        read(place, text)


def test_a_password_is_not_repeated_in_the_error(place: Place) -> None:
    with pytest.raises(UsageError) as caught:
        read(place, "--index-url https://me:s3cret@i.example.org/\n")

    assert "s3cret" not in str(caught.value)
