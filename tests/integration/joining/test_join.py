"""Joining as a person sees it: over TLS, with a link and a token, from nothing to a login."""

import pytest

from rq_agent.broker.connection import connect
from rq_agent.broker.errors import AccessDenied
from rq_agent.broker.roles import ROLES, Role

from .stage import Stage


@pytest.mark.parametrize("role", ROLES)
async def test_who_has_link_and_token_gets_a_login_of_its_own(stage: Stage, role: Role) -> None:
    token = await stage.token(role)

    async with stage.registrar(), stage.relay() as port:
        done = await stage.join(stage.link(role, port), token)
        await stage.until_gone(token)

    async with connect(stage.url(done.user, done.password)) as redis:
        assert await redis.ping()
    member = await stage.member(done.user)
    assert (member.role, member.name, member.key_id) == (role, "ada", stage.person("ada").key_id)
    assert done.user.startswith(f"{role}-ada-")
    assert await stage.users() == {done.user} == await stage.stored_users()
    async with stage.as_token(token) as redis:
        with pytest.raises(AccessDenied):
            await redis.ping()
