"""uv.lock, exported by the real uv."""

from pathlib import Path

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.requirements import hashes, uv_lock
from rq_agent.broker.requirements.wanted import Place

INDEX = "https://index.example.org/simple"
GPU = "https://gpu.example.org/simple"


def package(name: str, *, needs: str = "", source: str = f'registry = "{INDEX}"') -> str:
    lines = [
        "[[package]]",
        f'name = "{name}"',
        'version = "1.0"',
        f"source = {{ {source} }}",
    ]
    if needs:
        listed = ", ".join(f'{{ name = "{need}" }}' for need in needs.split())
        lines.append(f"dependencies = [{listed}]")
    if "registry" in source:
        tags = ("py3-none-manylinux_2_28_x86_64", "py3-none-win_amd64", "py3-none-any")
        wheels = ", ".join(
            f'{{ url = "{INDEX}/{name}-1.0-{tag}.whl", hash = "sha256:{number * 64}" }}'
            for number, tag in zip("123", tags, strict=True)
        )
        lines.append(f"wheels = [{wheels}]")
    return "\n".join(lines) + "\n\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "src" / "proj").mkdir(parents=True)
    (tmp_path / "src" / "proj" / "__init__.py").write_text("")
    write(tmp_path, "pyproject.toml", project("proj", "a"))
    return Place(script=tmp_path / "train.py", root=tmp_path)


def project(name: str, needs: str, more: str = "") -> str:
    return f'[project]\nname = "{name}"\nversion = "1.0"\ndependencies = ["{needs}"]\n{more}'


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def lock(root: Path, *packages: str, head: str = "") -> None:
    write(root, "uv.lock", f'version = 1\nrequires-python = ">=3.11"\n{head}\n' + "".join(packages))


def test_pinned_lines_with_hashes_python_and_import_root_are_read(place: Place) -> None:
    lock(
        place.root,
        package("a", needs="b"),
        package("b"),
        package("proj", needs="a", source='virtual = "."'),
        package("unused"),
    )

    found = uv_lock.read(place)

    # The hash of the wheel for Windows is gone: no worker can use it.
    kept = f"--hash=sha256:{'1' * 64} --hash=sha256:{'3' * 64}"
    assert found.requirements == (f"a==1.0 {kept}", f"b==1.0 {kept}")
    assert (found.python, found.source_roots) == (">=3.11", ("src",))
    assert found.index_options == ()


def test_an_index_that_the_project_names_is_named_to_the_worker(place: Place) -> None:
    more = (
        f'[[tool.uv.index]]\nname = "gpu"\nurl = "{GPU}/"\n[[tool.uv.index]]\nurl = "{INDEX}/no"\n'
    )
    write(place.root, "pyproject.toml", project("proj", "a", more))
    lock(
        place.root,
        package("a", source=f'registry = "{GPU}"'),
        package("proj", needs="a", source='virtual = "."'),
    )

    assert uv_lock.read(place).index_options == (f"--extra-index-url {GPU}/",)


def workspace(place: Place) -> None:
    more = (
        '[tool.uv.workspace]\nmembers = ["packages/*"]\n[tool.uv.sources]\nm = {workspace=true}\n'
    )
    write(place.root, "pyproject.toml", project("proj", "m", more))
    write(place.root, "packages/m/pyproject.toml", project("m", "b"))
    write(place.root, "packages/m/src/m/__init__.py", "")
    lock(
        place.root,
        package("b"),
        package("m", needs="b", source='editable = "packages/m"'),
        package("proj", needs="m", source='virtual = "."'),
        head='[manifest]\nmembers = ["m", "proj"]',
    )


def test_members_of_the_workspace_go_on_the_import_path(place: Place) -> None:
    workspace(place)

    found = uv_lock.read(place)

    assert [line.split()[0] for line in found.requirements] == ["b==1.0"]
    assert found.source_roots == ("src", "packages/m/src")


def test_a_script_in_a_member_gets_what_the_member_needs(place: Place) -> None:
    workspace(place)
    inside = Place(script=place.root / "packages" / "m" / "tools" / "x.py", root=place.root)

    found = uv_lock.read(inside)

    assert [line.split()[0] for line in found.requirements] == ["b==1.0"]
    assert found.source_roots == ("packages/m/src",)


def test_a_lock_below_the_root_names_import_roots_from_the_root(place: Place) -> None:
    lock(place.root, package("a"), package("proj", needs="a", source='virtual = "."'))

    found = uv_lock.read(Place(script=place.script, root=place.root.parent))

    assert found.source_roots == (f"{place.root.name}/src",)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('path = "wheels/a-1.0-py3-none-any.whl"', r"a-1\.0-py3-none-any\.whl is a local file"),
        ('directory = "../outside"', r"outside.* does not travel with the script"),
    ],
)
def test_what_lies_on_this_machine_only_is_refused_by_name(
    place: Place, source: str, words: str
) -> None:
    (place.root.parent / "outside").mkdir(exist_ok=True)
    lock(
        place.root, package("a", source=source), package("proj", needs="a", source='virtual = "."')
    )

    with pytest.raises(UsageError, match=words):
        uv_lock.read(place)


def test_a_git_source_over_ssh_says_what_each_worker_needs(place: Place) -> None:
    git = f'git = "ssh://git@git.example.org/a.git?rev=v1#{"1" * 40}"'
    lock(place.root, package("a", source=git), package("proj", needs="a", source='virtual = "."'))

    found = uv_lock.read(place)

    assert found.requirements[0].replace(" @", "@").startswith("a@ git+ssh://git@git.example.org/a")
    assert "a comes by ssh; each worker needs a key" in found.warnings[0]


def test_a_broken_lock_names_file_line_and_column(place: Place) -> None:
    write(place.root, "uv.lock", "version = 1\n[[package]\n")

    with pytest.raises(UsageError, match=r"uv\.lock:2:1\d: broken TOML"):
        uv_lock.read(place)


def test_a_lock_of_another_shape_is_named(place: Place) -> None:
    write(place.root, "uv.lock", "version = 1\npackage = 3\n")

    with pytest.raises(UsageError, match=r"uv\.lock: Expected `array`, got `int`"):
        uv_lock.read(place)


def test_a_lock_that_uv_refuses_is_an_error_in_uvs_words(place: Place) -> None:
    write(place.root, "uv.lock", "version = 99\n")

    with pytest.raises(UsageError, match=r"(?s)uv\.lock: uv could not export it: .*99"):
        uv_lock.read(place)


def test_the_last_hash_of_a_line_is_never_left_out() -> None:
    assert hashes.without("a==1 --hash=x", frozenset({"x"})) == "a==1 --hash=x"
    assert hashes.without("a==1 --hash=x --hash=y", frozenset({"x"})) == "a==1 --hash=y"
    assert hashes.without("a==1", frozenset({"x"})) == "a==1"
