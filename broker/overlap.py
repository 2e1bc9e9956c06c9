"""Commands of one connection, each made and sent while the server still works on those before."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from redis.asyncio import Redis

_AHEAD: Final = 2
"""Commands that the server may have before it: one to work on, one to go on with."""


async def overlapped(redis: "Redis", commands: Iterable[Sequence[Any]]) -> list[Any]:
    """Send commands in order and return their answers.

    Args:
        redis: the client; one of its connections carries all commands.
        commands: taken one by one, so what makes them runs beside the server.

    Raises:
        RedisError, or ours for it: of the first command that failed; no later answers are read,
            and at most two later commands were sent.
    """
    import anyio.lowlevel

    from .translated import translated

    pool = redis.connection_pool
    answers: list[Any] = []
    sent = 0
    where, user = getattr(redis, "where", "redis"), getattr(redis, "user", "")
    with translated(where, user=user, command="EVALSHA"):
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            for command in commands:
                sent += 1  # before it is: cancelled on the way, its answer may come all the same
                await connection.send_command(*command)
                await anyio.lowlevel.checkpoint()  # the loop gives it to the socket only now
                if sent - len(answers) > _AHEAD:
                    answers.append(await connection.read_response())
            while len(answers) < sent:
                answers.append(await connection.read_response())
        finally:
            with anyio.CancelScope(shield=True):
                if len(answers) < sent:  # else the next user would get these answers
                    await connection.disconnect(nowait=True)
                await pool.release(connection)
    return answers
