"""The answers that `init` works with: from options, or from a person who is asked."""

import sys
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from ..broker import urls
from ..broker.errors import UsageError
from ..broker.joining import link as links
from ..broker.names import check_queue
from . import contexts, loop
from .asking import agrees, ask, ask_secret
from .config import Settings
from .context_changes import outright_url, secret_url
from .doctor import server_checks
from .doctor.finding import Verdict
from .render.screen import Screen

EMBEDDED: Final = "embedded"
_LINK: Final = "rqa+tls:"


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What options say; empty where they say nothing."""

    server: str = ""
    namespace: str = ""
    queue: str = ""
    token_file: str = ""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be set; empty where what is set now stays."""

    server: str = ""
    """`embedded`, a join link, or a URL with its password."""
    namespace: str = ""
    queue: str = ""

    @property
    def is_link(self) -> bool:
        """Whether a server is to be joined."""
        return self.server.startswith(_LINK)

    @property
    def url(self) -> str:
        """The server's, if it is one by a URL."""
        return "" if self.server == EMBEDDED or self.is_link else self.server


def gather(settings: Settings, screen: Screen, given: Given, *, is_sure: bool) -> Answers:
    """Return the answers; ask for them unless that was forbidden.

    Args:
        settings: as they are now.
        screen: to ask on.
        given: what options say.
        is_sure: nothing is asked.

    Raises:
        UsageError: an answer is not acceptable, or nobody is there to be asked.
    """
    if given.server:
        _check_server(given.server)
    if given.queue:
        check_queue(given.queue)
    contexts.checked_namespace(given.namespace)
    if is_sure:
        server = secret_url() if given.server == "-" else given.server
        return Answers(server=server, namespace=given.namespace, queue=given.queue)
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody is there to be asked: say --yes, with --server, --namespace and --queue "
            "where what is set now won't do"
        )
    return _asked(settings, screen, given)


def _asked(settings: Settings, screen: Screen, given: Given) -> Answers:
    while True:
        server = given.server or _ask_server(settings, screen)
        if server == "-":
            server = secret_url()
        found = Answers(server=server, namespace=given.namespace)
        if found.url:
            namespace = given.namespace or ask(
                screen, "Namespace in it", settings.namespace, contexts.checked_namespace
            )
            found = Answers(server=server, namespace=namespace)
        if not found.url or _works(settings, screen, found):
            break
        if agrees("Take it all the same", usual=False):
            break
        given = msgspec.structs.replace(given, server="")
    screen.say("Where new tasks go when no queue is named.")
    queue = given.queue or ask(screen, "Queue", settings.queue, check_queue)
    return msgspec.structs.replace(found, queue=queue)


def _ask_server(settings: Settings, screen: Screen) -> str:
    """Return a server, empty for the present one."""
    screen.say(
        "Which server: `embedded` (it runs on this machine, nothing to set up), the link that"
    )
    screen.say(
        "`rq-agent up --listen` printed on another one, or the address of a Redis or Valkey."
    )
    usual = urls.redacted(settings.url) if settings.url else EMBEDDED

    def check(text: str) -> None:
        if text != usual:
            _check_server(text)

    answer = ask(screen, "Server", usual, check)
    if answer == usual:
        return ""
    is_address = answer != EMBEDDED and not answer.startswith(_LINK)
    return _with_password(answer) if is_address else answer


def _check_server(text: str) -> None:
    """Raise UsageError for what names no server, or has a password where it can be seen."""
    if text.startswith(_LINK):
        links.parse(text)
    elif text not in (EMBEDDED, "-"):
        outright_url(text, again="rq-agent init --server -")


def _with_password(url: str) -> str:
    password = ask_secret("Password for it (not shown; empty: none)")
    if not password:
        return url
    parts = urlsplit(url)
    login, _, place = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{login}:{quote(password, safe='')}@{place}").geturl()


def _works(settings: Settings, screen: Screen, answers: Answers) -> bool:
    """Try the server; tell what is wrong with it."""
    trial = msgspec.structs.replace(
        settings, url=answers.url, namespace=answers.namespace, context=""
    )

    async def look() -> bool:
        found = await server_checks.server(trial)
        for each in found:
            if each.verdict is Verdict.FAIL or each.name == "redis":
                screen.say(f"  {each.verdict} {each.name}: {each.words}")
        return all(each.verdict is not Verdict.FAIL for each in found)

    return loop.run(look)
