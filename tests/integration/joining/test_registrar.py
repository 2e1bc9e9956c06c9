"""What the registrar does with what comes: on each kind of server, over its private socket."""

import base64
import hashlib
import json
import secrets
from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest

from rq_agent.broker import keys
from rq_agent.broker.connection import connect
from rq_agent.broker.errors import AccessDenied, BrokerRefused, UsageError
from rq_agent.broker.joining.admission import Admission
from rq_agent.broker.joining.logins import Logins
from rq_agent.broker.joining.owner import Owner
from rq_agent.broker.joining.records import FRESH_MS, MAX_OPEN_TOKENS
from rq_agent.broker.joining.request import Kind, fields_of, parse_answer, proven, request_id
from rq_agent.broker.joining.token import Token
from rq_agent.broker.joining.tokens import Tokens
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.roles import ROLES, Role

from ...servers import Servers
from .stage import DEADLINE_S, HOUR_MS, Stage, open_stage


def asked(
    stage: Stage,
    role: str = "worker",
    token: Token | None = None,
    name: str = "box",
    **changes: Any,
) -> bytes:
    """A request of somebody; who is to submit proves with the token whose key it is."""
    digest, pair = hashlib.sha256(b"secret").hexdigest(), stage.person(name)
    fields = {
        "v": 1,
        "role": role,
        "name": name,
        "password_sha256": digest,
        "key": pair.public_line,
    }
    if token is not None:
        proof = pair.sign(proven(stage.pair.public, token.id, digest))
        fields["proof"] = base64.b64encode(proof).decode()
    return json.dumps(fields | changes).encode()


async def answer_to(stage: Stage, token: Token, content: bytes) -> Any:
    """Say it, and return the first answer."""
    async with stage.as_token(token) as redis:
        await stage.say(redis, token, content)
        return parse_answer((await stage.answers(redis, token))[0])


@pytest.mark.parametrize("role", ROLES)
async def test_a_request_becomes_a_login_with_the_rights_of_its_role(
    any_stage: Stage, role: Role
) -> None:
    stage = any_stage
    token = await stage.token(role)

    async with stage.registrar():
        answer = await answer_to(stage, token, asked(stage, role, token))

    assert answer.problem == ""
    assert answer.user == f"{role}-box-{request_id(asked(stage, role, token))[:4]}"
    assert answer.namespace == stage.ns.name
    ring = await stage.owner.open()
    in_keyring = stage.person("box").key_id in {key.id for key in ring.keys}
    assert in_keyring is (role in ("submitter", "operator"))
    assert answer.serial == ring.serial
    async with connect(stage.url(answer.user, "secret")) as redis:
        assert await redis.ping()
        with pytest.raises(AccessDenied):
            await redis.hgetall(keys.tokens(stage.ns.name))
        with pytest.raises(AccessDenied):
            await redis.hset(keys.members(stage.ns.name), "x", "y")
    assert answer.user in await stage.stored_users()


async def test_a_tokens_login_can_do_nothing_but_ask(any_stage: Stage) -> None:
    stage = any_stage
    token, other = await stage.token(), await stage.token()

    async with stage.as_token(token) as redis:
        assert await redis.ping()
        for attempt in (
            redis.get(keys.keyring(stage.ns.prefix)),
            redis.xrange(stage.stream(other)),
            redis.xadd(stage.stream(other), {"a": "b"}),
            redis.delete(stage.stream(token)),
            redis.xtrim(stage.stream(token), maxlen=0),
            redis.hgetall(keys.tokens(stage.ns.name)),
            redis.keys("*"),
            redis.info(),
            redis.acl_whoami(),
            redis.eval("return 1", 0),
            redis.config_get("*"),
            redis.client_list(),
        ):
            with pytest.raises(AccessDenied):
                await attempt


HOSTILE: Any = {
    "no JSON": b"{",
    "empty": b"",
    "binary": b"\xff\x00\xfe",
    "deep": b"[" * 4000,
    "another role": {"role": "operator"},
    "local": {"role": "local"},
    "no role": {"role": ""},
    "name with a space": {"name": "a b"},
    "name with a line end": {"name": "box\n"},
    "name with a pattern": {"name": "box~*"},
    "name with rights": {"name": "x on nopass ~* +@all"},
    "long name": {"name": "x" * 33},
    "name with a colon": {"name": "a:b"},
    "password in clear": {"password_sha256": "hunter2"},
    "rights for a password": {"password_sha256": "nopass"},
    "upper case": {"password_sha256": "A" * 64},
    "too long a hash": {"password_sha256": "0" * 65},
    "no key": {"key": ""},
    "another kind of key": {"key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 x"},
    "short key": {"key": "rqa-ed25519 AAAA x"},
    "long line": {"key": "rqa-ed25519 " + "A" * 43 + "= " + "x" * 400},
    "colours in the name": {"key": "rqa-ed25519 " + "A" * 43 + "= \x1b[31m"},
    "rights of one's own choice": {"queues": ["*"]},
    "key of another": {"key": "rqa-ed25519 " + "A" * 43 + "= x"},
    "no proof": {"proof": ""},
    "proof of another": {"proof": base64.b64encode(b"x" * 64).decode()},
    "half a proof": {"proof": base64.b64encode(b"x" * 32).decode()},
    "user of one's own choice": {"user": "local"},
    "newer version": {"v": 2},
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_a_hostile_request_is_refused_and_leaves_nothing(stage: Stage, what: str) -> None:
    token = await stage.token("submitter")
    wrong = HOSTILE[what]
    content = (
        wrong
        if isinstance(wrong, bytes)
        else asked(stage, token=token, **{"role": "submitter"} | wrong)
    )
    before = await stage.owner.open()

    async with stage.registrar():
        answer = await answer_to(stage, token, content)

        assert answer.problem != ""
        assert answer.user == ""
        assert await stage.users() == {token.user}
        assert await stage.members.list() == []
        assert await stage.owner.open() == before
        good = await answer_to_next(stage, token, asked(stage, "submitter", token))
        assert good.problem == ""


async def test_nobody_joins_with_the_key_of_the_owner_or_of_a_colleague(stage: Stage) -> None:
    """Its queues would become those of the token, and it would be removed with that login."""
    token, other = await stage.token("submitter", queues=("gpu-*",)), await stage.token("submitter")
    before = await stage.owner.open()

    async with stage.registrar(), stage.as_token(token) as redis:
        theirs = asked(stage, "submitter", other)  # meant for another token
        for content in (
            asked(stage, "submitter", token, key=stage.pair.public_line),
            asked(stage, "submitter", token, key=stage.person("ada").public_line),
            theirs,
        ):
            await stage.say(redis, token, content)
        for answer in await stage.answers(redis, token, 3):
            assert parse_answer(answer).problem.endswith("is not the joiner's own")

    assert await stage.owner.open() == before


async def answer_to_next(stage: Stage, token: Token, content: bytes) -> Any:
    """Say it, and return the answer to it among others."""
    async with stage.as_token(token) as redis:
        await stage.say(redis, token, content)
        for count in range(1, 9):
            for found in await stage.answers(redis, token, count):
                answer = parse_answer(found)
                if answer.request == request_id(content):
                    return answer
    raise AssertionError


@pytest.mark.parametrize(
    "fields",
    [
        {"request": b"x" * 5_000, "mac": b"0" * 64},
        {"request": b"{}", "mac": b"0" * 64},
        {"request": b"{}"},
        {"nonsense": b"1"},
        {b"\xff": b"\xff"},
        {"answer": b"{}", "mac": b""},
    ],
)
async def test_what_is_not_said_with_the_token_is_passed_over(
    stage: Stage, fields: dict[str, bytes]
) -> None:
    token = await stage.token()

    async with stage.registrar(), stage.as_token(token) as redis:
        await stage.say(redis, token, b"", fields=fields)
        await stage.say(redis, token, asked(stage))
        (answer,) = await stage.answers(redis, token)

    assert parse_answer(answer).problem == ""
    assert len(await stage.members.list()) == 1


async def test_another_login_that_reaches_the_stream_cannot_use_the_token(stage: Stage) -> None:
    """A worker may write to any key of the namespace: it lacks what the MAC is made of."""
    token = await stage.token("operator")
    forged = fields_of(Kind.REQUEST, asked(stage, "operator", token), secrets.token_bytes(32))

    async with stage.registrar():
        await stage.ns.redis.xadd(stage.stream(token), forged)  # type: ignore[arg-type]
        answer = await answer_to(stage, token, asked(stage, "operator", token, name="ada"))

    assert [member.name for member in await stage.members.list()] == ["ada"]
    assert answer.user.startswith("operator-ada-")


async def test_a_token_is_used_once(stage: Stage) -> None:
    token = await stage.token()

    async with stage.registrar():
        first = await answer_to(stage, token, asked(stage))
        second = await answer_to_next(stage, token, asked(stage, name="other"))

    assert first.problem == ""
    assert "expired or was used; ask for a new one: rq-agent invite worker" in second.problem
    assert [member.user for member in await stage.members.list()] == [first.user]


async def test_a_token_for_several_lets_in_so_many(stage: Stage) -> None:
    token = await stage.token(uses=2)

    async with stage.registrar():
        answers = [
            await answer_to_next(stage, token, asked(stage, name=name)) for name in ("a", "b", "c")
        ]

    assert [answer.problem == "" for answer in answers] == [True, True, False]
    assert {member.name for member in await stage.members.list()} == {"a", "b"}


async def test_who_repeats_a_request_gets_the_same_answer(stage: Stage) -> None:
    token = await stage.token()

    async with stage.registrar(), stage.as_token(token) as redis:
        for _ in range(3):
            await stage.say(redis, token, asked(stage))
        answers = await stage.answers(redis, token, 3)

    assert len(set(answers)) == 1
    assert len(await stage.members.list()) == 1


async def test_the_login_that_was_let_in_is_named_as_the_invitation_says(stage: Stage) -> None:
    token = await stage.token("submitter", name="intern", queues=("low", "gpu-*"))

    async with stage.registrar():
        answer = await answer_to(stage, token, asked(stage, "submitter", token))

    assert answer.user.startswith("submitter-intern-")
    assert answer.queues == ("low", "gpu-*")
    key = (await stage.owner.open()).find(stage.person("box").key_id)
    assert key is not None
    assert key.queues == ("low", "gpu-*")
    assert not key.allows("high")


async def test_a_token_that_is_done_with_is_removed_when_the_joiner_says_so(stage: Stage) -> None:
    token = await stage.token()

    async with stage.registrar(), stage.as_token(token) as redis:
        await stage.say(redis, token, asked(stage))
        await stage.answers(redis, token)
        wrong = fields_of(Kind.DONE, b"another", token.mac_key)
        await stage.say(redis, token, b"", fields=wrong)
        done = fields_of(Kind.DONE, request_id(asked(stage)).encode(), token.mac_key)
        await stage.say(redis, token, b"", fields=done)
        await stage.until_gone(token)

    assert await stage.ns.redis.exists(stage.stream(token)) == 0
    assert await stage.tokens.open() == {}
    assert token.user not in await stage.stored_users()


async def test_a_request_that_nobody_answered_in_time_uses_nothing_up(stage: Stage) -> None:
    token = await stage.token()
    now_s, _ = await stage.ns.redis.time()
    long_ago = now_s * 1000 - FRESH_MS - 1_000

    async with stage.as_token(token) as redis:
        await stage.say(redis, token, asked(stage, name="early"), id=f"{long_ago}-1")
    async with stage.registrar():
        answer = await answer_to(stage, token, asked(stage, name="late"))

    assert answer.user.startswith("worker-late-")
    assert [member.name for member in await stage.members.list()] == ["late"]


async def test_a_request_that_waited_for_the_registrar_is_answered(stage: Stage) -> None:
    token = await stage.token()

    async with stage.as_token(token) as redis:
        await stage.say(redis, token, asked(stage))
        async with stage.registrar():
            (answer,) = await stage.answers(redis, token)

    assert parse_answer(answer).problem == ""


async def test_two_registrars_let_a_machine_in_once(stage: Stage) -> None:
    tokens = [await stage.token("submitter") for _ in range(5)]

    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(stage.registrar())
        found = [
            await answer_to(stage, token, asked(stage, "submitter", token)) for token in tokens
        ]

    assert len({answer.user for answer in found}) == len(await stage.members.list()) == 5
    assert await stage.users() >= {answer.user for answer in found}
    ring = await stage.owner.open()
    assert len(ring.keys) == 2  # the owner's, and the one key of all five


@pytest.mark.parametrize("step", ["let_member_in", "add", "_say"])
async def test_a_registrar_that_dies_between_two_steps_is_followed_by_one_that_ends_them(
    stage: Stage, step: str
) -> None:
    class Died(Exception):
        pass

    async def die(*_: object, **__: object) -> None:
        raise Died

    token = await stage.token("submitter")

    async def until_it_dies() -> None:
        async with stage.registrar(), stage.as_token(token) as redis:
            await stage.say(redis, token, asked(stage, "submitter", token))
            await anyio.sleep_forever()

    with pytest.MonkeyPatch.context() as patch:
        kinds: dict[str, type] = {"let_member_in": Logins, "add": Owner, "_say": Admission}
        patch.setattr(kinds[step], step, die)
        with pytest.raises(ExceptionGroup) as caught:
            await until_it_dies()
        assert caught.group_contains(Died)

    async with stage.registrar(), stage.as_token(token) as redis:
        (answer,) = await stage.answers(redis, token)

    found = parse_answer(answer)
    assert found.problem == ""
    async with connect(stage.url(found.user, "secret")) as redis:
        assert await redis.ping()
    assert (await stage.owner.open()).find(stage.person("box").key_id) is not None
    assert len(await stage.members.list()) == 1


async def test_a_login_that_was_removed_does_not_come_back_with_the_registrar(stage: Stage) -> None:
    token = await stage.token("submitter", uses=2)
    async with stage.registrar():
        answer = await answer_to(stage, token, asked(stage, "submitter", token))
    removed = await stage.members.remove(await stage.member(answer.user), stage.owner)
    assert removed.key_was_trusted

    async with stage.registrar(), stage.as_token(token) as redis:
        answers = await stage.answers(redis, token, 2)

    assert "was removed again" in parse_answer(answers[-1]).problem
    assert await stage.users() == {token.user}
    assert (await stage.owner.open()).find(stage.person("box").key_id) is None


async def test_an_expired_token_is_removed_before_anybody_can_come(any_stage: Stage) -> None:
    stage = any_stage
    expired, good = await stage.token(expires_ms=1_000), await stage.token()
    record = json.loads((await stage.ns.redis.hget(keys.tokens(stage.ns.name), expired.id)) or b"")
    await stage.ns.redis.hset(
        keys.tokens(stage.ns.name), expired.id, json.dumps(record | {"expires_ms": 1})
    )

    assert await stage.tokens.sweep() == [expired.id]

    assert await stage.users() == {good.user} == await stage.stored_users()
    assert list(await stage.tokens.open()) == [good.id]


async def test_a_token_expires_while_the_registrar_waits(stage: Stage) -> None:
    async with stage.registrar():
        token = await stage.token(expires_ms=1_000)

        await stage.until_gone(token)

    assert await stage.tokens.open() == {}


async def test_a_user_of_a_token_without_a_record_is_a_stray(stage: Stage) -> None:
    """As after a crash of a Redis that lost the record, but not its file of users."""
    token = await stage.token()
    await stage.ns.redis.delete(keys.tokens(stage.ns.name))
    other = Tokens(await namespace_beside(stage))
    foreign = await other.create("worker", expires_ms=HOUR_MS)

    await stage.tokens.sweep()

    assert await stage.users() == {foreign.user}
    assert token.user not in await stage.stored_users()


async def namespace_beside(stage: Stage) -> Namespace:
    return await Namespace.open(stage.ns.redis, stage.ns.name + "x")


async def test_a_record_that_somebody_spoiled_ends_its_token_only(stage: Stage) -> None:
    token, good = await stage.token(), await stage.token()
    await stage.ns.redis.hset(keys.tokens(stage.ns.name), token.id, b"\xff")

    async with stage.registrar():
        answer = await answer_to(stage, good, asked(stage))

    assert answer.problem == ""
    assert token.user not in await stage.users()


async def test_a_token_that_floods_its_stream_is_taken_back(stage: Stage) -> None:
    token, good = await stage.token(), await stage.token()

    async with stage.as_token(token) as redis:
        pipe = redis.pipeline(transaction=False)
        for _ in range(300):
            pipe.xadd(stage.stream(token), {"x": "y"})
        await pipe.execute()
    async with stage.registrar():
        await stage.until_gone(token)
        answer = await answer_to(stage, good, asked(stage))

    assert answer.problem == ""
    assert await stage.ns.redis.exists(stage.stream(token)) == 0


@pytest.mark.parametrize("name", ["bell", "token"])
async def test_what_is_no_stream_keeps_nobody_out(any_stage: Stage, name: str) -> None:
    """As a worker's login could write it."""
    stage = any_stage
    token = await stage.token()
    key = stage.stream(token) if name == "token" else keys.join(stage.ns.prefix, "bell")
    await stage.ns.redis.delete(key)
    await stage.ns.redis.set(key, "x")

    async with stage.registrar(), stage.as_token(token) as redis:
        with anyio.fail_after(DEADLINE_S):
            while await stage.ns.redis.exists(key):
                await anyio.sleep(0.01)
        await stage.say(redis, token, asked(stage))
        (answer,) = await stage.answers(redis, token)

    assert parse_answer(answer).problem == ""


async def test_nothing_is_said_into_a_stream_that_went_with_its_token(stage: Stage) -> None:
    token = await stage.token()
    record = (await stage.tokens.open())[token.id]
    now_s, _ = await stage.ns.redis.time()
    said = fields_of(Kind.REQUEST, asked(stage), token.mac_key)
    entry = (f"{now_s * 1000}-0".encode(), {name.encode(): said[name] for name in said})
    await stage.tokens.revoke(token.id)

    await Admission(stage.ns, stage.owner, stage.tokens).hear(token.id, record, entry)

    assert await stage.ns.redis.exists(stage.stream(token)) == 0
    assert await stage.members.list() == []


async def test_a_token_is_taken_back_by_its_id(stage: Stage) -> None:
    token = await stage.token()

    assert await stage.tokens.revoke(token.id)
    assert not await stage.tokens.revoke(token.id)

    assert await stage.users() == set()
    assert await stage.ns.redis.exists(stage.stream(token)) == 0


async def test_only_so_many_tokens_are_open(stage: Stage) -> None:
    content = await stage.ns.redis.hget(keys.tokens(stage.ns.name), (await stage.token()).id)
    for n in range(MAX_OPEN_TOKENS - 1):
        await stage.ns.redis.hset(keys.tokens(stage.ns.name), f"id{n:04}", content or b"")

    with pytest.raises(UsageError, match=r"64 tokens are open, which is the most: .*--revoke ID"):
        await stage.token()


async def test_who_is_not_the_servers_owner_makes_no_token(stage: Stage) -> None:
    token = await stage.token("operator")
    async with stage.registrar():
        answer = await answer_to(stage, token, asked(stage, "operator", token))

    async with connect(stage.url(answer.user, "secret")) as redis:
        with pytest.raises(AccessDenied):
            await Tokens(await Namespace.open(redis, stage.ns.name)).create(
                "operator", expires_ms=HOUR_MS
            )


async def test_a_server_that_would_forget_its_users_is_refused(stage: Stage, tmp_path: Any) -> None:
    with Servers() as servers:
        socket = servers.socket("valkey")
        async with connect(f"unix://{socket}") as redis:
            await redis.acl_setuser(
                "local", enabled=True, nopass=True, keys=["*"], categories=["+@all"]
            )
        async with open_stage(socket, tmp_path / "other") as bare:
            with pytest.raises(BrokerRefused, match=r"can't keep its users: .*set aclfile"):
                await bare.token()
