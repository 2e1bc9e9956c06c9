"""What calls print goes to their own logs, from wherever they print it."""

import pytest

from .driving import Driven


def test_each_call_has_its_own_output(host: Driven) -> None:
    name = host.module(
        """
        import asyncio, sys
        barrier = []
        async def main(n):
            print("begin", n)
            barrier.append(n)
            while len(barrier) < 5:
                await asyncio.sleep(0)
            print("end", n, file=sys.stderr)
        """
    )

    keys = [host.start(f"{name}:main", n) for n in range(5)]

    for n, key in enumerate(keys):
        host.done(key)
        assert host.output(key) == f"begin {n}\n"
        assert host.output(key, "err") == f"end {n}\n"


@pytest.mark.parametrize(
    "body",
    [
        "print('hello')",
        "await asyncio.gather(say())",
        "await asyncio.create_task(say())",
        "loop.call_soon(print, 'hello'); await asyncio.sleep(0)",
        "await asyncio.to_thread(print, 'hello')",
        "await loop.run_in_executor(None, print, 'hello')",
        "with ThreadPoolExecutor() as pool: pool.submit(print, 'hello')",
        "thread = threading.Thread(target=print, args=('hello',)); thread.start(); thread.join()",
        "thread = Mine(); thread.start(); thread.join()",
        "sys.stdout.buffer.write(b'hello\\n')",
        "sys.stdout.buffer.write('hello\\n'.encode()); sys.stdout.buffer.flush()",
        "sys.stdout.writelines(['hel', 'lo', '\\n'])",
        "sys.stdout.close(); sys.stdout.buffer.close(); print('hello')",
        "sys.stdout.reconfigure(encoding='latin-1'); print('hello')",
        "contextvars.Context().run(print, 'not mine'); print('hello')",
        "print('hel', end='', flush=True); print('lo')",
        "logging.getLogger('x').warning('hello')",
        "loop.call_soon(fails); await asyncio.sleep(0.01)",
    ],
)
def test_what_a_call_prints_is_its_own(host: Driven, body: str) -> None:
    done = host.function(
        f"""
        import asyncio, contextvars, logging, sys, threading
        from concurrent.futures import ThreadPoolExecutor
        async def say():
            print("hello")
        def fails():
            raise ValueError("hello")
        class Mine(threading.Thread):
            def run(self):
                print("hello")
        async def main():
            loop = asyncio.get_running_loop()
            {body}
        """
    )

    assert done.outcome == "succeeded", host.output(done.key, "err")
    if "fails" in body:
        assert host.output(done.key, "err").endswith("ValueError: hello\n")
    else:
        stream = "err" if "logging." in body else "out"
        assert host.output(done.key, stream) == "hello\n"


def test_threads_of_an_executor_belong_to_who_uses_them(host: Driven) -> None:
    name = host.module(
        """
        import asyncio, contextvars
        from concurrent.futures import ThreadPoolExecutor
        pool = ThreadPoolExecutor(1)
        async def main(n):
            await asyncio.wrap_future(pool.submit(print, n))
            pool.submit(print, n)
        async def nobodys():
            pool = ThreadPoolExecutor(1)
            await asyncio.wrap_future(pool.submit(print, "done"))
            contextvars.Context().run(pool.submit, print, "work of nobody")
            pool.shutdown()
        """
    )

    for n in range(3):
        assert host.output(host.run(f"{name}:main", n).key).startswith(f"{n}\n")
    assert host.output(host.run(f"{name}:nobodys").key) == "done\n"
    assert "work of nobody\n" in host.own_output.read_text()


def test_an_incomplete_line_is_said_soon_and_at_the_end(host: Driven) -> None:
    name = host.module(
        "import asyncio\nevent = asyncio.Event()\n"
        "async def main():\n    print('50 %', end='')\n    await event.wait()\n"
        "    print(', 100 %', end='')\nasync def go(): event.set()\n"
    )

    key = host.start(f"{name}:main")
    assert host.printed(key, "50 %") == "50 %"
    host.start(f"{name}:go")

    host.done(key)
    assert host.output(key) == "50 %, 100 %"


def test_characters_are_whole_and_what_is_none_is_replaced(host: Driven) -> None:
    done = host.function(
        r"""
        import sys
        async def main():
            for byte in "grün\n".encode():
                sys.stdout.buffer.write(bytes([byte]))
            print("\ud800 lone")
            sys.stdout.buffer.write(b"\xff\xc3")
        """
    )

    assert host.output(done.key) == "grün\n? lone\n\ufffd\ufffd"


def test_a_long_text_comes_in_parts(host: Driven) -> None:
    done = host.function("async def main(n):\n    print('é' * n)\n", 200_000)

    assert host.output(done.key) == "é" * 200_000 + "\n"
    parts = [one for one in host.reports if one[:2] == ["out", done.key]]
    assert [len(one[4]) for one in parts] == [65_536, 65_536, 65_536, 3_392, 1]


def test_what_an_import_prints_belongs_to_the_call_that_causes_it(host: Driven) -> None:
    name = host.module("print('imported')\nasync def main():\n    print('called')\n")

    first, second = host.run(f"{name}:main"), host.run(f"{name}:main")

    assert host.output(first.key) == "imported\ncalled\n"
    assert host.output(second.key) == "called\n"


def test_output_of_nobody_is_the_hosts_own(host: Driven) -> None:
    done = host.function(
        """
        import contextvars, subprocess, sys, threading
        async def main():
            contextvars.Context().run(print, "of nobody")
            subprocess.run([sys.executable, "-c", "print('of a program')"], check=True)
            print("to the real one", file=sys.__stdout__)
        """
    )

    assert done.outcome == "succeeded"
    assert host.output(done.key) == ""
    own = host.own_output.read_text()
    assert all(text in own for text in ("of nobody\n", "of a program\n", "to the real one\n"))


def test_a_thread_that_outlives_its_call_prints_into_the_hosts_own_output(host: Driven) -> None:
    name = host.module(
        """
        import threading
        event, said = threading.Event(), threading.Event()
        def late():
            event.wait()
            print("too late")
            said.set()
        async def main():
            threading.Thread(target=late).start()
        async def go():
            event.set()
            said.wait()
        """
    )

    done = host.run(f"{name}:main")
    host.run(f"{name}:go")

    assert host.output(done.key) == ""
    assert "too late\n" in host.own_output.read_text()


def test_a_call_whose_log_nobody_wants_says_nothing(host: Driven) -> None:
    done = host.function("async def main():\n    print('hello')\n    1 / 0\n", log=False)

    assert done.reason == "ZeroDivisionError: division by zero"
    assert host.output(done.key) + host.output(done.key, "err") == ""


def test_streams_look_like_those_of_python(host: Driven) -> None:
    done = host.function(
        """
        import sys
        async def main():
            out = sys.stdout
            assert (out.encoding, out.name, out.isatty()) == ("utf-8", "<stdout>", False)
            assert out.writable() and not out.readable() and not out.closed
            assert (out.fileno(), sys.stderr.fileno()) == (1, 2)
            assert sys.argv[1:] == ["an argument"]
            try:
                out.write(b"bytes")
            except TypeError as e:
                return str(e)
        """
    )

    assert done.result == '"write() argument must be str, not bytes"', done.reason


def test_threads_see_no_other_variables_of_the_context_than_in_plain_python(host: Driven) -> None:
    done = host.function(
        """
        import contextvars, threading
        var = contextvars.ContextVar("var", default="default")
        async def main():
            var.set("set")
            seen = []
            thread = threading.Thread(target=lambda: seen.append(var.get()))
            thread.start()
            thread.join()
            return seen
        """
    )

    assert done.result == '["default"]'
