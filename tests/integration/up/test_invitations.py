"""Invitations that are made while the registrar looks for what has expired."""

from collections.abc import Mapping
from pathlib import Path

from rq_agent.broker.connection import connect
from rq_agent.broker.embedded.start import ensure
from rq_agent.broker.embedded.stop import stop
from rq_agent.broker.joining.records import TokenRecord
from rq_agent.broker.joining.tokens import Tokens
from rq_agent.broker.namespace import Namespace


async def test_a_token_that_is_made_during_a_sweep_stays(tmp_path: Path) -> None:
    async with connect(ensure(tmp_path)) as redis:
        namespace = await Namespace.open(redis, "lab")
        tokens = Tokens(namespace)

        class Meanwhile(Tokens):
            """Somebody invites just after the records were read."""

            async def open(self) -> Mapping[str, TokenRecord]:
                found = await super().open()
                await tokens.create("worker", expires_ms=60_000)
                return found

        taken_back = await Meanwhile(namespace).sweep()

        assert taken_back == []
        assert len(await tokens.open()) == 1
    stop(tmp_path)
