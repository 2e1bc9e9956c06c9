"""How scripts reach a server."""

from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from rq_agent.broker import scripts
from rq_agent.broker.namespace import Namespace

from .steps import add, claim, line

LUA = Path(scripts.__file__).parent / "lua"
PARTS = {
    *("adding", "adoption", "ageing", "amending", "closing", "commands", "counts", "definitions"),
    "describing",
    *(
        "endings",
        "families",
        "fronts",
        "gathering",
        "holds",
        "kinds",
        "losing",
        "neighbours",
        "orders",
    ),
    *(
        "parking",
        "placing",
        "plain",
        "prelude",
        "ready",
        "references",
        "removing",
        "sources",
        "states",
    ),
    *("sweeping", "turns", "uniqueness", "waiting", "waking"),
}
NAMES = sorted(set(scripts.Scripts.__annotations__))


async def test_a_server_that_forgot_its_scripts_gets_them_again(namespace: Namespace) -> None:
    await add(namespace, 450)
    await namespace.redis.script_flush()

    claimed = await claim(namespace, limit=3)
    await namespace.redis.script_flush()
    await add(namespace, 450)

    assert len(claimed.claims) == 3
    assert len(await line(namespace)) == 897


async def test_no_script_leaves_a_global_behind(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    count = "local n = 0 for _ in pairs(_G) do n = n + 1 end return n"
    before = await namespace.redis.eval(count, 0)

    refused = []
    for name in NAMES:
        try:
            await getattr(namespace.scripts, name)([task_id, *["1"] * 7])
        except ResponseError as e:
            refused.append(str(e))

    assert not [words for words in refused if "global" in words]
    assert await namespace.redis.eval(count, 0) == before


async def test_flags_are_used_where_the_server_knows_them(
    redis: Redis, request: pytest.FixtureRequest
) -> None:
    namespace = await Namespace.open(redis, "t")

    knows = not any(kind in request.node.name for kind in ("fakeredis", "redis62"))
    assert namespace.scripts.claim.text.startswith("#!lua flags=allow-oom\n") == knows
    assert not namespace.scripts.enqueue.text.startswith("#!")


def test_every_file_is_a_script_or_a_part() -> None:
    assert {path.stem for path in LUA.glob("*.lua")} == PARTS | set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_header_of_a_script_is_its_contract(name: str) -> None:
    header, _, code = (LUA / f"{name}.lua").read_text().partition("\n\n")

    assert header.startswith(f"-- {name}.lua: ")
    for word in ("KEYS[1]  prefix", "ARGV[1]", "Returns", "Writes", "Cost"):
        assert f"-- {word}" in header
    for forbidden in ("cmsgpack", "bit.", "struct.", "KEYS *", '"KEYS"', "os.time", "tostring("):
        assert forbidden not in code
