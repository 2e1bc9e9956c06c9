"""What is said to a login that may not do what it tried."""

import pytest

from rq_agent.broker.denials import denial
from rq_agent.broker.roles import role_of

KEY = "ACL failure in script: No permissions to access a key script: on @user_script:12."
COMMAND = "ACL failure in script: User x has no permissions to run the 'hset' command"


@pytest.mark.parametrize(
    ("user", "text", "words"),
    [
        (
            "submitter-ada-1f3c",
            KEY,
            (
                "does not let the user submitter-ada-1f3c use this key with what a script needs (EVALSHA):"
                " this login may submit to its own namespace, no more; to drain and stop workers, ask"
                " for a link of `rq-agent invite operator`"
            ),
        ),
        (
            "viewer-bo-2a",
            COMMAND,
            (
                "does not let the user viewer-bo-2a use HSET in a script: this login may look at its own"
                " namespace, no more; to submit, ask for a link of `rq-agent invite submitter`"
            ),
        ),
        (
            "worker-gpu1-9",
            KEY,
            (
                "does not let the user worker-gpu1-9 use this key with what a script needs (EVALSHA):"
                " this login may use its own namespace only"
            ),
        ),
        (
            "operator",
            "User operator has no permissions to run the 'config|get' command",
            (
                "does not let the user operator use CONFIG GET: see deploy/redis/README.md for what each"
                " user may"
            ),
        ),
    ],
)
def test_a_denial_says_what_the_login_may_and_whom_to_ask(user: str, text: str, words: str) -> None:
    assert denial(text, user=user, command="evalsha") == words


@pytest.mark.parametrize(
    ("user", "role"),
    [
        ("submitter-ada-1f3c", "submitter"),
        ("viewer", "viewer"),
        ("operator-a-b-c", "operator"),
        ("worker-1", "worker"),
        ("workers-1", None),
        ("local", None),
        ("", None),
        ("-submitter", None),
    ],
)
def test_a_users_name_begins_with_its_role(user: str, role: str | None) -> None:
    assert role_of(user) == role
