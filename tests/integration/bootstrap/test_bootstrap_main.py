"""A script in a task is the real `__main__`, just as under a bare `python SCRIPT`."""

import pytest

from .folder import Folder

SCRIPTS: dict[str, str | bytes] = {
    "its module": """
        import sys
        print(sorted(globals()))
        print(__name__, __file__, __spec__, __package__, __cached__, __doc__, __loader__.name)
        print(type(__builtins__).__name__, sys.modules["__main__"].__dict__ is globals())
    """,
    "its path and arguments": """
        import sys
        print(sys.argv, sys.path[0], [p for p in sys.path if "bootstrap" in p])
        print([name for name in vars() if "rq" in name])
    """,
    "its source": """
        import inspect, dataclasses, pickle, linecache
        @dataclasses.dataclass
        class Point:
            x: "int"
        def area(p):
            return p.x  # counted
        print(inspect.getsource(area), pickle.loads(pickle.dumps(Point(3))), Point.__module__)
        print(linecache.getline(__file__, 2))
    """,
    "its neighbours": """
        import run, program, values, ledger, hooks, words, near
        print(run.x, program.x, values.x, ledger.x, hooks.x, words.x, near.x)
    """,
    "an exception": """
        def inner(): return {}["missing"]
        def outer():
            try: inner()
            except KeyError as e: raise ValueError("outer") from e
        if __name__ == "__main__":
            outer()
    """,
    "an exception of a library": "import json; json.loads('{')",
    "an exception from argparse": """
        import argparse
        def refuse(text): raise KeyError(text)
        parser = argparse.ArgumentParser()
        parser.add_argument("--x", type=refuse)
        parser.parse_args(["--x", "1"])
    """,
    "an import that fails": "import broken",
    "a module that is not there": "import surely_not_there",
    "exit with a code": "import sys; sys.exit(7)",
    "exit with a text": "import sys; sys.exit('no more')",
    "exit with nothing": "raise SystemExit",
    "a syntax error": "x = 1\ndef f(:\n    pass\n",
    "an indentation error": "if 1:\nx = 2\n",
    "an old encoding": "# -*- coding: latin-1 -*-\nprint('\u00e9')\n".encode("latin-1"),
    "a byte order mark": b"\xef\xbb\xbfprint('bom')\n",
    "a group of exceptions": "raise ExceptionGroup('many', [ValueError(1), TypeError(2)])",
    "its own excepthook": """
        import sys
        sys.excepthook = lambda kind, error, tb: print(kind, error, tb.tb_frame.f_code.co_name)
        raise ValueError("seen")
    """,
    "an excepthook that ends the program": """
        import sys
        def hook(kind, error, tb): sys.exit(9)
        sys.excepthook = hook
        1 / 0
    """,
    "the order at the end": """
        import atexit, threading, sys
        gate = threading.Event()
        def late():
            gate.wait()
            print("thread")
        threading.Thread(target=late).start()
        atexit.register(lambda: (print("atexit"), print(hasattr(sys, "last_value"))))
        threading.Timer(0.05, gate.set).start()
        class Last:
            def __del__(self): print("del")
        last = Last()
        1 / 0
    """,
    "an exception in a thread": """
        import threading
        t = threading.Thread(target=lambda: 1 / 0, name="worker"); t.start(); t.join()
    """,
    "Ctrl-C": """
        import signal, os
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
    """,
    "a kill": "import os, signal; os.kill(os.getpid(), signal.SIGTERM); signal.pause()",
    "a warning": "import warnings; warnings.warn('old', DeprecationWarning)",
    "an exit without ceremony": "import os; print('x'); os._exit(4)",
    "a fork": """
        import os, sys
        if os.fork() == 0:
            sys.exit(5)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
    """,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_behaves_as_under_a_bare_python(folder: Folder, name: str) -> None:
    for module in ("run", "program", "values", "ledger", "hooks", "words", "near"):
        folder.write(f"{module}.py", f"x = 'mine: {module}'")
    folder.write("broken.py", "x = 1\n1 / 0\n")
    source = SCRIPTS[name]
    if isinstance(source, bytes):
        (folder.path / "script.py").write_bytes(source)
    else:
        folder.write("script.py", source)

    bare = folder.bare("./script.py", "--a", "b c")
    task = folder.task("./script.py", "--a", "b c")

    assert (task.code, task.out, task.err) == (bare.code, bare.out, bare.err)


def test_a_script_in_another_folder_imports_its_own_neighbours(folder: Folder) -> None:
    folder.write("sub/neighbour.py", "x = 5")
    folder.write("sub/script.py", "import neighbour, os, sys; print(sys.path[0], os.getcwd())")
    (folder.path / "link.py").symlink_to("sub/script.py")

    for script in ("sub/script.py", "link.py"):
        assert folder.task(script) == folder.bare(script)


def test_a_missing_script_is_said_as_python_says_it(folder: Folder) -> None:
    assert folder.task("gone.py") == folder.bare("gone.py")
    assert folder.task("gone.py").code == 2


@pytest.mark.parametrize("flag", ["-P", "-I"])
def test_a_safe_path_stays_safe(folder: Folder, flag: str) -> None:
    folder.write("neighbour.py", "x = 5")
    folder.write("script.py", "import sys; print(sys.path); import neighbour")

    task = folder.task("script.py", flags=(flag,), environment={"PYTHONPATH": ""})

    bare = folder.bare("script.py", flags=(flag,))
    assert (task.code, task.out, task.err) == (bare.code, bare.out, bare.err)
    assert task.code == 1


def test_the_bootstrap_leaves_nothing_on_the_path(folder: Folder) -> None:
    folder.write("script.py", "import sys; print(sys.path)")

    without = folder.task("script.py", environment={"PYTHONPATH": ""})

    assert without.out == folder.bare("script.py").out


def test_argparse_is_not_loaded_for_a_script_that_does_not_use_it(folder: Folder) -> None:
    folder.write("script.py", "import sys; print(*sorted(sys.modules))")

    loaded = set(folder.task("script.py").out.split())

    extra = loaded - set(folder.bare("script.py").out.split())
    assert {name for name in extra if not name.startswith("_rq_agent_bootstrap")} <= {"__future__"}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (b"# -*- coding: nonsense -*-\nprint(1)\n", "SyntaxError: unknown encoding: nonsense"),
        (b"x = '\xff'\n", "SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff"),
        (b"def f(): f()\nf()\n", "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_what_python_words_otherwise_still_shows_only_the_users_file(
    folder: Folder, source: bytes, says: str
) -> None:
    (folder.path / "script.py").write_bytes(source)

    task = folder.task("script.py")

    assert task.code == 1
    assert says in task.err
    assert "run.py" not in task.err
    assert "program.py" not in task.err


def test_importing_params_loads_nothing_but_the_sdk(folder: Folder) -> None:
    folder.write("with.py", "import sys; from rq_agent import params; print(*sys.modules)")
    folder.write("without.py", "import sys; print(*sys.modules)")

    extra = set(folder.task("with.py").out.split()) - set(folder.task("without.py").out.split())

    assert extra - {"__future__"} == {"rq_agent", "rq_agent.sdk", "rq_agent.sdk.params"}


def test_an_installed_rq_agent_wins_over_the_folder_at_the_end(folder: Folder) -> None:
    folder.write("installed/rq_agent/__init__.py", "params = dict")
    folder.write(
        "script.py",
        """
        import os, sys
        sys.path.append(os.environ["SDK"])
        from rq_agent import params
        print(params)
        """,
    )
    variables = {"PYTHONPATH": str(folder.path / "installed"), "SDK": str(folder.sdk)}

    assert folder.task("script.py", environment=variables).out == "<class 'dict'>\n"
