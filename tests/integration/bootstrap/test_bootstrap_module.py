"""`-m`: a module runs through the bootstrap as under `python -m`."""

import pytest

from .folder import Folder

FACTS = """
    import sys
    from . import sibling
    print(__name__, __package__, __spec__.name, __file__, __cached__ is None, sys.argv)
    print(sibling.X, sys.path[0], sys.modules["__main__"].__spec__.name)
"""
SCRIPTS = {
    "facts": FACTS,
    "an exception": "def inner(): return {}['missing']\ninner()",
    "an exit code": "import sys; sys.exit(7)",
    "another process": """
        import multiprocessing, os
        from .sibling import double
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(double, [4]))
                pool.close()
                pool.join()  # else it is terminated, and what it has printed may be lost
    """,
}


@pytest.fixture
def package(folder: Folder) -> Folder:
    folder.write("pkg/__init__.py", "print('package')")
    folder.write("pkg/sibling.py", "X = 5\ndef double(n): return 2 * n")
    return folder


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_module_behaves_as_under_a_bare_python(package: Folder, name: str) -> None:
    file = package.write("pkg/mod.py", SCRIPTS[name])

    bare = package.bare("-m", "pkg.mod", "--a", "b c")
    task = package.task("-m", "pkg.mod", str(file), "--a", "b c")

    without_runpy = [line for line in bare.err.splitlines() if "frozen runpy" not in line]
    assert (task.code, task.out) == (bare.code, bare.out)
    assert task.err.splitlines()[-1:] == without_runpy[-1:]
    assert "bootstrap" not in task.err


def test_a_package_runs_by_its_main_module(package: Folder) -> None:
    file = package.write("pkg/__main__.py", FACTS)

    assert package.task("-m", "pkg", str(file)) == package.bare("-m", "pkg")


def test_parameters_of_a_module_are_overridden(package: Folder) -> None:
    file = package.write(
        "pkg/mod.py",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float, default=0.1)
        print(parser.parse_args().lr)
        """,
    )

    task = package.task("-m", "pkg.mod", str(file), overrides={"lr": "2"})

    assert (task.out, task.used) == ("package\n2.0\n", {"lr": "2.0"})


def test_a_module_that_is_not_there_is_said_as_python_says_it(package: Folder) -> None:
    file = package.write("other.py", "")

    task = package.task("-m", "pkg.gone", str(file))

    assert (task.code, task.out) == (1, "package\n")
    assert task.err.endswith("No module named pkg.gone\n")
