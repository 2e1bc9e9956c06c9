"""What `init` does: answers, from a person or from options; then files."""

import sys
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import msgspec

from ..broker import urls
from ..broker.errors import UsageError
from ..broker.home import Home
from ..broker.joining import link as links
from ..broker.names import check_queue
from . import config, config_writing, contexts, exits, joining, loop
from .asking import agrees, ask, ask_secret
from .config import Settings
from .config_file import FILE_NAME
from .context_changes import outright_url, secret_url
from .context_listing import warn_of_outranking
from .contexts import Context
from .doctor import server_checks
from .doctor.finding import Verdict
from .options import Common
from .render.screen import Screen

_EMBEDDED = "embedded"
_LINK = "rqa+tls:"
_OUTRANKING = ("RQ_AGENT_REDIS_URL", "RQ_AGENT_CONTEXT", "RQ_AGENT_NAMESPACE")


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
        return "" if self.server == _EMBEDDED or self.is_link else self.server


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What will be written."""

    context: Context | None
    """That becomes the current one; None: the present one stays, or a join brings one."""
    link: str
    values: dict[tuple[str, str], str]
    """Of config.toml: tables and keys."""


def init(
    common: Common, screen: Screen, given: Given, environ: Mapping[str, str], *, is_sure: bool
) -> int:
    """Gather answers, show what will be written, and write it; return an exit code.

    Raises:
        UsageError: an answer is not acceptable, or nobody is there to be asked.
    """
    settings = _present(common, environ)
    plan = _plan(settings, _answers(settings, screen, given, is_sure=is_sure))
    if plan.context or plan.link or plan.values:
        _show(screen, settings, plan)
        if not is_sure and not agrees("Write this", usual=True):
            screen.say("nothing was written")
            return exits.FAILED
        _write(settings, screen, plan, given)
    else:
        screen.say("nothing has to be written: all is set like this already")
    if not plan.link:
        _report(screen, _present(common, environ))
    warn_of_outranking(screen, environ)
    return exits.OK


def _present(common: Common, environ: Mapping[str, str]) -> Settings:
    """Return what files say now; a current context that is gone counts as none."""
    rest = {name: value for name, value in environ.items() if name not in _OUTRANKING}
    home = config.home_of(environ)
    context = contexts.LOCAL if _is_stale(home) else ""
    return config.load(Common(context=context, json=common.json), rest)


def _is_stale(home: Home) -> bool:
    """Return whether the current context is one that is gone."""
    return contexts.current(home) not in ("", *contexts.names(home), *contexts.RESERVED)


def _answers(settings: Settings, screen: Screen, given: Given, *, is_sure: bool) -> Answers:
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
    usual = urls.redacted(settings.url) if settings.url else _EMBEDDED

    def check(text: str) -> None:
        if text != usual:
            _check_server(text)

    answer = ask(screen, "Server", usual, check)
    if answer == usual:
        return ""
    is_address = answer != _EMBEDDED and not answer.startswith(_LINK)
    return _with_password(answer) if is_address else answer


def _check_server(text: str) -> None:
    """Raise UsageError for what names no server, or has a password where it can be seen."""
    if text.startswith(_LINK):
        links.parse(text)
    elif text not in (_EMBEDDED, "-"):
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


def _plan(settings: Settings, answers: Answers) -> Plan:
    """Return what has to be written for it to be so."""
    values: dict[tuple[str, str], str] = {}
    if answers.queue and answers.queue != settings.queue:
        values["submit", "queue"] = answers.queue
    if answers.namespace and not answers.url:
        _check_namespace_is_of_file(settings, answers)
        if answers.namespace != settings.namespace:
            values["redis", "namespace"] = answers.namespace
    context = None
    if answers.url:
        name = _name(settings, answers.url)
        context = Context(name=name, url=answers.url, namespace=answers.namespace)
    elif not answers.is_link and (
        _is_stale(settings.home) or (answers.server == _EMBEDDED and settings.url)
    ):
        context = Context(name=contexts.LOCAL, url="")
    return Plan(context=context, link=answers.server if answers.is_link else "", values=values)


def _check_namespace_is_of_file(settings: Settings, answers: Answers) -> None:
    if answers.is_link:
        raise UsageError("a link names its namespace itself: leave out --namespace")
    if not answers.server and settings.context not in contexts.RESERVED:
        raise UsageError(
            f"the namespace belongs to the context {settings.context}: say --server too"
        )


def _name(settings: Settings, url: str) -> str:
    """Return a name for a server: of its host, and the one that it has already."""
    address = urls.parse(url)
    base = joining.default_name(address.host or address.service)
    taken = contexts.names(settings.home)
    number = 1
    while True:
        name = base if number == 1 else f"{base}-{number}"
        number += 1
        if name in contexts.RESERVED:
            continue
        if name not in taken or _is_address(settings, name, url):
            return name


def _is_address(settings: Settings, name: str, url: str) -> bool:
    try:
        return urls.redacted(contexts.load(settings.home, name).url) == urls.redacted(url)
    except UsageError:
        return False


def _show(screen: Screen, settings: Settings, plan: Plan) -> None:
    """Tell what will be written; no password."""
    screen.say("This will be written:")
    if plan.link:
        screen.say(f"  a login of your own, from {links.parse(plan.link).place}")
    if plan.context is not None:
        server = urls.redacted(plan.context.url) if plan.context.url else "the embedded server"
        namespace = f", namespace {plan.context.namespace}" if plan.context.namespace else ""
        screen.say(f"  the current context: {plan.context.name}, {server}{namespace}")
    if plan.values:
        screen.say(f"  {settings.home.config / FILE_NAME}")
    for (table, key), value in plan.values.items():
        screen.say(f'    [{table}] {key} = "{value}"')


def _write(settings: Settings, screen: Screen, plan: Plan, given: Given) -> None:
    path = settings.home.config / FILE_NAME
    text = config_writing.with_values(config_writing.read_text(path), plan.values)
    if plan.link:
        joining.join(
            settings, screen, plan.link, name="", token_file=given.token_file, is_used=True
        )
    if plan.context is not None:
        if plan.context.url:
            contexts.save(settings.home, plan.context)
        contexts.use(settings.home, plan.context.name)
    if plan.values:
        config_writing.write(path, text)


def _report(screen: Screen, settings: Settings) -> None:
    shown = {
        "context": settings.context,
        "server": urls.redacted(settings.url) if settings.url else _EMBEDDED,
        "namespace": settings.namespace,
        "queue": settings.queue,
    }
    if screen.json:
        screen.print_json({"schema": 1, **shown})
        return
    for name, value in shown.items():
        screen.put(f"{name:<10} {value}")
    screen.say("next:")
    screen.say("  rq-agent doctor")
    screen.say("  rq-agent run script.py")
