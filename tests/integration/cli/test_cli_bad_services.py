"""Light tasks that go wrong, as a person meets them: what state, reason and log say."""

from typing import Final

from .terminal import Terminal, until_line

FUNCTIONS: Final = """
import asyncio, os, time

async def wants(a: int, b: int = 1):
    return a

async def gives_much():
    return "x" * 2_000_000

async def exits_hard():
    os._exit(4)

async def swallows():
    print("here")
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            print("not yet")

async def blocks():
    time.sleep(60)

def eats():
    return len([b"x" * 2**20 for _ in range(1024)])
"""
SLOW: Final = "import time\ntime.sleep(60)\n\nasync def main():\n    pass\n"
ENDS: Final = {
    # what is submitted: state, exit code, the begin of the reason, what the log says
    '--args ["x"] fn:wants': (
        "failed",
        1,
        "wants(a: int, b: int = 1): argument a: expected int, got str",
        "rq-agent: error: wants(",
    ),
    "fn:gives_much": ("succeeded", 0, "", ""),
    "fn:exits_hard": ("failed", 4, "exit 4", "it had its host for itself"),
    "fn:blocks": ("failed", None, "blocked its event loop for", "await asyncio.to_thread"),
    "fn:eats": ("failed", 137, "oom: used more than 200 MiB", "its host ended (oom"),
    "--timeout 1s --grace 1s fn:swallows": ("timed_out", None, "timed out after 1 s", "not yet"),
    "--timeout 1s slow.py:main": (
        "timed_out",
        None,
        "timed out after 1 s, while slow.py was being imported",
        "",
    ),
}
REFUSED: Final = {
    "fn:wanst": "fn has no function wanst; did you mean wants?",
    "--args [1,2,3] fn:wants": "wants: too many positional arguments",
    "broken:main": "broken line 1: invalid syntax",
}


def test_what_goes_wrong_is_told_in_plain_words(terminal: Terminal) -> None:
    terminal.script(FUNCTIONS, "fn.py")
    terminal.script("async def main(:\n", "broken.py")
    terminal.script(SLOW, "slow.py")
    for target, words in REFUSED.items():
        refused = terminal("submit", "--service", *target.split())
        assert (refused.returncode, refused.stdout) == (2, b"")
        assert words in refused.stderr.decode()
    worker = terminal.start(
        *("work", "--services", "20", "--slots", "0", "--queues", "services"),
        *("--host-lag", "0.5s", "--host-mem", "200M"),
    )
    until_line(worker, b"ready", of_stderr=True)
    ids = {target: terminal.text("submit", "--service", *target.split()).strip() for target in ENDS}
    terminal("wait", *ids.values())

    records = {record["id"]: record for record in terminal.json("ps", "--all")["tasks"]}
    for target, (state, code, reason, words) in ENDS.items():
        record = records[ids[target]]
        assert (record["state"], record["exit_code"]) == (state, code), (target, record)
        assert record["reason"].startswith(reason), (target, record["reason"])
        assert (record["attempt"], record["lost"]) == (1, 0), target
        if words:
            said = terminal("logs", ids[target])
            assert words in (said.stdout + said.stderr).decode(), target
    too_large = terminal("result", ids["fn:gives_much"])
    assert (too_large.returncode, too_large.stdout) == (1, b"")
    assert b"its result of 2000002 bytes was not kept" in too_large.stderr
