"""What errors mean that are hard to provoke on a real server; the others: integration tests."""

import pytest
from redis import exceptions as client

from rq_agent.broker.errors import (
    AccessDenied,
    BrokerRefused,
    BrokerUnavailable,
    KeyMisused,
    ReplyLost,
    ServerReadOnly,
)
from rq_agent.broker.failures import translate

IN_SCRIPT_6_2 = (
    "Error running script (call to f_1b9): @user_script:1: @user_script: 1: "
    "-OOM command not allowed when used memory > 'maxmemory'."
)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (client.ResponseError("MISCONF Errors writing to the AOF file"), BrokerRefused, "its disk"),
        (client.ResponseError(IN_SCRIPT_6_2, status_code="ERR"), BrokerRefused, "out of memory"),
        (
            client.MovedError("7 10.0.0.2:6379", status_code="MOVED"),
            BrokerRefused,
            r"use the URL of \(7 10.0.0.2:6379\)",
        ),
        (client.ResponseError("WRONGTYPE Operation against"), KeyMisused, "another program"),
        (
            client.ResponseError(
                "Command # 2 (HGETALL a) of pipeline caused error: ('WRONGTYPE Operation against',)"
            ),
            KeyMisused,
            "another program",
        ),
        (
            client.ReadOnlyError(
                'Command # 1 (SET (a) b) of pipeline caused error: ("You can\'t write",)',
                status_code="READONLY",
            ),
            ServerReadOnly,
            "read-only",
        ),
        (client.ResponseError("DENIED Redis is running"), AccessDenied, "protected mode"),
        (client.ConnectionError("max number of clients reached"), BrokerUnavailable, "maxclients"),
        (
            client.ClusterDownError("The cluster is down", status_code="CLUSTERDOWN"),
            BrokerUnavailable,
            "down",
        ),
        (client.BusyLoadingError("x", status_code="LOADING"), BrokerUnavailable, "still loading"),
        (client.ConnectionError("Connection reset by peer"), BrokerUnavailable, "rediss://"),
        (client.TimeoutError("Timeout connecting to server"), BrokerUnavailable, "in time"),
        (client.TimeoutError("Timeout reading from lab:6379"), ReplyLost, "in time"),
        (client.ConnectionError("Connection closed by server."), ReplyLost, "rediss://"),
    ],
)
def test_the_meaning_of_an_error(
    error: client.RedisError, kind: type[BrokerUnavailable], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        raise translate(error, "redis://lab:6379/0") or error

    assert type(caught.value) is kind
    assert "redis://lab:6379/0" in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        client.NoScriptError("No matching script", status_code="NOSCRIPT"),
        client.ResponseError("wrong number of arguments for 'get' command", status_code="ERR"),
        client.DataError("Invalid input of type"),
        client.ResponseError("user_script:3: OOM of ours", status_code="ERR"),
    ],
)
def test_an_error_that_is_a_bug_stays_as_it_is(error: client.RedisError) -> None:
    assert translate(error, "redis://lab:6379/0") is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            client.NoPermissionError(
                "this user has no permissions to run the 'flushall' command or its subcommand"
            ),
            "the user ann use FLUSHALL:",
        ),
        (
            client.NoPermissionError("User ann has no permissions to run the 'config|set' command"),
            "the user ann use CONFIG SET:",
        ),
        (
            client.NoPermissionError(
                "Command # 2 (HGETALL k) of pipeline caused error: this user has"
                " no permissions to access one of the keys used as arguments"
            ),
            "the user ann use this key with HGETALL: this login may use its own namespace only",
        ),
        (
            client.NoPermissionError("No permissions to access a key"),
            "the user ann use this key with GET:",
        ),
        (
            client.NoPermissionError("No permissions to access a channel"),
            "the user ann use this channel:",
        ),
        (
            client.ResponseError(
                "The user executing the script can't run this command or subcommand "
                "script: 3a8, on @user_script:1."
            ),
            r"the user ann use what a script needs \(GET\)",
        ),
        (
            client.ResponseError(
                "Error running script (call to f_3a): @user_script:1: @user_script: "
                "1: The user executing the script can't access at least one of the keys mentioned"
            ),
            r"the user ann use this key with what a script needs \(GET\)",
        ),
        (
            client.ResponseError(
                "ACL failure in script: User ann has no permissions to run the "
                "'hgetall' command script: on @user_script:1."
            ),
            "the user ann use HGETALL in a script:",
        ),
    ],
)
def test_a_denial_names_the_user_and_the_command(error: client.RedisError, words: str) -> None:
    with pytest.raises(AccessDenied, match=words):
        raise translate(error, "redis://lab:6379/0", user="ann", command="get") or error


def test_a_denial_without_a_login_names_the_default_user() -> None:
    error = client.NoPermissionError("No permissions to access a key")

    assert "let the user default use this key with this" in str(translate(error, "redis://lab"))
